"""``funnelflow why``: where a contact stands, and what is missing."""

import datetime as dt
import sys
from collections.abc import Sequence
from shlex import quote

from funnelflow.cli.decisions import (
    DecisionView,
    check_lines,
    facts_words,
    open_count,
    to_do,
    what_takes_it,
)
from funnelflow.cli.options import (
    AT,
    CONTACT,
    KNOWN_AT,
    acting,
    as_json,
    command,
    funnel_of,
    known_at_of,
    moment_of,
)
from funnelflow.cli.output import hint, note, note_merged, page_for, say, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Page, TextSpan, dim, line, moment, section, stack, strong
from funnelflow.criteria import Value, Verdict, duration_words
from funnelflow.definition import Linked
from funnelflow.engine import Considered, Contact
from funnelflow.engine.questions import Question, questions


def why_answer(
    contact: Contact, considered: Sequence[Considered], linked: Linked, now: dt.datetime, page: Page
) -> DecisionView:
    """Draw where a contact stands and every transition that leads on.

    Args:
        contact: The contact.
        considered: Its transitions out, from `Funnel.why`.
        linked: The definition that was asked.
        now: The moment that was asked about.
        page: What it is drawn on.
    """
    asked = questions(considered, linked)
    lines = [
        *_head(contact, linked, now, page),
        *to_do(contact.stage, linked, page),
        *stack((_way(way, linked, page) for way in considered), spaced=True),
        *([] if considered else [(), line("No transition leaves this stage.")]),
        *_asking(asked, page),
        *_due(considered, now, page),
    ]
    facts = " ".join(f"{q.field.name}=…" for q in asked)
    return DecisionView(
        [*lines, ()], f"funnelflow set {quote(contact.id)} {facts}" if facts else ""
    )


def _head(contact: Contact, linked: Linked, now: dt.datetime, page: Page) -> list[Line]:
    about = linked.said_of(contact.stage, "about")
    owner = linked.owner_of(contact.stage, contact.fields)
    known = facts_words(_known_facts(contact, linked), linked)
    said = {"": about, "looked after by ": owner, "known: ": known}
    head = line(
        strong(f"{contact.id} is {contact.stage}"),
        dim(_since(contact, now)),
    )
    return [
        *page.flow(head),
        *stack(page.paragraph(words, indent=2, first=label) for label, words in said.items()),
    ]


def _known_facts(contact: Contact, linked: Linked) -> dict[str, Value]:
    """Return the facts that somebody gave; what events count is seen at the criteria."""
    counted = {
        name
        for event in linked.events.values()
        for name, value in event.sets
        if not any(root == "event" for root, _ in value.names)
    }
    given = linked.fields.keys() - counted
    return {
        name: value
        for name, value in contact.fields.items()
        if name in given and value != linked.fields[name].default
    }


def _since(contact: Contact, now: dt.datetime) -> str:
    if contact.since is None:
        return ""
    spent = _whole(now - contact.since)
    long = f", for {duration_words(spent)}" if spent > dt.timedelta(0) else ""
    return f" since {moment(contact.since)}{long}"


def _way(way: Considered, linked: Linked, page: Page) -> list[Line]:
    """Draw one transition: where it leads, what takes it, and its criteria."""
    is_open = way.verdict is Verdict.MET
    state = TextSpan("open", "good") if is_open else open_count(way, "")
    head = line(
        strong(f"→ {way.to}"),
        dim(f" ({what_takes_it(way, linked)})"),
        ": ",
        state,
    )
    return [*page.flow(head), *check_lines(way.check, page, indent=4)]


def _asking(asked: Sequence[Question], page: Page) -> list[Line]:
    rows = (
        (
            f"{number}.",
            question.field.ask or f"Find out: {question.field.label}",
            dim(f"{question.field.name}, for {' and '.join(question.stages)}"),
        )
        for number, question in enumerate(asked, 1)
    )
    return section("What to ask next", page.grid(rows, indent=2))


def _due(considered: Sequence[Considered], now: dt.datetime, page: Page) -> list[Line]:
    """Say what time will do next."""
    timed = [
        (way.due, way.to)
        for way in considered
        if way.due is not None and (way.due > now or way.verdict is Verdict.MET)
    ]
    if not timed:
        return []
    due, to = min(timed)
    left = _whole(due - now)
    when = f"in {duration_words(left)}" if left > dt.timedelta(0) else "`funnelflow tick` takes it"
    said = line(strong("Next by itself: "), f"{to} on {moment(due)} ({when})")
    return [(), *page.flow(said)]


def _whole(span: dt.timedelta) -> dt.timedelta:
    """Round down to what a person would say: days, else hours, else minutes."""
    for unit in (dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)):
        if abs(span) >= unit:
            return span // unit * unit
    return dt.timedelta(0)


@command("why", "funnelflow why ada", "funnelflow why ada --json")
@CONTACT
@AT
@KNOWN_AT
@funnel_of("In which of the contact's funnels, if not its first.")
@acting
@as_json
def why(contact: str, at: str | None, known_at: str | None, funnel: str | None, actor: str) -> int:
    """Explain where a contact stands and what is missing.

    Shows its stage, what to do now, every transition out of it with every
    criterion, what to ask next, and what time will do by itself.
    """
    session = current()
    with session.open() as workspace:
        asked = moment_of(at, workspace)
        known = known_at_of(known_at, workspace)
        explained = workspace.why(contact, asked, known_at=known, actor=actor, funnel=funnel)
        stored, considered, linked = explained
        then = stored.contact.clock if isinstance(known, int) else known
        now = asked or then or dt.datetime.now(dt.UTC)
    if session.json:
        write_json(explained.to_json())
        return 0
    note_merged(contact, stored.id)
    answer = why_answer(stored.contact, considered, linked, now, page_for(sys.stdout))
    say(answer.lines)
    for other in stored.others:
        stage = f"{other.contact.stage} in {other.funnel}"
        note(f"it is {stage} too: funnelflow why {quote(stored.id)} --funnel {quote(other.funnel)}")
    hint(answer.hint)
    return 0
