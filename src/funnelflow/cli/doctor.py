"""``funnelflow doctor``: whether everything is well here, and what to do where it is not."""

import platform
import sqlite3
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Final

from attrs import asdict, frozen

from funnelflow.cli.configuration import lacking_here, reports_here
from funnelflow.cli.deliver import endpoints_in_use, overdue_words
from funnelflow.cli.maintenance import database_of
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import counted, note
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, line, mark, moment_and_zone, stack
from funnelflow.definition import Problem, read_definition
from funnelflow.errors import Error
from funnelflow.ingest.contact_matching import look_alikes_of
from funnelflow.plugins import PluginHost
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.storage.messages import backlogs
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.row_format import from_text
from funnelflow.storage.schema import status as database_status
from funnelflow.workspace.settings import find_workspace, library_of, read_config

_OFTEN: Final = 2
"""After how many attempts a message that did not arrive is no passing matter."""


@frozen
class DoctorFinding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        well: Whether it is as it should be.
        said: What was found.
        hint: What to do about it; empty when nothing needs to be.
    """

    name: str
    well: bool
    said: str
    hint: str = ""


@command("doctor", "funnelflow doctor", "funnelflow doctor --json")
@as_json
def doctor() -> int:
    """Say whether everything is well here.

    Looks at Python, the settings, the database, plugins, every definition of the
    workspace, and whom it notifies. Exits 1 if something needs to be done.
    """
    session = current()
    findings = list(examine(session))
    problems = sum(not finding.well for finding in findings)
    need = f"{problems} of {len(findings)} {'needs' if problems == 1 else 'need'} attention"
    if answer(
        lambda: [asdict(finding) for finding in findings],
        lambda page: stack(finding_lines(finding, page) for finding in findings),
    ):
        note(need if problems else "everything is well")
    return 1 if problems else 0


def examine(session: Session) -> Iterator[DoctorFinding]:
    """Look at everything, each thing whatever the others are like."""
    yield _fine("Python", f"{platform.python_version()} on {platform.system()}")
    yield _fine("SQLite", sqlite3.sqlite_version)
    root = yield from _workspace(session)
    if root is None:
        return
    yield from _looking("database", lambda: _database(session))
    yield from _plugins(session)
    yield from _definitions(session, root)
    yield from _looking("definitions in use", lambda: _in_use(session))
    yield from _looking("clocks", lambda: _clocks(session))
    yield from _looking("promises", lambda: _promises(session))
    yield from _looking("contacts", lambda: _look_alikes(session))
    yield from _kept(session)
    yield from _endpoints(session)


def finding_lines(finding: DoctorFinding, page: Page) -> list[Line]:
    """Draw a finding: a mark, what it is, and what to do."""
    said, *rest = page.paragraph(finding.said, indent=4, first=f"{finding.name}: ")
    return [
        line("  ", mark(ok=finding.well), " ", said[0].text.strip() + " ", said[1]),
        *rest,
        *page.paragraph(finding.hint, indent=6, first="hint: "),
    ]


def _fine(name: str, said: str) -> DoctorFinding:
    return DoctorFinding(name, well=True, said=said)


def _problem(name: str, said: str, hint: str) -> DoctorFinding:
    return DoctorFinding(name, well=False, said=said, hint=hint)


def _workspace(session: Session) -> Generator[DoctorFinding, None, Path | None]:
    """Find the workspace and read its settings; give its directory."""
    try:
        root = find_workspace(session.workspace)
        read_config(root, flags={"database": session.database})
    except Error as error:
        yield _problem("workspace", error.message, error.hint)
        return None
    yield _fine("workspace", str(root))
    return root


def _looking(name: str, look: Callable[[], DoctorFinding]) -> Iterator[DoctorFinding]:
    """Look at one thing; what cannot be looked at is a finding too."""
    try:
        yield look()
    except Error as error:
        yield _problem(name, error.message, error.hint)


def _database(session: Session) -> DoctorFinding:
    found = database_status(database_of(session))
    return DoctorFinding(
        "database",
        found.state == "current",
        f"{found.database}, version {found.revision or '(none)'}, {found.state}",
        "" if found.state == "current" else "funnelflow db status says what to do",
    )


def _plugins(session: Session) -> Iterator[DoctorFinding]:
    """Look at every plugin from another process; those that are broken are left out after it."""
    try:
        reports = reports_here(session)
    except Error as error:
        yield _problem("plugins", error.message, error.hint)
        session.host = PluginHost()
        return
    lacking = {found.name: found for found in lacking_here(session, reports)}
    for report in reports:
        if report.problems and report.name in lacking:
            hint = f"it is required here: {lacking[report.name].hint}"
            yield _problem(f"plugin {report.name}", "; ".join(report.problems), hint)
        elif report.problems:
            hint = f"to go on without it: {report.turn_off}"
            yield _problem(f"plugin {report.name}", "; ".join(report.problems), hint)
        elif report.name not in lacking:
            yield _fine(f"plugin {report.name}", f"{report.version} {report.status}".strip())
    for found in lacking.values():
        if not found.is_reported:
            yield _problem(
                f"plugin {found.name}", f"it is required here, and {found.why}", found.hint
            )
    session.has_shown_problems = True
    broken = [f"{r.kind}:{r.name}" for r in reports if r.status == "broken"]
    session.no_plugins = ",".join(filter(None, (session.no_plugins, *broken)))


def _definitions(session: Session, root: Path) -> Iterator[DoctorFinding]:
    """Check every definition of the workspace."""
    library = session.host.library(library_of(root))
    for path in sorted((root / "definitions").glob("*.y*ml")):
        problems = read_definition(path, library).problems
        found_as = Counter(problem.severity for problem in problems)
        errors, warnings = found_as["error"], found_as["warning"]
        both = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
        said = both if errors or warnings else "sound"
        hint = f"funnelflow check {path.relative_to(root)}" if errors else ""
        yield DoctorFinding(f"definition {path.stem}", not errors, said, hint)


def _in_use(session: Session) -> DoctorFinding:
    """Compare the definitions in use with their files."""
    with session.open() as workspace:
        names = workspace.funnels()
        changed = [name for name in names if workspace.outdated(name)]
    if not changed:
        return _fine("definitions in use", ", ".join(names) or "none yet")
    return _problem(
        "definitions in use",
        f"the file of {', '.join(changed)} has changed since it was taken into use",
        f"funnelflow adopt {changed[0]}",
    )


def _clocks(session: Session) -> DoctorFinding:
    """Look for contacts whose last evidence lies in the future."""
    with session.open() as workspace:
        found = workspace.contacts_ahead()
    if not found.count:
        return _fine("clocks", "no contact's last evidence lies in the future")
    some = [f"{name} ({moment_and_zone(from_text(clock))})" for name, clock in found.examples]
    more = ", …" if found.count > len(some) else ""
    return _problem(
        "clocks",
        f"{counted(found.count, 'contact')} with evidence from the future: {', '.join(some)}{more}",
        "they stand where they will be by then; "
        f"funnelflow history {quote(found.examples[0][0])} shows the evidence",
    )


def _promises(session: Session) -> DoctorFinding:
    """Look for contacts of whom something does not hold that a definition promises."""
    with session.open() as workspace:
        found = workspace.broken_promises()
    if not found:
        return _fine("promises", "nobody breaks what a definition promises of a stage")
    said = (
        f"{one.funnel}, {one.label!r}: broken by {counted(one.count, 'contact')} in {one.stage}: "
        + ", ".join(one.examples)
        + (", …" if one.count > len(one.examples) else "")
        for one in found
    )
    return _problem("promises", "; ".join(said), f"funnelflow why {quote(found[0].examples[0])}")


def _look_alikes(session: Session) -> DoctorFinding:
    """Look for contacts that may be the same; that is for a person to decide."""
    with session.open() as workspace:
        found = look_alikes_of(workspace.context)
    if not found.contacts:
        return _fine("contacts", "none looks like another")
    some = [f"{name} ({', '.join(ids)})" for name, ids in found.examples]
    more = ", …" if len(found.examples) < found.contacts else ""
    look = "looks" if found.contacts == 1 else "look"
    said = f"{counted(found.contacts, 'contact')} {look} like others: {'; '.join(some)}{more}"
    (_, (first, second, *_)), *_ = found.examples
    hint = f"if two are one: funnelflow merge {quote(second)} --into {quote(first)}"
    return DoctorFinding("contacts", well=True, said=said, hint=hint)


def _kept(session: Session) -> Iterator[DoctorFinding]:
    """Look for what other systems sent and could not be used, source by source."""
    try:
        with session.open() as workspace:
            counts = Counter(record.source for record in workspace.kept_records())
    except Error as error:
        yield _problem("received", error.message, error.hint)
        return
    for source, count in sorted(counts.items()):
        said = f"{counted(count, 'record')} could not be used"
        hint = "funnelflow web rejects shows why; funnelflow web retry when that is corrected"
        yield _problem(f"source {source}", said, hint)


def _first(problems: Sequence[Problem]) -> str:
    """Return the first of several problems in the settings, and how many more there are."""
    at = problems[0].position
    place = f"{CONFIG_FILE}:{at.line}:{at.column}" if at else CONFIG_FILE
    more = f" (and {len(problems) - 1} more: funnelflow check)" if len(problems) > 1 else ""
    return f"{place}: {problems[0].message}{more}"


def _endpoints(session: Session) -> Iterator[DoctorFinding]:
    """Look at every endpoint: its channel, its criterion, whether it is off, what waits."""
    try:
        with session.open() as workspace:
            checked = endpoints_in_use(workspace)
            box = Outbox(workspace.engine)
            off = {found.name: found.reason for found in box.off()}
            waits = backlogs(workspace.engine)
    except Error as error:
        yield _problem("endpoints", error.message, error.hint)
        return
    for subscription, problems in checked:
        name = f"endpoint {subscription.name}"
        if problems:
            hint = problems[0].help or "funnelflow check shows where"
            yield _problem(name, _first(problems), hint)
        elif subscription.name in off:
            hint = f"funnelflow outbox retry --to {subscription.name} turns it on again"
            yield _problem(name, f"it is turned off: {off[subscription.name]}", hint)
        elif subscription.name in waits and waits[subscription.name].attempts >= _OFTEN:
            hint = f"funnelflow outbox list --to {subscription.name} --state waiting"
            yield _problem(name, overdue_words(waits[subscription.name]), hint)
        else:
            yield _fine(name, f"by {subscription.channel}")
    for name in sorted(waits.keys() - {subscription.name for subscription, _ in checked}):
        said = "messages wait for it, and funnelflow.toml has no [[notify]] of that name"
        yield _problem(f"endpoint {name}", said, f"funnelflow outbox discard --to {name}")
