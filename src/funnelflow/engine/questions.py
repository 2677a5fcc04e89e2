"""What to find out about a contact next: the unknown facts that could open a transition."""

from collections.abc import Iterable

from attrs import frozen

from funnelflow.criteria import Check, Field, Verdict
from funnelflow.definition import Linked
from funnelflow.engine.decisions import Considered


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
    ends = {name for name in linked.leaves if linked.type_of(name) == "lost"}
    for way in considered:
        if way.to in ends:
            continue  # nobody asks for what loses them
        closed = open_criteria(way.check)
        for field in askable((f for c in closed for f in _missing(c)), linked):
            found.setdefault(field.name, []).append((len(closed) - 1, way.to, field))
    asked = [_question(sorted(bears, key=lambda b: b[0])) for bears in found.values()]
    return tuple(sorted(asked, key=lambda q: (q.left, -len(q.stages))))


def criteria_of(check: Check | None) -> tuple[Check, ...]:
    """Return the criteria that a person counts: those that must all be met, groups as one."""
    if check is None:
        return ()
    if check.kind == "all" and not check.label:
        return tuple(c for inner in check.checks for c in criteria_of(inner))
    return (check,)


def open_criteria(check: Check | None) -> tuple[Check, ...]:
    """Return those of `criteria_of` that are not met or unknown."""
    return tuple(c for c in criteria_of(check) if c.verdict is not Verdict.MET)


def askable(fields: Iterable[Field], linked: Linked) -> tuple[Field, ...]:
    """Keep the fields that a person can find out and set, each once.

    Facts about an event alone are left out, and fields that events keep up to date: setting
    them by hand would write over evidence.
    """
    return tuple(
        dict.fromkeys(f for f in fields if f.name in linked.fields and f.name not in linked.derived)
    )


def settable(considered: Iterable[Considered], linked: Linked) -> list[str]:
    """Name the contact's fields that could open what is closed."""
    leaves = (leaf for one in considered for leaf in one.leaves())
    looked_at = (
        field for leaf in leaves if leaf.verdict is not Verdict.MET for field in _behind(leaf)
    )
    return [field.name for field in askable(looked_at, linked)]


def _behind(leaf: Check) -> list[Field]:
    """Return the fields of the contact that a criterion was not met by."""
    if leaf.verdict is Verdict.UNKNOWN:
        return list(leaf.missing)
    return [s.field for s in leaf.seen if s.field is not None and s.name.startswith("contact.")]


def _question(bears: list[tuple[int, str, Field]]) -> Question:
    """Put together what one field bears on, the nearest first."""
    left, _, field = bears[0]
    return Question(field, tuple(dict.fromkeys(to for _, to, _ in bears)), left)


def _missing(criterion: Check) -> list[Field]:
    """Return the unknown fields that could settle a criterion or group that is still open."""
    if criterion.verdict is Verdict.NOT_MET and criterion.checks:
        return []
    return [field for leaf in criterion.leaves() for field in leaf.missing]
