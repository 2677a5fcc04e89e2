"""The values of a field that conditions can tell apart: finitely many, one for each class.

A field that is only compared with what does not depend on facts falls into classes: at a
constant, between two, below and above them all, or unknown. One value stands for each class, the
plainest one there is, so that an example reads naturally. `points_of` says where the truth of a
condition about one field can change; a condition for which it cannot is no plain comparison.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from typing import Any, Final, TypeAlias

from funnelflow.criteria.evaluate import EXACT, Known, evaluate
from funnelflow.criteria.fields import Field
from funnelflow.criteria.times import LONGEST, SECONDS
from funnelflow.criteria.tree import (
    Arithmetic,
    Compare,
    Constant,
    Has,
    In,
    Negate,
    Node,
    Quantified,
    Read,
    Size,
    TextTest,
    walk,
)
from funnelflow.criteria.value_forms import (
    BOOLEAN,
    DURATION,
    INT_MAX,
    INT_MIN,
    INTEGER,
    LIST_CAP,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
)

Points: TypeAlias = tuple[Any, ...]
"""Where the truth of a condition can change; for a list, members and sizes (`Member`, `Length`)."""

_STEP: Final = dt.timedelta(microseconds=1)
_SECOND: Final = dt.timedelta(seconds=1)
_DAY: Final = dt.timedelta(days=1)
_LONGEST: Final = LONGEST
_FIRST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_LAST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
_LOWEST_TEXT: Final = "\t!"
_WORDS: Final = ("other", "another", "one more")
_MOST_MEMBERS: Final = 5
_MOST_CANDIDATES: Final = 60
_LONGEST_TEXT: Final = 200


class Member(tuple[Any]):
    """A value that a list may have among its items."""

    __slots__ = ()


class Length(tuple[int]):
    """A length of a list at which the truth of a condition can change."""

    __slots__ = ()


def has_finite_domain(field: Field) -> bool:
    """Whether a field has so few values that all of them can be tried."""
    return not field.type.is_list and (bool(field.choices) or field.type == BOOLEAN)


def reads_in(node: Node) -> tuple[Read | Has, ...]:
    """Return what a node reads, each field once."""
    found = {(n.root, n.field.name): n for n in walk(node) if isinstance(n, Read | Has)}
    return tuple(found.values())


def fixed_value(node: Node, now: dt.datetime) -> Any:
    """Return the value of a node that reads no field; None where it has none."""
    return evaluate(node, Known({}, {}, now))


def points_of(atom: Node, now: dt.datetime) -> Points | None:
    """Return where the truth of a condition about one field can change.

    Args:
        atom: A condition that reads exactly one field.
        now: The time at which the question is asked.

    Returns:
        Values of the field's type, between which the condition does not change; None where
        that is not known.
    """
    (read,) = reads_in(atom)
    if has_finite_domain(read.field):
        return ()
    if isinstance(atom, Read):
        return ()
    if isinstance(atom, In):
        return _points_of_in(atom, now)
    return _points_of_compare(atom, now) if isinstance(atom, Compare) else None


def _points_of_in(atom: In, now: dt.datetime) -> Points | None:
    """Return the points of ``x in [..]`` and of ``a in list``."""
    if isinstance(atom.items, Read) and not reads_in(atom.item):
        return _members(atom.items.type.item, fixed_value(atom.item, now))
    if reads_in(atom.items):
        return None
    among = fixed_value(atom.items, now)
    found = [_solved(atom.item, (one,), now) for one in among or ()]
    return None if None in found else tuple(p for points in found for p in points or ())


def _members(kind: Type | None, item: Any) -> Points | None:
    """Return an item as one that lists of a type may have; none where no list has it."""
    if item is None or (isinstance(item, float) and not math.isfinite(item)):
        return ()
    if kind == NUMBER:
        return (Member((float(item),)),)
    if kind == INTEGER and isinstance(item, float):
        return None if abs(item) >= EXACT else (Member((int(item),)),) if item == int(item) else ()
    return (Member((item,)),)


def _points_of_compare(atom: Compare, now: dt.datetime) -> Points | None:
    """Return the points of a comparison of one field with what reads none."""
    for side, other in ((atom.left, atom.right), (atom.right, atom.left)):
        if reads_in(other):
            continue
        value = fixed_value(other, now)
        if value is None:
            return ()
        if isinstance(side, Size) and isinstance(side.item, Read) and side.item.type.is_list:
            return _lengths(value)
        return None if side.type.is_list else _solved(side, (value,), now)
    return None


def _lengths(value: float) -> Points:
    """Return the lengths next to a number."""
    if not -1 <= value <= LIST_CAP:
        return ()
    near = {max(math.floor(value) + step, 0) for step in (-1, 0, 1, 2)}
    return tuple(Length((n,)) for n in sorted(near))


def _solved(node: Node, values: Points, now: dt.datetime) -> Points | None:
    """Return for which values of the field in a node the node has, or passes, some values."""
    values = tuple(v for v in values if not isinstance(v, float) or math.isfinite(v))
    if isinstance(node, Read) or _lossless(node.type, values) is None:
        return _lossless(node.type, values)
    if isinstance(node, Negate) and node.type == INTEGER:
        return _solved(node.item, (*(-v for v in _whole(values)), INT_MIN), now)
    if not isinstance(node, Arithmetic) or node.operator not in "+-" or node.type == TEXT:
        return None
    is_left = bool(reads_in(node.left))
    inner, outer = (node.left, node.right) if is_left else (node.right, node.left)
    shift = fixed_value(outer, now)
    if reads_in(outer) or node.type == NUMBER or node.type.is_list:
        return None
    if shift is None:
        return ()
    values = _with_bounds(node.type, values, shift)
    if node.operator == "+":
        found = [_minus(value, shift) for value in values]
    elif is_left:
        found = [_plus(value, shift) for value in values]
    else:
        found = [_minus(shift, value) for value in values]
    return _solved(inner, tuple(value for value in found if value is not None), now)


def _lossless(kind: Type, values: Points) -> Points | None:
    """Return values to which a field is compared, unless integers are lost among such numbers."""
    if kind == INTEGER and any(isinstance(v, float) and abs(v) >= EXACT for v in values):
        return None
    return values


def _whole(values: Points) -> list[int]:
    """Return the integers next to some numbers."""
    return [n for v in values for n in {math.floor(v), math.ceil(v)}]


def _with_bounds(kind: Type, values: Points, shift: Any) -> Points:
    """Add the ends of the range of a type to the values that a calculation may pass."""
    if kind == INTEGER:
        return (*_whole(values), INT_MIN, INT_MAX)
    if kind == TIMESTAMP:
        return (*values, _FIRST, _LAST)
    ends = [_LONGEST, SECONDS, SECONDS + _SECOND]
    found = [*values, *ends, *(-end for end in ends)]
    if isinstance(shift, dt.datetime):  # whole seconds are counted first
        part = dt.timedelta(microseconds=shift.microsecond)
        found += [end + sign * part for end in found[len(values) :] for sign in (1, -1)]
    return tuple(found)


def _plus(a: Any, b: Any) -> Any:
    try:
        return a + b
    except OverflowError:
        return None


def _minus(a: Any, b: Any) -> Any:
    try:
        return a - b
    except OverflowError:
        return None


def values_of(
    field: Field, points: Iterable[Any], atoms: Sequence[Node], several: int = 1
) -> tuple[Any, ...]:
    """Return a value of each class of a field, and None for unknown.

    Args:
        field: The field.
        points: Where conditions about it can change.
        atoms: Conditions about it that are no plain comparisons: values that they may hold for
            are added.
        several: How many values are wanted between two points: fields that are compared with
            each other may all lie there.
    """
    if field.type.is_list:
        return (*_lists(field, tuple(points)), *_lists_for_macros(field, atoms), None)
    if field.choices:
        return (*field.choices, None)
    if field.type == BOOLEAN:
        return (True, False, None)
    marks = [*points, *_candidates(field.type, atoms)]
    return (*_CLASSES[field.type](marks, several), None)


def _integers(marks: Sequence[Any], several: int) -> Iterator[int]:
    """Yield integers at and around some numbers."""
    found = sorted({min(max(n, INT_MIN), INT_MAX) for n in _whole(tuple(marks))}) or [0]
    yield from found
    for low, high in pairwise([INT_MIN - 1, *found, INT_MAX + 1]):
        start = high - several if low < INT_MIN else low + 1
        yield from range(max(start, low + 1), min(max(start, low + 1) + several, high))


def _numbers(marks: Sequence[Any], several: int) -> Iterator[float]:
    """Yield numbers at and around some numbers."""
    found = sorted({float(mark) for mark in marks if math.isfinite(float(mark))}) or [0.0]
    yield from found
    for low, high in pairwise([-math.inf, *found, math.inf]):
        yield from _numbers_between(low, high, several)


def _numbers_between(low: float, high: float, several: int) -> Iterator[float]:
    """Yield numbers between two, plain ones where there is room, every one where there is not."""
    if low == -math.inf:
        plain = [high - step for step in range(1, several + 1)]
    elif low + several < high:
        plain = [low + step for step in range(1, several + 1)]
    else:
        plain = [low + (high - low) * part / (several + 1) for part in range(1, several + 1)]
    if len({value for value in plain if low < value < high}) == several:
        yield from plain
        return
    value, end = (low, high) if low > -math.inf else (high, low)
    for _ in range(several):
        value = math.nextafter(value, end)
        if not (low < value < high and math.isfinite(value)):
            return
        yield value


def _texts(marks: Sequence[Any], several: int) -> Iterator[str]:
    """Yield texts at and around some texts; those in which nothing can be seen are no facts."""
    found = sorted({str(mark) for mark in marks})
    yield from (text for text in found if text.strip())
    for low, high in pairwise([None, *found, None]):
        words = [w for w in (*_WORDS, *_around(low)) if _lies_between(w, low, high)]
        yield from dict.fromkeys(words[:several])


def _around(low: str | None) -> Iterator[str]:
    """Yield texts right behind another."""
    if low is None:
        yield from (_LOWEST_TEXT, "\t!!", "\t!!!")
    else:
        yield from (low + ending for ending in ("!", "\t!", "\t\t!", "\t\t\t!", "\t", "\t\t"))


def _lies_between(text: str, low: str | None, high: str | None) -> bool:
    is_visible = bool(text.strip())
    return is_visible and (low is None or low < text) and (high is None or text < high)


def _timestamps(marks: Sequence[Any], several: int) -> Iterator[dt.datetime]:
    """Yield times at and around some times."""
    found = sorted(set(marks)) or [dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)]
    yield from found
    yield from _steps(found, several, _FIRST, _LAST)


def _durations(marks: Sequence[Any], several: int) -> Iterator[dt.timedelta]:
    """Yield durations at and around some durations."""
    found = sorted({m for m in marks if abs(m) <= _LONGEST}) or [dt.timedelta(0)]
    yield from found
    yield from _steps(found, several, -_LONGEST, _LONGEST)


def _steps(found: Sequence[Any], several: int, first: Any, last: Any) -> Iterator[Any]:
    """Yield values between, below and above some, by whole days where there is room."""
    for low, high in pairwise([None, *found, None]):
        for number in range(1, several + 1):
            for step in (_DAY, _SECOND, _STEP):
                value = _plus(high, -step * number) if low is None else _plus(low, step * number)
                if value is None or not first <= value <= last:
                    continue
                if (low is None or low < value) and (high is None or value < high):
                    yield value
                    break


_CLASSES: Final = {
    INTEGER: _integers,
    NUMBER: _numbers,
    TEXT: _texts,
    TIMESTAMP: _timestamps,
    DURATION: _durations,
}


def _lists(field: Field, points: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield lists with any of the members in question, of the lengths in question."""
    members = sorted({p[0] for p in points if isinstance(p, Member)}, key=str)
    lengths = sorted({p[0] for p in points if isinstance(p, Length)} | {0, 1})
    filler = _filler(field, members)
    for chosen in product((False, True), repeat=len(members[:_MOST_MEMBERS])):
        kept = tuple(m for m, is_in in zip(members, chosen, strict=False) if is_in)
        padding = filler if filler is not None else (kept[0] if kept else None)
        wanted = {max(length, len(kept)) for length in lengths if length <= LIST_CAP}
        for length in sorted(wanted):
            missing = length - len(kept)
            if missing == 0 or padding is not None:
                yield (*kept, *((padding,) * missing))


