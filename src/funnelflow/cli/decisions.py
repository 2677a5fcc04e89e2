"""A decision, drawn: where the contact is now, and when the answer is no, every reason."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from shlex import quote
from typing import Final, NamedTuple

from funnelflow.cli.text import (
    Line,
    Look,
    Page,
    TextSpan,
    dim,
    line,
    moment_and_zone,
    section,
    stack,
    strong,
)
from funnelflow.criteria import Check, Value, Verdict
from funnelflow.definition import Linked, takes
from funnelflow.engine import Considered, Decision, Taken
from funnelflow.engine.questions import criteria_of, open_criteria, settable
from funnelflow.storage.json_form import value_json

MARKS: Final = {Verdict.MET: "✓", Verdict.NOT_MET: "✗", Verdict.UNKNOWN: "?"}
LOOKS: Final[dict[Verdict, Look]] = {
    Verdict.MET: "good",
    Verdict.NOT_MET: "bad",
    Verdict.UNKNOWN: "unknown",
}
INDENT = 2
STEP = 4
GAP = 4
GROUPS = ("all", "any", "at_least")
NARROW = 60
"""Below this many columns the words stand under their label, not beside it."""


class Row(NamedTuple):
    """One criterion of a drawing, `depth` groups deep; a group has all its text in the label."""

    verdict: Verdict
    depth: int
    label: str
    words: str


def check_lines(check: Check | None, page: Page, indent: int = INDENT) -> list[Line]:
    """Draw every criterion of a transition, groups with theirs indented below them."""
    rows = [row for top in criteria_of(check) for row in _rows(top, 0)]
    if page.width < NARROW:
        return stack(_stacked(row, page, indent) for row in rows)
    sides = (STEP * r.depth + page.columns(r.label) for r in rows if r.words)
    width = max(sides, default=0)
    width = min(width, max(20, page.width * 45 // 100))
    return stack(_beside(row, width, page, indent) for row in rows)


def said(check: Check) -> str:
    """Return what was seen, or what to ask when it is not known."""
    if check.kind in GROUPS:
        return count_verdicts(check.checks)
    questions = [field.ask for field in check.missing if field.ask]
    if check.verdict is Verdict.UNKNOWN and _is_about_event(check):
        return "unknown: only an event tells"
    if check.verdict is Verdict.UNKNOWN and questions:
        return "unknown: ask " + " and ".join(f'"{question}"' for question in questions)
    return check.words


def _is_about_event(check: Check) -> bool:
    """Return whether all that is unknown are facts about an event, which nobody can ask for."""
    unknown = [seen.name for seen in check.seen if seen.value is None]
    return bool(unknown) and all(name.startswith("event.") for name in unknown)


def count_verdicts(checks: Sequence[Check]) -> str:
    """Count verdicts in words: ``2 met, 1 unknown``."""
    counts = {verdict: sum(c.verdict is verdict for c in checks) for verdict in MARKS}
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)


def _rows(check: Check, depth: int) -> Iterator[Row]:
    label, words = _label(check), said(check)
    if check.kind in GROUPS:
        label, words = f"{label}: {words}", ""
    yield Row(check.verdict, depth, label, words)
    for inner in check.checks:
        yield from _rows(inner, depth + 1)


def _label(check: Check) -> str:
    needs = {
        "all": f"all of these {len(check.checks)}",
        "any": f"any of these {len(check.checks)}",
        "at_least": f"at least {check.needs} of these {len(check.checks)}",
    }.get(check.kind, "")
    if check.label and needs:
        return f"{check.label} ({needs})"
    return check.label or needs or check.source


def _lead(row: Row, indent: int) -> tuple[TextSpan, TextSpan]:
    mark = TextSpan(MARKS[row.verdict], LOOKS[row.verdict])
    return TextSpan(" " * (indent + STEP * row.depth)), mark


def _beside(row: Row, width: int, page: Page, indent: int) -> Iterator[Line]:
    """Draw label and words side by side."""
    lead = _lead(row, indent)
    space = max(width - STEP * row.depth, 8)
    if not row.words:
        space = max(8, page.width - indent - 2 - STEP * row.depth - GAP)
    labels = page.wrap(row.label, space)
    start = indent + 2 + STEP * row.depth + space + GAP
    words = page.wrap(row.words, max(12, page.width - start))
    for n, (label, said_) in enumerate(zip_longest(labels, words, fillvalue="")):
        first = lead if n == 0 else (lead[0], TextSpan(" "))
        yield (*first, TextSpan(" " + page.pad(label, space + GAP)), TextSpan(said_, _dim(row)))


def _stacked(row: Row, page: Page, indent: int) -> Iterator[Line]:
    """Draw the words below the label, where there is no space beside it."""
    lead = _lead(row, indent)
    space = max(8, page.width - indent - STEP * row.depth - 2)
    for n, label in enumerate(page.wrap(row.label, space)):
        yield (*(lead if n == 0 else (lead[0], TextSpan(" "))), TextSpan(" " + label))
    for words in page.wrap(row.words, space - 2) if row.words else ():
        yield (lead[0], TextSpan("    "), TextSpan(words, _dim(row)))


def _dim(row: Row) -> Look:
    return "dim" if row.verdict is Verdict.MET else ""


class DecisionView(NamedTuple):
    """What a command says: the lines of the answer, and what to do next."""

    lines: list[Line]
    hint: str = ""


def decision_answer(decision: Decision, page: Page, *, dry_run: bool = False) -> DecisionView:
    """Draw a decision.

    Args:
        decision: What was decided.
        page: What it is drawn on.
        dry_run: Nothing was stored; who was added is not there to be changed.
    """
    linked = decision.linked
    if decision.contact_after.since is None:
        return DecisionView(page.flow(_gone(decision)))
    if decision.outcome == "refused":
        return _refused(decision, linked, page)
    if decision.outcome == "moved":
        return DecisionView([*_moved(decision, linked, page), *to_do(decision.after, linked, page)])
    verb = "add" if dry_run and decision.event.name == "add" else "set"
    return _stayed(decision, linked, page, verb)


def _gone(decision: Decision) -> Line:
    """Say that no evidence of a contact counts any more."""
    said = "nothing that is known of it counts any more, so it is no longer listed"
    return line(strong(f"{decision.contact} is nowhere: "), said)


def open_count(considered: Considered, goal: str | None = None) -> str:
    """Count what keeps a transition closed: ``2 of 4 criteria for prospect are not met``.

    Args:
        considered: A transition that is not open.
        goal: What to call the stage that it leads to; "" to leave it out, None for its name.
    """
    goal = considered.to if goal is None else goal
    top, closed = criteria_of(considered.check), open_criteria(considered.check)
    if len(top) == 1 and top[0].checks:
        return _group_count(top[0], goal)
    aim = f" for {goal}" if goal else ""
    state = "unknown" if all(c.verdict is Verdict.UNKNOWN for c in closed) else "not met"
    if len(top) == 1:
        return f"the criterion{aim} is {state}" if goal else state
    return f"{len(closed)} of {len(top)} criteria{aim} {_is(len(closed))} {state}"


def what_takes_it(considered: Considered, linked: Linked) -> str:
    """Return what takes a transition that was considered."""
    if considered.index < 0:
        return "by force"
    transition = linked.transitions[considered.index].transition
    return "by itself" if transition.is_automatic else takes(transition)


def to_do(stage: str, linked: Linked, page: Page) -> list[Line]:
    """Draw the playbook of a stage; nothing when it has none."""
    return section("What to do now", page.bullets(linked.said_of(stage, "playbook"), indent=2))


def _group_count(group: Check, goal: str) -> str:
    met = sum(c.verdict is Verdict.MET for c in group.checks)
    needs = {"at_least": f"{group.needs}", "any": "one"}.get(group.kind, "each")
    count = f"needs {needs} of {len(group.checks)} criteria, and {met or 'none'} {_is(met)} met"
    return f"{goal} {count}" if goal else count


def _is(count: int) -> str:
    return "are" if count > 1 else "is"


def _refused(decision: Decision, linked: Linked, page: Page) -> DecisionView:
    ways = [c for c in decision.blocking if c.cause in ("move", "forced")]
    lines = [*page.flow(_headline(decision, ways)), *_path(decision.path)]
    for way in ways:
        lines += [(), *(_way_heading(way, linked, page) if len(ways) > 1 else [])]
        lines += check_lines(way.check, page)
    lines += _route(decision.route, linked, page)
    is_long = ways or decision.route
    return DecisionView([*lines, ()] if is_long else lines, _refused_hint(decision, ways, linked))


def _route(route: Sequence[Considered], linked: Linked, page: Page) -> list[Line]:
    """Draw the way to a stage that no transition leads to from here, step by step."""
    steps: list[Line] = []
    for number, step in enumerate(route, 1):
        takes = what_takes_it(step, linked)
        heading = line(f"  {number}. {step.source} → {step.to} ", dim(f"({takes})"))
        needs = [] if step.verdict is Verdict.MET else check_lines(step.check, page)
        steps += [*page.flow(heading), *needs]
    return [(), line("the way there:"), *steps] if steps else []


def _headline(decision: Decision, ways: Sequence[Considered]) -> Line:
    """Name the contact and its stage; time may have moved it before the move was looked at."""
    verb = "is" if decision.path else "stays"
    stays = f"{decision.contact} {verb} {decision.after}: "
    return line(strong(stays), _headline_reason(decision, ways))


def _headline_reason(decision: Decision, ways: Sequence[Considered]) -> str:
    wanted = decision.event.to
    if not ways:
        return f"no transition leads from there to {wanted}"
    if ways[0].cause == "forced":
        return f"the move to {wanted} cannot be forced"
    if len(ways) > 1:
        return f"none of the {len(ways)} transitions to {wanted} is open"
    return open_count(ways[0], wanted)


def _way_heading(way: Considered, linked: Linked, page: Page) -> list[Line]:
    heading = line(f"  {open_count(way)} ", dim(f"({what_takes_it(way, linked)})"))
    return page.flow(heading)


def _refused_hint(decision: Decision, ways: Sequence[Considered], linked: Linked) -> str:
    parts = []
    if names := settable((*ways, *decision.route), linked):
        parts.append(_telling(decision, names))
    others = [stage for stage in decision.reachable if stage not in {w.to for w in ways}]
    if others:
        also = "also " if ways else ""
        parts.append(f"from {decision.after} you can {also}reach: {', '.join(others)}")
    elif not ways:
        parts.append(f"no transition leaves {decision.after}")
    return " ; ".join(parts)


def _moved(decision: Decision, linked: Linked, page: Page) -> list[Line]:
    stages = [decision.before, *([taken.to for taken in decision.path] or [decision.after])]
    verb = f"enters {_funnel(decision)}" if decision.event.name == "enter" else "moved"
    head = line(strong(f"{decision.contact} {verb}: "), TextSpan(" → ".join(stages), "good"))
    return [
        *page.flow(head),
        *_path(decision.path),
        *_changes(decision, linked, page),
    ]


def _path(path: Sequence[Taken]) -> list[Line]:
    """Draw what took each step, where it was not the event or the move itself."""
    words = {
        "automatic": "its criteria are met",
        "timed": "its time had come",
        "forced": "forced past its criteria",
    }
    return [line("  ", dim(f"→ {t.to}: {words[t.cause]}")) for t in path if t.cause in words]


def _changes(decision: Decision, linked: Linked, page: Page) -> list[Line]:
    """Show what became known, and what of it was something else before."""
    rows = []
    for change in decision.changes:
        before, after = (
            value_words(change.field, value, linked) for value in (change.before, change.after)
        )
        became = after if change.before is None else f"{before} → {after}"
        rows.append((change.field, became))
    return page.grid(rows, indent=2)


def _stayed(decision: Decision, linked: Linked, page: Page, verb: str) -> DecisionView:
    lines = [*page.flow(_stayed_headline(decision)), *_changes(decision, linked, page)]
    for way in decision.blocking:
        lines += [(), *_way_heading(way, linked, page)]
        lines += check_lines(way.check, page, indent=4) if way.cause == "event" else []
    names = settable(decision.blocking, linked)
    hint = _telling(decision, names, verb) if names else ""
    return DecisionView([*lines, ()] if decision.blocking else lines, hint)


def _telling(decision: Decision, names: Iterable[str], verb: str = "set") -> str:
    """Return the command that would answer what is open."""
    return f"funnelflow {verb} {quote(decision.contact)} {' '.join(f'{n}=…' for n in names)}"


def _stayed_headline(decision: Decision) -> Line:
    fixed = {
        "add": f"{decision.contact} is added: {decision.after}",
        "enter": f"{decision.contact} enters {_funnel(decision)}: {decision.after}",
        "leave": f"{decision.contact} leaves {_funnel(decision)}, where it was {decision.after}",
    }
    if decision.event.name in fixed:
        return line(strong(fixed[decision.event.name]))
    head = strong(f"{decision.contact} stays {decision.after}: ")
    return line(head, _stayed_because(decision))


def _funnel(decision: Decision) -> str:
    return decision.linked.definition.name


def _stayed_because(decision: Decision) -> str:
    name = decision.event.name
    fixed = {
        "move": "it is there already",
        "set": "the facts are kept" if decision.changes else "nothing is new",
        "tick": "nothing is due",
        "adopt": "the new definition leaves it there",
        "void": _taken_back(decision),
    }
    if name in fixed:
        return fixed[name]
    if any(way.cause == "event" for way in decision.blocking):
        return f"{name} is kept, and criteria are not met"
    return f"{name} is kept"


def _taken_back(decision: Decision) -> str:
    rows = [str(row) for row in decision.event.about]
    return f"{'rows' if len(rows) > 1 else 'row'} {', '.join(rows)} taken back"


def value_words(name: str, value: Value | None, linked: Linked, event: str = "") -> str:
    """Return a value in the words of its field: ``3,000 EUR``; "unknown" for None.

    Args:
        name: The field.
        value: Its value.
        linked: The definition whose field it is.
        event: The event that brought it, for facts about the event alone.
    """
    if value is None:
        return "unknown"
    if isinstance(value, dt.datetime):
        return moment_and_zone(value)
    own = linked.events[event].event.fields if event in linked.events else {}
    field = own.get(name) or linked.fields.get(name)
    return field.words(value) if field is not None else str(value_json(value))


def facts_words(facts: Mapping[str, Value | None], linked: Linked, event: str = "") -> str:
    """Return several facts in one line: ``budget 3,000 EUR, authority decides``."""
    return ", ".join(
        f"{name} removed" if value is None else f"{name} {value_words(name, value, linked, event)}"
        for name, value in facts.items()
    )
