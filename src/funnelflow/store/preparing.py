"""What a run over a file needs to know before the first row: columns, zone, places."""

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from attrs import evolve

from funnelflow.criteria import Field
from funnelflow.engine import Funnel
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.store.checkpoints import Checkpoint
from funnelflow.store.files import STDIN, Input, RejectsFile
from funnelflow.store.mapping import Matched, match_columns
from funnelflow.store.options import FileOptions
from funnelflow.store.requests import Store

if TYPE_CHECKING:
    from funnelflow.store.opened import OpenWorkspace

__all__ = ["fields_of", "match", "open_rejects", "store_for"]


def match(
    workspace: "OpenWorkspace", opened: Input, targets: tuple[str, ...], options: FileOptions
) -> Matched:
    """Find out what the columns of an input are.

    Raises:
        UnknownNameError: The mapping names a column or a field that there is not.
        UsageError: It gives one target two meanings.
    """
    funnel = workspace.funnel(options.funnel or None)
    reader = opened.reader
    return match_columns(
        reader.columns,
        fields_of(funnel),
        options.mapping,
        targets=targets,
        open_ended=reader.format == "jsonl",
    )


def fields_of(funnel: Funnel) -> dict[str, Field]:
    """Give every field that a fact can be about: a contact's, and those of events."""
    fields: dict[str, Field] = {}
    for event in funnel.linked.events.values():
        fields |= event.event.fields
    return {**fields, **funnel.linked.fields}


def store_for(workspace: "OpenWorkspace", options: FileOptions) -> Store:
    """Give the workspace's store with the zone in which the file's times are meant.

    Raises:
        UnknownNameError: There is no such zone.
    """
    name = options.timezone or options.mapping.timezone
    if not name:
        return workspace.store
    try:
        return evolve(workspace.store, timezone=ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownNameError("time zone", name, sorted(available_timezones())) from None


def open_rejects(
    workspace: "OpenWorkspace", opened: Input, options: FileOptions, checkpoint: Checkpoint
) -> RejectsFile:
    """Open the rejects file where the last commit left it; it is made with the first row.

    Raises:
        UsageError: The file that was named holds something else.
        StoreError: It is not what it was when rows were last written to it.
    """
    held = Path(checkpoint.rejects) if checkpoint.rejects else None
    path = (options.rejects or held or _default_rejects(workspace, opened, checkpoint)).absolute()
    if options.rejects is not None and path != held and path.exists():
        raise UsageError(
            f"{options.rejects} exists already, and bad rows would replace what is in it",
            hint="name another file: --rejects FILE",
        )
    reader = opened.reader
    return RejectsFile(
        path,
        reader.columns,
        format=reader.format,
        delimiter=reader.delimiter,
        size=checkpoint.rejects_size if path == held else 0,
    )


def _default_rejects(workspace: "OpenWorkspace", opened: Input, checkpoint: Checkpoint) -> Path:
    """Name a file after the input and its content, so that one's rejects replace no other's."""
    name = opened.source.name
    stem = "stdin" if name == STDIN else Path(name).name.split(".")[0]
    mark = checkpoint.identity.removeprefix("head:")[:8]
    return workspace.config.directory / "rejects" / f"{stem}.{mark}.rejects.{opened.reader.format}"
