"""One contact at a time: ``add``, ``set``, ``record`` and ``move``."""

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from typing import Any, TypeAlias

import click

from funnelflow.cli.decisions import decision_answer
from funnelflow.cli.options import (
    CONTACT,
    CONTACT_OR_WHERE,
    WHERE,
    as_json,
    command,
    complete_definition,
    complete_event,
    complete_fact,
    complete_stage,
    funnel_of,
    moment_of,
    readmitting,
    writing,
)
from funnelflow.cli.output import (
    hint,
    note,
    note_merged,
    page_for,
    say,
    write_json,
)
from funnelflow.cli.session import current
from funnelflow.cli.text import (
    Line,
    Page,
    TextSpan,
    dim,
    line,
    moment,
    moment_and_zone,
    printable,
    strong,
)
from funnelflow.criteria.times import rough_words
from funnelflow.errors import UsageError
from funnelflow.storage.changes import Restatement
from funnelflow.storage.contacts import Recorded, RecordedElsewhere
from funnelflow.workspace.workspace import Workspace

_FACTS = click.argument("facts", nargs=-1, metavar="[NAME=VALUE]...", shell_complete=complete_fact)

REPEATED = "this was recorded before under the same key; nothing was stored"


@command(
    "add",
    "funnelflow add ada email=ada@example.com",
    "funnelflow add grace --funnel dialogue company='Example & Co'",
    "funnelflow add alan --at 2099-01-01T09:00:00Z --future",
)
@click.argument("contact")
@_FACTS
@funnel_of("The funnel it goes into, if not the workspace's own.")
@readmitting
@writing
@as_json
def add(contact: str, facts: tuple[str, ...], funnel: str | None, **how: Any) -> int:
    """Add a contact.

    CONTACT is the id it is called by from now on: a name, a number, an
    address. What is known about it is written NAME=VALUE.
    """
    return change_contact(how, Workspace.add, contact, parse_facts(facts), funnel=funnel)


@command(
    "set",
    "funnelflow set ada budget=5000 authority=decides",
    "funnelflow set ada budget=",
    "funnelflow set ada budget=9000 --at 2099-01-01T09:00:00Z --future",
    "funnelflow set --where 'contact.stage == \"target\"' budget=5000 --dry-run",
)
@CONTACT_OR_WHERE
@_FACTS
@WHERE
@writing
@as_json
def set_(contact: str | None, facts: tuple[str, ...], where: str | None, **how: Any) -> int:
    """Set or remove facts about a contact.

    Facts are written NAME=VALUE; NAME= alone removes one, so that it is unknown
    again. Transitions whose criteria are met by it are taken. With --where it is
    one run over everybody who fits, which `funnelflow undo` takes back.
    """
    contact, facts = _subject(contact, facts, where)
    if not facts:
        who = "--where '…'" if where is not None else quote(contact)
        raise UsageError("no fact was given", hint=f"funnelflow set {who} budget=5000")
    if where is not None:
        return _change_many(how, where, "set", parse_facts(facts))
    return change_contact(how, Workspace.set, contact, parse_facts(facts))


@command(
    "record",
    "funnelflow record ada form_submitted email=ada@example.com",
    "funnelflow record ada form_submitted --at 2026-03-01T09:30:00+01:00 --key form-17",
    "funnelflow record ada form_submitted --at 2099-01-01T09:00:00Z --future",
    "funnelflow record --where 'contact.stage == \"target\"' form_submitted --dry-run",
)
@CONTACT_OR_WHERE
@click.argument("event", required=False, shell_complete=complete_event)
@_FACTS
@WHERE
@writing
@as_json
def record(
    contact: str | None, event: str | None, facts: tuple[str, ...], where: str | None, **how: Any
) -> int:
    """Record that something happened.

    What happened, happened: a declared event is always kept. The answer says
    whether it moved the contact, and if not, why. With --where it is one run over
    everybody who fits, which `funnelflow undo` takes back.
    """
    said = (event, *facts) if event is not None else facts
    contact, said = _subject(contact, said, where)
    if not said:
        raise UsageError("no event was given", hint="funnelflow record --help shows an example")
    event, *rest = said
    if where is not None:
        return _change_many(how, where, event, parse_facts(rest))
    facts = tuple(rest)
    return change_contact(how, Workspace.record, contact, event, parse_facts(facts))


