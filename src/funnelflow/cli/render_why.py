"""Where a contact stands, drawn: what to do now, what is missing, what to ask next."""

import datetime as dt
from collections.abc import Iterable, Sequence
from shlex import quote

from attrs import frozen

from funnelflow.cli.facts import facts_words, moment
from funnelflow.cli.layout import flow, grid, paragraph
from funnelflow.cli.render_checks import check_lines, open_criteria
from funnelflow.cli.render_decision import Answer, askable, open_count, to_do, what_takes_it
from funnelflow.cli.stages import about_of, owner_of
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.criteria import Check, Field, Value, Verdict, duration_words
from funnelflow.definition import Linked
from funnelflow.engine import Considered, Contact

__all__ = ["Question", "questions", "why_answer"]


@frozen
class Question:
    """Something to find out next.

    Attributes:
        field: The field it settles.
        stages: The stages whose transition it bears on, the nearest first.
        left: How many other criteria stay open even if the answer is good; 0 means that
            this answer alone can open a transition.
    """

    field: Field
    stages: tuple[str, ...]
    left: int


def questions(considered: Iterable[Considered], linked: Linked) -> tuple[Question, ...]:
    """Find what to ask next, each question once, the most decisive first.

    Most decisive is the answer that leaves the fewest other criteria open, then the one
    that bears on most stages.
    """
    found: dict[str, list[tuple[int, str, Field]]] = {}
    for way in considered:
        closed = open_criteria(way.check)
        for field in askable((f for c in closed for f in _missing(c)), linked):
            found.setdefault(field.name, []).append((len(closed) - 1, way.to, field))
    asked = [_question(sorted(bears, key=lambda b: b[0])) for bears in found.values()]
    return tuple(sorted(asked, key=lambda q: (q.left, -len(q.stages))))


def why_answer(
    contact: Contact, considered: Sequence[Considered], linked: Linked, now: dt.datetime, page: Page
) -> Answer:
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
        *(drawn for way in considered for drawn in ((), *_way(way, linked, page))),
        *([] if considered else [(), line("No transition leaves this stage.")]),
        *_asking(asked, page),
        *_due(considered, now, page),
    ]
    facts = " ".join(f"{q.field.name}=…" for q in asked)
    return Answer([*lines, ()], f"funnelflow set {quote(contact.id)} {facts}" if facts else "")


def _question(bears: list[tuple[int, str, Field]]) -> Question:
    """Put together what one field bears on, the nearest first."""
    left, _, field = bears[0]
    return Question(field, tuple(dict.fromkeys(to for _, to, _ in bears)), left)


def _missing(criterion: Check) -> list[Field]:
    """Give the unknown fields that could settle a criterion or group that is still open."""
    if criterion.verdict is Verdict.NOT_MET:
        return []
    return [field for leaf in criterion.leaves() for field in leaf.missing]


def _head(contact: Contact, linked: Linked, now: dt.datetime, page: Page) -> list[Line]:
    about, owner = about_of(contact.stage, linked), owner_of(contact.stage, linked)
    known = facts_words(_told(contact, linked), linked)
    said = {"": about, "looked after by ": owner, "known: ": known}
    head = line(
        Span(f"{contact.id} is {contact.stage}", "strong"), Span(_since(contact, now), "dim")
    )
    return [
        *flow(head, page),
        *(
            drawn
            for label, words in said.items()
            if words
            for drawn in paragraph(words, page, indent=2, first=label)
        ),
    ]


def _told(contact: Contact, linked: Linked) -> dict[str, Value]:
    """Give the facts that somebody told; what events count is seen at the criteria."""
    told = {f.name for f in askable(linked.fields.values(), linked)}
    return {
        name: value
        for name, value in contact.fields.items()
        if name in told and value != linked.fields[name].default
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
    state = Span("open", "good") if is_open else Span(open_count(way, ""))
    head = line(
        Span(f"→ {way.to}", "strong"), Span(f" ({what_takes_it(way, linked)})", "dim"), ": ", state
    )
    return [*flow(head, page), *check_lines(way.check, page, indent=4)]


def _asking(asked: Sequence[Question], page: Page) -> list[Line]:
    rows = [
        [
            Span(f"{number}."),
            Span(question.field.ask or f"Find out: {question.field.label}"),
            Span(f"{question.field.name}, for {' and '.join(question.stages)}", "dim"),
        ]
        for number, question in enumerate(asked, 1)
    ]
    title = [(), line(Span("What to ask next", "strong"))] if rows else []
    return [*title, *grid(rows, page, indent=2)]


def _due(considered: Sequence[Considered], now: dt.datetime, page: Page) -> list[Line]:
    """Say what time will do next."""
    timed = [(way.due, way.to) for way in considered if way.due is not None]
    if not timed:
        return []
    due, to = min(timed)
    left = _whole(due - now)
    when = f"in {duration_words(left)}" if left > dt.timedelta(0) else "`funnelflow tick` takes it"
    said = line(Span("Next by itself: ", "strong"), f"{to} on {moment(due)} ({when})")
    return [(), *flow(said, page)]


def _whole(span: dt.timedelta) -> dt.timedelta:
    """Round down to what a person would say: days, else hours, else minutes."""
    for unit in (dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)):
        if abs(span) >= unit:
            return span // unit * unit
    return dt.timedelta(0)
