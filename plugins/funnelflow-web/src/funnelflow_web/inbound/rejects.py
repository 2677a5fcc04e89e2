"""``funnelflow web rejects`` and ``funnelflow web retry``: what came in and could not be used."""

import json
from collections.abc import Callable, Iterator, Mapping

import click

from funnelflow import UnknownNameError, UsageError, Workspace
from funnelflow.cli import as_json, command, current
from funnelflow.ingest import KeptRecord, Receipt
from funnelflow_web.inbound.sources import Source

SourcesOf = Callable[[Workspace], Mapping[str, Source]]


def commands(sources_of: SourcesOf) -> Iterator[click.Command]:
    """Yield the commands.

    Args:
        sources_of: Returns the sources in the settings of a workspace.
    """

    @command("rejects", "funnelflow web rejects", "funnelflow web rejects crm --json")
    @click.argument("source", required=False)
    @as_json
    def rejects(source: str | None) -> int:
        """List what came in and could not be used.

        It was proved who sent it, and the sender was told that it arrived. Correct the mapping,
        then `funnelflow web retry`.
        """
        with current().open() as workspace:
            kept = workspace.kept_records(source)
        if current().json:
            click.echo(json.dumps([one.to_json() for one in kept]))
            return 0
        for one in kept:
            click.echo(_words(one))
        click.echo(f"{len(kept):,} kept" if kept else "nothing is kept", err=True)
        return 0

    @command("retry", "funnelflow web retry", "funnelflow web retry crm --dry-run")
    @click.argument("source", required=False)
    @click.option("--dry-run", is_flag=True, help="Say what would happen, store nothing.")
    @as_json
    def retry(source: str | None, *, dry_run: bool) -> int:
        """Try again what came in and could not be used.

        It counts when it happened, and once. Exits 1 if something still cannot be used.
        """
        with current().open() as workspace:
            found = dict(_retried(workspace, sources_of(workspace), source, dry_run=dry_run))
        left = sum(len(one.rejected) for one in found.values())
        if current().json:
            said = {name: _counts(one) for name, one in found.items()}
            click.echo(json.dumps({"sources": said, "dry_run": dry_run}))
            return 1 if left else 0
        for name, one in found.items():
            counts = _counts(one)
            click.echo(f"{name}: {counts['recorded']:,} recorded, {counts['kept']:,} kept")
        if dry_run:
            click.echo("dry run: nothing was stored", err=True)
        elif left:
            click.echo("hint: funnelflow web rejects says what is wrong", err=True)
        return 1 if left else 0

    yield rejects
    yield retry


def _retried(
    workspace: Workspace, sources: Mapping[str, Source], name: str | None, *, dry_run: bool
) -> Iterator[tuple[str, Receipt]]:
    """Try what is kept of one source, or of each, and yield what came of it."""
    kept = dict.fromkeys(one.source for one in workspace.kept_records(name))
    for one in [name] if name else kept:
        source = sources.get(one)
        if source is None:
            hint = "" if sources else "[plugins.web.sources.NAME] in funnelflow.toml names one"
            raise UnknownNameError("source", one, sources, hint=hint)
        yield one, retry_source(workspace, source, dry_run=dry_run)


def retry_source(workspace: Workspace, source: Source, *, dry_run: bool = False) -> Receipt:
    """Try again what is kept of a source.

    Raises:
        UsageError: Its mapping still cannot be used.
        StoreError: It could not be stored.
    """
    try:
        options = source.options(workspace, dry_run=dry_run)
        return workspace.retry_kept(options, source=source.name, create=source.create)
    except UsageError as error:
        said = f"the mapping of source {source.name!r} cannot be used: {error.message}"
        raise UsageError(said, hint=error.hint) from error


def _counts(receipt: Receipt) -> dict[str, int]:
    counts = receipt.counts
    return {
        "recorded": counts.rows - counts.rejected - counts.left_out - counts.repeated,
        "repeated": counts.repeated,
        "left_out": counts.left_out,
        "kept": counts.rejected,
    }


def _words(kept: KeptRecord) -> str:
    """Return a kept record as a person reads it; no character of it moves the cursor."""
    when = f"{kept.received:%Y-%m-%d %H:%M:%S} UTC"
    where = f"{kept.column}: " if kept.column else ""
    text = f"{kept.source}  {when}  {kept.id[:8]}  {where}{kept.reason}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
