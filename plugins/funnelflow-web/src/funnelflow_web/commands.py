"""The commands below ``funnelflow web``."""

from collections.abc import Iterator, Mapping

import click

from funnelflow import Workspace
from funnelflow_web.inbound import rejects
from funnelflow_web.inbound.sources import Source, read_sources
from funnelflow_web.settings import WebSettings


def commands(settings: WebSettings) -> Iterator[click.Command]:
    """Yield the commands.

    Args:
        settings: What ``[plugins.web]`` says.
    """

    def sources_of(workspace: Workspace) -> Mapping[str, Source]:
        return read_sources(settings.sources, workspace.context.directory)

    yield from rejects.commands(sources_of)