@command(
    "move",
    "funnelflow move ada prospect",
    "funnelflow move ada prospect --dry-run",
    "funnelflow move ada customer --force --reason 'signed on paper'",
    "funnelflow move ada lead --at 2099-01-01T09:00:00Z --future",
    "funnelflow move ada lead --funnel standard",
    "funnelflow move ada prospect --set budget=8000 --set authority=decides",
    "funnelflow move --where 'contact.budget >= 5000.0' --to prospect --dry-run",
)
@CONTACT_OR_WHERE
@click.argument("stage", required=False, shell_complete=complete_stage)
@click.option("--to", metavar="STAGE", shell_complete=complete_stage, help="STAGE, with --where.")
@WHERE
@click.option(
    "--set",
    "facts",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_fact,
    help="What became known with it; repeat it.",
)
@click.option("--force", is_flag=True, help="Go past criteria; for roles the definition names.")
@click.option("--reason", default="", metavar="TEXT", help="Why the move is forced.")
@funnel_of("In which of the contact's funnels, if several have the stage.")
@writing
@as_json
def move(  # noqa: PLR0913  # an option each
    contact: str | None,
    stage: str | None,
    to: str | None,
    where: str | None,
    facts: tuple[str, ...],
    reason: str,
    funnel: str | None,
    *,
    force: bool,
    **how: Any,
) -> int:
    """Ask for a stage, and be told why not.

    STAGE is a name or an alias. The contact moves if the criteria of a
    transition that leads there are met; else it stays, the refusal is kept in
    the history, and the command says every reason and exits 1. With --where it is
    one run over everybody who fits, which `funnelflow undo` takes back.
    """
    named = tuple(one for one in (stage, to) if one is not None)
    contact, stages = _subject(contact, named, where)
    if len(stages) != 1:
        raise UsageError("say one stage", hint="funnelflow move --help shows an example")
    stage = stages[0]
    if force and not reason:
        raise UsageError(
            "a forced move needs a reason: it is kept as evidence",
            hint=f"funnelflow move {quote(contact)} {quote(stage)} --force --reason '…'",
        )
    asked = {"force": force, "reason": reason, "funnel": funnel}
    told = parse_facts(facts)
    if where is not None:
        return _change_many(how, where, "move", told, to=stage, **asked)
    return change_contact(how, Workspace.move, contact, stage, facts=told, **asked)


