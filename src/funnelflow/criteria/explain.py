"""Why a criterion is met or not: every part with its verdict, its words and what it saw.

The verdict follows CEL: what is unknown stays unknown, unless a false beside ``&&`` or a
true beside ``||`` decides without it. Negation is carried down to the comparisons, so that
the words always say what is wanted, never "not (…)".
"""

import enum
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from funnelflow.criteria import tree
from funnelflow.criteria.evaluate import Known, evaluate
from funnelflow.criteria.fields import Field
from funnelflow.criteria.tree import Node, walk
from funnelflow.criteria.value_forms import BOOLEAN, Value, listed, shown
from funnelflow.criteria.words import (
    INVERSE,
    age,
    asked,
    asked_age,
    asked_items,
    asked_text,
    compared,
    criterion_words,
    label,
    subject,
    unit,
    valued,
)


class Verdict(enum.Enum):
    """Whether a criterion is met; unknown where facts are missing, and then it is not taken."""

    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


@frozen
class Seen:
    """A fact that was looked at: ``contact.budget``, its field, and its value or None."""

    name: str
    field: Field | None
    value: Value | None


@frozen
class Clause:
    """One operand of the outermost ``&&`` or ``||``, by itself."""

    source: str
    verdict: Verdict
    words: str
    seen: tuple[Seen, ...]


@frozen
class Explanation:
    """Why a criterion is met, or is not, or cannot be known.

    Attributes:
        verdict: The answer; MET exactly where `Expression.holds` is True.
        words: The reason in plain words.
        seen: Every fact that was looked at, once.
        missing: The unknown fields whose answer could still make it met.
        clauses: The outermost operands, or the criterion itself as the only one.
    """

    verdict: Verdict
    words: str
    seen: tuple[Seen, ...]
    missing: tuple[Field, ...]
    clauses: tuple[Clause, ...]


@frozen
class _Part:
    """The explanation of one node."""

    verdict: Verdict
    words: str
    seen: tuple[Seen, ...]
    missing: tuple[Field, ...] = ()
    absent: str = ""
    """The field that is not known, where that alone is what is wrong."""


def explain(node: Node, source: str, known: Known) -> Explanation:
    """Explain the verdict on a condition with what is known."""
    whole = isinstance(node, tree.And | tree.Or)
    items = node.items if isinstance(node, tree.And | tree.Or) else (node,)
    parts = [_part(item, known, wanted=True) for item in items]
    clauses = tuple(
        [
            Clause(source[item.start : item.end], part.verdict, part.words, part.seen)
            for item, part in zip(items, parts, strict=True)
        ]
    )
    total = _combined(parts, needs_all=isinstance(node, tree.And)) if whole else parts[0]
    return Explanation(total.verdict, total.words, total.seen, total.missing, clauses)


def _part(node: Node, known: Known, *, wanted: bool) -> _Part:
    """Explain a condition, or, where `wanted` is False, its contrary."""
    match node:
        case tree.Not():
            return _part(node.item, known, wanted=not wanted)
        case tree.And() | tree.Or():
            parts = [_part(item, known, wanted=wanted) for item in node.items]
            return _combined(parts, needs_all=isinstance(node, tree.And) == wanted)
        case tree.Conditional():
            return _choice(node, known, wanted=wanted)
        case tree.Has():
            return _has(node, known, wanted=wanted)
        case _:
            return _leaf(node, known, wanted=wanted)


def _choice(node: tree.Conditional, known: Known, *, wanted: bool) -> _Part:
    """Explain the branch that is taken, or why none is."""
    test = evaluate(node.test, known)
    seen = _seen(node.test, known)
    if test is None:
        missing = _lacking(node.test, known)
        return _Part(Verdict.UNKNOWN, _unknown(node.test, missing, known), seen, missing)
    part = _part(node.then if test else node.other, known, wanted=wanted)
    missing = part.missing
    if part.verdict is not Verdict.MET:
        missing = unique([*missing, *_turning(node, known, test=test, wanted=wanted)])
    return _Part(part.verdict, part.words, unique([*seen, *part.seen]), missing)