def _lists_for_macros(field: Field, atoms: Sequence[Node]) -> Iterator[tuple[Any, ...]]:
    """Yield lists for which macros over a list may hold: of one item in question, and of all."""
    item = field.type.item
    looked = [n for atom in atoms for n in walk(atom) if isinstance(n, Quantified)]
    if item is None or not looked:
        return
    if field.choices or item == BOOLEAN:
        found: list[Any] = list(field.choices or (True, False))
    else:
        found = list(_CLASSES[item](_candidates(item, looked), 1))
    yield from ((value,) for value in found[:_MOST_CANDIDATES])
    yield tuple(found[:_MOST_CANDIDATES])


def _filler(field: Field, members: Sequence[Any]) -> Any:
    """Return an item of a list that is none of its members in question; None if there is none."""
    item = field.type.item
    assert item is not None
    if field.choices:
        return next((choice for choice in field.choices if choice not in members), None)
    if item == BOOLEAN:
        return next((truth for truth in (True, False) if truth not in members), None)
    plain = _WORDS if item == TEXT else ()
    return next((v for v in (*plain, *_CLASSES[item](members, 1)) if v not in members), None)


def are_lists_exact(points: Sequence[Any]) -> bool:
    """Whether the lists that `values_of` gives stand for all."""
    return sum(isinstance(p, Member) for p in set(points)) <= _MOST_MEMBERS


