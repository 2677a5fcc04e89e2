"""What a changed definition would have made of the same evidence: who, where, when, and then?

Each contact's stays by the definition as it is are held against those by the changed one. What
became of somebody is what did become of them, as the definition that is in use says it: nobody
knows how they would have been treated otherwise.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import asdict, define, field, frozen

from funnelflow.compare.effects import Effect
from funnelflow.criteria.value_forms import dump_value
from funnelflow.definition import Linked
from funnelflow.definition.difference import renamed_stages
from funnelflow.engine.story import Stay

Fate: TypeAlias = Literal["won", "lost", "open"]

EXAMPLES = 3
_DAY = dt.timedelta(days=1)


@frozen
class Fates:
    """What became of some contacts, as the definition in use says it.

    Attributes:
        count: How many they are.
        won: How many of them were in a stage of type won.
        lost: How many of the others are in one of type lost.
        open: How many are in neither.
        examples: The first few by id.
    """

    count: int = 0
    won: int = 0
    lost: int = 0
    open: int = 0
    examples: tuple[str, ...] = ()


@frozen
class TimeShift:
    """Contacts who enter a stage at another time.

    Attributes:
        count: How many they are.
        median_days: By how many days, for the one in the middle; None where nobody is.
    """

    count: int = 0
    median_days: int | None = None


@frozen
class StageEffect:
    """What the change means for entering one stage.

    Attributes:
        stage: The stage, by its dotted name; one with nested stages is entered with any of them.
        before: How many entered it as it is.
        after: How many would have.
        let_in: Who would have entered it and did not.
        kept_out: Who entered it and would not have.
        earlier: Who would have entered it earlier.
        later: Who would have entered it later.
    """

    stage: str
    before: int
    after: int
    let_in: Fates
    kept_out: Fates
    earlier: TimeShift
    later: TimeShift

    @property
    def is_same(self) -> bool:
        """Whether everybody enters it at the same moment as before."""
        return not (
            self.let_in.count or self.kept_out.count or self.earlier.count or self.later.count
        )


@frozen
class StageShift:
    """Contacts who would stand elsewhere now.

    Attributes:
        before: The stage they are in.
        after: The one they would be in.
        count: How many they are.
        examples: The first few by id.
    """

    before: str
    after: str
    count: int
    examples: tuple[str, ...]


@frozen
class CurvePoint:
    """Whom one value of a threshold lets in.

    Attributes:
        value: The value.
        is_now: Whether it is that of the definition in use.
        let_in: Who would have entered the stage that the criterion leads to.
    """

    value: Any
    is_now: bool
    let_in: Fates


@frozen
class WhatIf:
    """What a changed definition would have made of the same evidence.

    Attributes:
        funnel: The funnel.
        asked: What was asked for, in words.
        changed: What is different, in words.
        contacts: How many contacts were looked at.
        effects: What the change means, whatever the evidence: proved, or not decided.
        stages: Every stage of the changed definition, in its order.
        shifts: Who would stand elsewhere now, the most contacts first.
        threshold: The stage that `curve` is about; empty without one.
        curve: Whom each value of a threshold lets in, by the values.
    """

    funnel: str
    asked: str
    changed: tuple[str, ...]
    contacts: int
    effects: tuple[Effect, ...]
    stages: tuple[StageEffect, ...]
    shifts: tuple[StageShift, ...]
    threshold: str = ""
    curve: tuple[CurvePoint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return {
            "funnel": self.funnel,
            "asked": self.asked,
            "changed": list(self.changed),
            "contacts": self.contacts,
            "effects": [effect.to_json() for effect in self.effects],
            "stages": [asdict(stage) for stage in self.stages],
            "shifts": [asdict(shift) for shift in self.shifts],
            "threshold": self.threshold,
            "curve": [{**asdict(p), "value": _plain(p.value)} for p in self.curve],
        }


def _plain(value: Any) -> Any:
    """Return a value of a threshold as data."""
    return dump_value(value) if isinstance(value, dt.datetime | dt.timedelta) else value


@define
class _Fates:
    """Counts what became of contacts."""

    counts: Counter[Fate] = field(factory=Counter)
    examples: list[str] = field(factory=list)

    def add(self, contact: str, fate: Fate) -> None:
        self.counts[fate] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(contact)

    def result(self) -> Fates:
        counts = self.counts
        return Fates(
            counts.total(), counts["won"], counts["lost"], counts["open"], tuple(self.examples)
        )


@define
class _Entering:
    """Counts who enters one stage."""

    before: int = 0
    after: int = 0
    let_in: _Fates = field(factory=_Fates)
    kept_out: _Fates = field(factory=_Fates)
    earlier: Counter[int] = field(factory=Counter)
    later: Counter[int] = field(factory=Counter)

    def look_at(
        self, contact: str, was: dt.datetime | None, now: dt.datetime | None, fate: Fate
    ) -> None:
        """Count when a contact enters it, as it is and with the change."""
        self.before += was is not None
        self.after += now is not None
        if was is None and now is not None:
            self.let_in.add(contact, fate)
        elif was is not None and now is None:
            self.kept_out.add(contact, fate)
        elif was is not None and now is not None and was != now:
            days = self.later if now > was else self.earlier
            days[abs(now - was) // _DAY] += 1

    def result(self, stage: str) -> StageEffect:
        return StageEffect(
            stage,
            self.before,
            self.after,
            self.let_in.result(),
            self.kept_out.result(),
            _time_shift(self.earlier),
            _time_shift(self.later),
        )


def _time_shift(days: Counter[int]) -> TimeShift:
    """Return how many enter at another time, and by how many days the one in the middle."""
    middle, seen = (days.total() + 1) // 2, 0
    for number in sorted(days):
        seen += days[number]
        if seen >= middle:
            return TimeShift(days.total(), number)
    return TimeShift()


class WhatIfTally:
    """Counts, contact by contact, what a changed definition makes of the same evidence.

    Args:
        old: The definition in use.
        new: The changed one.
    """

    def __init__(self, old: Linked, new: Linked) -> None:
        self.contacts = 0
        self._types = old.index.types
        self._names = renamed_stages(old.definition, new.definition)
        self._around = {leaf: _stages_around(leaf) for leaf in (*old.leaves, *new.leaves)}
        self._entering = {name: _Entering() for name in new.stages}
        self._shifts: dict[tuple[str, str], list[str]] = {}
        self._shifted: Counter[tuple[str, str]] = Counter()

    def add(self, contact: str, was: Sequence[Stay], now: Sequence[Stay]) -> Fate:
        """Count one contact; returns what became of it."""
        self.contacts += 1
        fate = fate_of(was, self._types)
        first = self._first_entries(was, self._names)
        then = self._first_entries(now, {})
        for stage, entering in self._entering.items():
            one, other = first.get(stage), then.get(stage)
            if one is not None or other is not None:
                entering.look_at(contact, one, other, fate)
        stood, stands = was[-1].stage, now[-1].stage if now else ""
        if self._names.get(stood, stood) != stands:
            way = stood, stands
            self._shifted[way] += 1
            examples = self._shifts.setdefault(way, [])
            if len(examples) < EXAMPLES:
                examples.append(contact)
        return fate

    def stages(self) -> tuple[StageEffect, ...]:
        """Return what the change means for every stage."""
        return tuple(entering.result(stage) for stage, entering in self._entering.items())

    def shifts(self) -> tuple[StageShift, ...]:
        """Return who would stand elsewhere, the most contacts first."""
        ways = sorted(self._shifted.items(), key=lambda item: (-item[1], item[0]))
        return tuple(StageShift(*way, n, tuple(self._shifts[way])) for way, n in ways)

    def _first_entries(
        self, stays: Iterable[Stay], names: Mapping[str, str]
    ) -> dict[str, dt.datetime]:
        """Return when each stage was entered first, outer ones with what is nested in them."""
        found: dict[str, dt.datetime] = {}
        for stay in stays:
            leaf = names.get(stay.stage, stay.stage)
            for name in self._around.get(leaf, ()):
                found.setdefault(name, stay.entered)
        return found


class CurveTally:
    """Counts whom each value of a threshold lets into a stage.

    Args:
        leaves: The leaves of the stage.
        values: The values, each with whether it is that of the definition in use.
    """

    def __init__(self, leaves: Iterable[str], values: Sequence[tuple[Any, bool]]) -> None:
        self._leaves = frozenset(leaves)
        self._values = values
        self._counts = [_Fates() for _ in values]

    def add(self, contact: str, fate: Fate, stories: Iterable[Sequence[Stay]]) -> None:
        """Count one contact, of whom there is a story for each value."""
        for counts, stays in zip(self._counts, stories, strict=True):
            if any(stay.stage in self._leaves for stay in stays):
                counts.add(contact, fate)

    def points(self) -> Iterator[CurvePoint]:
        """Yield the points of the curve, by their values."""
        for (value, is_now), counts in zip(self._values, self._counts, strict=True):
            yield CurvePoint(value, is_now, counts.result())


def fate_of(stays: Sequence[Stay], types: Mapping[str, Any]) -> Fate:
    """Return what became of a contact: won if it ever was, or else as the last stage says."""
    if any(types[stay.stage] == "won" for stay in stays):
        return "won"
    return "lost" if types[stays[-1].stage] == "lost" else "open"


def _stages_around(leaf: str) -> tuple[str, ...]:
    """Return a leaf with the stages that it is nested in."""
    parts = leaf.split(".")
    return tuple(".".join(parts[:size]) for size in range(1, len(parts) + 1))