def _turning(
    node: tree.Conditional, known: Known, *, test: bool, wanted: bool
) -> tuple[Field, ...]:
    """Return the unknown fields that could make the other branch be taken, and be met."""
    turned = _part(node.test, known, wanted=not test)
    other = _part(node.other if test else node.then, known, wanted=wanted)
    if not turned.missing or (other.verdict is Verdict.NOT_MET and not other.missing):
        return ()
    return unique([*turned.missing, *other.missing])


def _has(node: tree.Has, known: Known, *, wanted: bool) -> _Part:
    """Explain whether a field is known."""
    value = known.read(node)
    seen = _seen(node, known)
    name = label(node.root, node.field)
    if value is None:
        words = f"{name} is not known"
        if wanted:
            return _Part(Verdict.NOT_MET, words, seen, (node.field,), absent=name)
        return _Part(Verdict.MET, words, seen)
    words = valued(tree.Read(node.start, node.end, node.root, node.field), value, known.now)
    if wanted:
        return _Part(Verdict.MET, words, seen)
    return _Part(Verdict.NOT_MET, f"{words}; needs to be unknown", seen)


def _leaf(node: Node, known: Known, *, wanted: bool) -> _Part:
    """Explain a comparison, a test, or a field that is yes or no."""
    value = evaluate(node, known)
    seen = _seen(node, known)
    if value is None:
        missing = _lacking(node, known)
        return _Part(Verdict.UNKNOWN, _unknown(node, missing, known), seen, missing)
    fact, need = _fact_and_need(node, known, wanted=wanted)
    if value is wanted:
        return _Part(Verdict.MET, fact, seen)
    words = f"{fact}; needs {need}" if need else fact
    return _Part(Verdict.NOT_MET, words, seen, _absent(node, known))


def _fact_and_need(node: Node, known: Known, *, wanted: bool) -> tuple[str, str]:
    """Return what is, and what is needed."""
    match node:
        case tree.Compare():
            return _fact_and_need_compare(node, known, wanted=wanted)
        case tree.In():
            return _fact_and_need_in(node, known, wanted=wanted)
        case tree.TextTest():
            return _value_words(node.text, known), asked_text(node, wanted=wanted)
        case tree.Quantified():
            return _value_words(node.items, known), asked_items(node, wanted=wanted)
        case tree.Constant():
            return criterion_words(node, wanted=wanted), ""
        case _:
            return _value_words(node, known), "yes" if wanted else "no"


def _fact_and_need_compare(node: tree.Compare, known: Known, *, wanted: bool) -> tuple[str, str]:
    """Return what a comparison found, and what it needs."""
    if (found := age(node)) is not None:
        read, operator, length = found
        need = asked_age(operator if wanted else INVERSE[operator], length)
        return _value_words(read, known), need
    left, operator, right = compared(node)
    other = _operand_words(left, right, known)
    return _value_words(left, known), asked(operator if wanted else INVERSE[operator], left, other)


def _fact_and_need_in(node: tree.In, known: Known, *, wanted: bool) -> tuple[str, str]:
    """Return what was looked for in a list, and what is needed."""
    if isinstance(node.item, tree.Constant):
        item = shown(node.item.value, unit(node.items))
        return _value_words(node.items, known), f"{item} {'' if wanted else 'not '}among them"
    among = "one of" if wanted else "none of"
    return _value_words(node.item, known), f"{among} {_operand_words(node.item, node.items, known)}"


def _value_words(node: Node, known: Known) -> str:
    """Return the value of a node in words."""
    if isinstance(node, tree.Constant):
        return shown(node.value)
    value: Value = evaluate(node, known)
    if node.type == BOOLEAN and not isinstance(node, tree.Read):
        return f"{criterion_words(node)}: {shown(value)}"
    return valued(node, value, known.now)


def _operand_words(left: Node, right: Node, known: Known) -> str:
    """Return what a value is compared with, and its value if it is no constant."""
    value: Value = evaluate(right, known)
    words = shown(value, unit(left) or unit(right))
    return words if isinstance(right, tree.Constant) else f"{subject(right)} ({words})"


