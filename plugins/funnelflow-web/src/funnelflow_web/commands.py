"""The commands below ``funnelflow web``."""

from collections.abc import Iterator, Mapping

import click

from funnelflow import Workspace
from funnelflow_web.inbound import rejects
from funnelflow_web.inbound.sources import Source, read_sources
from funnelflow_web.site import settings_in
from funnelflow_web.tokens import token_group


def commands() -> Iterator[click.Command]:
    """Yield the commands."""
    yield from rejects.commands(_sources_of)
    yield token_group()


def _sources_of(workspace: Workspace) -> Mapping[str, Source]:
    return read_sources(settings_in(workspace).sources, workspace.context.directory)