def _subject(
    contact: str | None, more: tuple[str, ...], where: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return whom a command is about, and its other arguments; with ``--where``, all of them.

    Raises:
        UsageError: Nobody is named.
    """
    if where is not None:
        return "", more if contact is None else (contact, *more)
    if contact is None:
        raise UsageError("no contact was named", hint="name one, or say whom by --where '…'")
    return contact, more


def _change_many(*what: Any, **more: Any) -> int:
    """Change everybody for whom an expression is true; see `change_many`."""
    from funnelflow.cli.bulk import change_many  # noqa: PLC0415  # one contact needs none of it

    return change_many(*what, **more)


_FUNNEL = click.argument("funnel", shell_complete=complete_definition)


@command(
    "enter",
    "funnelflow enter ada dialogue",
    "funnelflow enter ada dialogue --at 2026-03-01T09:00:00Z --dry-run",
    "funnelflow enter ada dialogue --at 2099-01-01T09:00:00Z --future",
)
@CONTACT
@_FUNNEL
@writing
@as_json
def enter(contact: str, funnel: str, **how: Any) -> int:
    """Let a contact enter another funnel.

    What happens from then on moves it in all of its funnels; what happened before is known there
    and takes no transition. One story, one position a funnel.
    """
    return change_contact(how, Workspace.enter, contact, funnel)


@command(
    "leave",
    "funnelflow leave ada dialogue",
    "funnelflow leave ada dialogue --at 2099-01-01T09:00:00Z --future",
)
@CONTACT
@_FUNNEL
@writing
@as_json
def leave(contact: str, funnel: str, **how: Any) -> int:
    """Let a contact leave a funnel.

    Its story stays as it is. A contact cannot leave its only funnel; entering one again begins
    anew there.
    """
    return change_contact(how, Workspace.leave, contact, funnel)


def change_contact(
    how: Mapping[str, Any], change: Callable[..., Recorded], *what: Any, **more: Any
) -> int:
    """Change something about a contact, and say what came of it; 1 if it was refused.

    Args:
        how: What the options of `writing` have said.
        change: The method of a workspace that makes the change.
        what: What it is called with.
        more: The same, by name.
    """
    session = current()
    with session.open() as workspace:
        said = {**how, "at": moment_of(how.get("at"), workspace), "text": True}
        recorded = change(workspace, *what, **more, **said)
        if session.json:
            write_json(recorded.to_json())
        else:
            _show(recorded)
    note_merged(what[0], recorded.decision.contact)
    if recorded.ahead:
        note(_ahead(recorded))
    return 1 if recorded.decision.outcome == "refused" else 0


def _ahead(recorded: Recorded) -> str:
    """Warn of a time in the future, up to which time has passed for the contact."""
    decision = recorded.decision
    return (
        f"warning: {moment_and_zone(decision.event.at)} lies in the future; "
        f"{decision.contact} stands where it will be by then"
    )


def restated_words(change: Restatement) -> str:
    """Say what late evidence changed: ``late by 5 days: lead since 2026-03-02 instead of …``."""
    was, now = (change.before, change.since), (change.stage, change.entered)
    said = [_stands(was, now)] if was != now else []
    if change.others:
        many = "answers" if change.others > 1 else "answer"
        said.append(f"{change.others:,} later {many} would have been {_other(change.others)}")
    what = "; ".join(said) or f"it changes nothing that was said; still {now[0]}"
    return f"late by {rough_words(change.late)}: {what}" if change.late else what


def _stands(was: "_Stands", now: "_Stands") -> str:
    """Say where a contact stands instead of where it stood."""
    if was[1] is None or now[1] is None:
        return f"{_since(now)} instead of {_since(was)}"
    instead = moment(was[1]) if was[0] == now[0] else was[0]
    return f"{_since(now)} instead of {instead}"


_Stands: TypeAlias = tuple[str, dt.datetime | None]


def _since(stands: _Stands) -> str:
    stage, since = stands
    return "nowhere" if since is None else f"{stage} since {moment(since)}"


def _other(count: int) -> str:
    return "others" if count > 1 else "another"


def _show(recorded: Recorded) -> None:
    """Say what was decided to a person."""
    page = page_for(sys.stdout)
    answer = decision_answer(recorded.decision, page, dry_run=recorded.dry_run)
    if recorded.others:
        say(page.flow(line(dim(f"in {recorded.funnel}:"))))
    say(answer.lines)
    if recorded.restated is not None:
        say(page.paragraph(restated_words(recorded.restated)))
    for other in recorded.others:
        say(elsewhere_lines(other, page))
    if recorded.duplicate:
        note(REPEATED)
    if recorded.dry_run:
        note("dry run: nothing was stored")
    hint(answer.hint)


def elsewhere_lines(other: RecordedElsewhere, page: Page) -> list[Line]:
    """Draw what was decided in another funnel: in a line, with what late evidence changed."""
    decision = other.decision
    stages = [decision.before, *([taken.to for taken in decision.path] or [decision.after])]
    moved = decision.outcome == "moved"
    said = TextSpan(" → ".join(stages), "good") if moved else f"stays {decision.after}"
    restated = other.restated
    more = f"; {restated_words(restated)}" if restated is not None else ""
    return page.flow(line(strong(f"in {other.funnel}: "), said, more))


def parse_facts(arguments: Iterable[str]) -> dict[str, str]:
    """Read ``name=value`` arguments; ``name=`` stands for removing the fact.

    Raises:
        UsageError: An argument has no ``=``, or a name comes twice.
    """
    facts: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(
                f"{printable(argument)!r} is not a fact",
                hint=f"write a fact as name=value: {printable(name) or 'budget'}=…",
            )
        if name in facts:
            raise UsageError(f"the fact {name!r} is given twice", hint="give it once")
        facts[name] = value
    return facts