def _unknown(node: Node, missing: Sequence[Field], known: Known) -> str:
    """Return why a node has no value."""
    if missing:
        return f"unknown: {listed([field.label for field in missing])}"
    values = [_valued_name(one) for one in _seen(node, known)]
    return f"cannot be worked out{f' with {listed(values)}' if values else ''}"


def _valued_name(seen: Seen) -> str:
    """Return a fact that was looked at, with its value."""
    assert seen.field is not None
    value = "unknown" if seen.value is None else seen.field.words(seen.value)
    return f"{seen.field.label} {value}"


def _lacking(node: Node, known: Known) -> tuple[Field, ...]:
    """Return the unknown fields that a node without a value needs."""
    if isinstance(node, tree.Conditional):
        test = evaluate(node.test, known)
        branch = node.test if test is None else node.then if test else node.other
        return unique([*_lacking(branch, known), *_absent(node.test, known)])
    reads = [part for part in walk(node) if isinstance(part, tree.Read | tree.Has)]
    return unique([read.field for read in reads if known.read(read) is None])


def _absent(node: Node, known: Known) -> tuple[Field, ...]:
    """Return the fields that a node asks for by ``has`` and that are not known."""
    asked_for = [part for part in walk(node) if isinstance(part, tree.Has)]
    return unique([part.field for part in asked_for if known.read(part) is None])


def _seen(node: Node, known: Known) -> tuple[Seen, ...]:
    """Return every fact that a node looks at, once."""
    return unique(
        [
            Seen(f"{part.root}.{part.field.name}", part.field, known.read(part))
            for part in walk(node)
            if isinstance(part, tree.Read | tree.Has)
        ]
    )


def _combined(parts: Sequence[_Part], *, needs_all: bool) -> _Part:
    """Join the parts of which all, or any, must be met."""
    verdicts = {part.verdict for part in parts}
    decisive = Verdict.NOT_MET if needs_all else Verdict.MET
    other = Verdict.MET if needs_all else Verdict.NOT_MET
    verdict = decisive if decisive in verdicts else other
    if verdict is other and Verdict.UNKNOWN in verdicts:
        verdict = Verdict.UNKNOWN
    seen = unique([one for part in parts for one in part.seen])
    missing = _missing(parts, verdict, needs_all=needs_all)
    return _Part(verdict, _joined(parts, verdict, needs_all=needs_all), seen, missing)


def _missing(parts: Sequence[_Part], verdict: Verdict, *, needs_all: bool) -> tuple[Field, ...]:
    """Return the fields whose answers could still make the whole met."""
    if verdict is Verdict.MET:
        return ()
    failed = [part for part in parts if part.verdict is Verdict.NOT_MET]
    if needs_all and not all(part.missing for part in failed):
        return ()
    return unique([field for part in parts for field in part.missing])


def _joined(parts: Sequence[_Part], verdict: Verdict, *, needs_all: bool) -> str:
    """Join the words of the parts that decide."""
    words = unique([part.words for part in parts if part.verdict is verdict])
    if verdict is Verdict.MET:
        return ", ".join(words)
    if verdict is Verdict.UNKNOWN:
        unknown = unique(
            [field for part in parts if part.verdict is verdict for field in part.missing]
        )
        labels = [field.label for field in unknown]
        return f"unknown: {listed(labels)}" if labels else "; and ".join(words)
    absent = [part.absent for part in parts]
    if not needs_all and all(absent):
        return _none_known(absent)
    return ("; and " if needs_all else "; or ").join(words)


def _none_known(labels: Sequence[str]) -> str:
    """Return that none of several fields is known, in words."""
    if len(labels) == 2:  # noqa: PLR2004  # a pair has words of its own
        return f"neither {labels[0]} nor {labels[1]} is known"
    return f"none of {listed(labels)} is known"


def unique(items: Iterable[Any]) -> tuple[Any, ...]:
    """Return items without repetitions; they need not be hashable."""
    once: list[Any] = []
    for item in items:
        if item not in once:
            once.append(item)
    return tuple(once)
