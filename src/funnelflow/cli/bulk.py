"""What ``set``, ``record`` and ``move`` do with ``--where``: one change of many contacts."""

from collections.abc import Mapping
from typing import Any

from funnelflow.cli.options import moment_of
from funnelflow.cli.output import counted, hint, note, note_dry_run, watching
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Page, dim, line, strong
from funnelflow.errors import UsageError
from funnelflow.maintenance import BulkDone


def change_many(
    how: Mapping[str, Any], where: str, event: str, facts: Mapping[str, str], **more: Any
) -> int:
    """Change everybody for whom an expression is true, and say what came of it; 1 if none moved.

    Args:
        how: What the options of `writing` have said.
        where: The expression.
        event: What happened to them.
        facts: What it brought.
        more: What `Workspace.change_where` takes besides.
    """
    session, said = current(), dict(how)
    if said.pop("key", None):
        raise UsageError("--key is for one contact", hint="leave it out: a run is done once")
    with session.open() as workspace, watching(event, "contacts") as step:
        said |= {"at": moment_of(said.get("at"), workspace), "text": True}
        done = workspace.change_where(
            where,
            event,
            facts,
            progress=lambda done, size: step(done.contacts, size, done.contacts),
            **more,
            **said,
        )
    if answer(done.to_json, lambda page: bulk_lines(done, page)):
        if not done.contacts:
            note("no contact fits")
        if done.dry_run:
            note_dry_run()
        elif done.run is not None:
            hint(f"to take it back: funnelflow undo {done.run} --reason '…'")
    refused = done.refused + done.failed
    return 1 if refused and not (done.moved or done.stayed) else 0


def bulk_lines(done: BulkDone, page: Page) -> list[Line]:
    """Draw what came of a change of many contacts, with why it did not, the most common first."""
    if not done.contacts:
        return []
    counts = [f"{n:,} {name}" for name in _OUTCOMES if (n := getattr(done, name))]
    before = f", {done.before:,} before" if done.before else ""
    head = line(strong(f"{counted(done.contacts, 'contact')}: "), f"{', '.join(counts)}{before}")
    why: dict[tuple[str, ...], list[str]] = {}
    for one in done.answers:
        why.setdefault(one.reasons, []).append(one.contact)
    ordered = sorted(why.items(), key=lambda item: -len(item[1]))[:_REASONS]
    rows = [
        (f"{len(who):,}", "; ".join(reasons), dim(f"such as {', '.join(who[:_SUCH_AS])}"))
        for reasons, who in ordered
    ]
    return [*page.flow(head), *page.grid(rows, indent=2)]


_OUTCOMES = ("moved", "stayed", "refused", "failed")
_REASONS, _SUCH_AS = 20, 3