def _candidates(kind: Type, atoms: Sequence[Node]) -> list[Any]:
    """Return values for which conditions that are no plain comparisons may hold."""
    parts = [walk_constants(atom) for atom in atoms]
    if kind == TEXT:
        return _joined_texts(atoms)
    wanted = (int, float) if kind in (INTEGER, NUMBER) else (dt.datetime, dt.timedelta)
    plain = [v for values in parts for v in values if type(v) in wanted]
    if kind in (INTEGER, NUMBER):
        more = [v / w for v in plain for w in plain if w] + [v - w for v in plain for w in plain]
        return [v for v in (*plain, *more) if math.isfinite(v)][:_MOST_CANDIDATES]
    return [v for v in plain if isinstance(v, dt.datetime) == (kind == TIMESTAMP)]


def walk_constants(node: Node) -> tuple[Any, ...]:
    """Return the constants in a node."""
    return tuple(part.value for part in walk(node) if isinstance(part, Constant))


def _joined_texts(atoms: Sequence[Node]) -> list[str]:
    """Return texts that begin, end and go on with what conditions look for, of several lengths."""
    looked: dict[str, set[str]] = {"startsWith": {""}, "contains": {""}, "endsWith": {""}}
    lengths: set[int] = set()
    for part in (part for atom in atoms for part in walk(atom)):
        if isinstance(part, TextTest) and isinstance(part.part, Constant):
            looked[part.test].add(str(part.part.value))
        elif isinstance(part, Constant) and isinstance(part.value, int | float):
            near = range(max(int(part.value) - 1, 1), int(part.value) + 2)
            lengths.update(n for n in near if n <= _LONGEST_TEXT)
    plain = {"".join(parts) for parts in product(*looked.values())}
    plain |= {str(v) for atom in atoms for v in walk_constants(atom) if isinstance(v, str)}
    padded = {text[:n].ljust(n, "x") for text in plain for n in lengths}
    return sorted(plain | padded, key=lambda text: (len(text), text))[:_MOST_CANDIDATES]
