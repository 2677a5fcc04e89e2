"""The report of what was counted."""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from funnelflow.report.blocking import ConditionalTransition, answer_label
from funnelflow.report.estimates import kaplan_meier, lengths, quantile
from funnelflow.report.frame import LOST_REASON_FIELD, SOURCE_FIELD, ExtraNumber, Frame, title_of
from funnelflow.report.journey import Journey
from funnelflow.report.records import (
    Cohort,
    Cohorts,
    CommonValue,
    ConversionStep,
    Lengths,
    Number,
    StageCount,
    StageTime,
    Survival,
    WinRates,
)
from funnelflow.report.sections import (
    Ageing,
    Blocker,
    BlockingCriterion,
    Flow,
    FlowMove,
    PluginNumber,
    QuestionSet,
    Recycling,
    Report,
    RestatementCounts,
    TrendPeriod,
)
from funnelflow.report.tally import Tally

MOST_PERIODS: Final = 60
"""How many periods a report lists; earlier ones are counted together."""
MOST_SHOWN_VALUES: Final = 20
"""How many values of a field a report lists."""
MOST_QUESTIONS: Final = 10
"""How many sets of questions a report lists for a transition."""


def report_of(frame: Frame, journeys: Iterable[Journey]) -> Report:
    """Count journeys, and return the report; pure.

    Args:
        frame: What it is asked about.
        journeys: The journeys of one funnel, each contact once; read once.
    """
    tally = Tally(frame)
    for journey in journeys:
        tally.add(journey)
    return build_report(tally)


def build_report(tally: Tally, *, erased: int = 0) -> Report:
    """Return the report of what was counted.

    Args:
        tally: What was counted.
        erased: How many contacts have been erased.
    """
    return _Builder(tally).report(erased)


class _Builder:
    """Reads numbers off a tally."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.frame = tally.frame
        self.entries = tally.counts["contacts"]

    def report(self, erased: int) -> Report:
        """Return the report."""
        frame, definition = self.frame, self.frame.linked.definition
        return Report(
            funnel=definition.name,
            title=definition.title,
            version=definition.version,
            at=frame.now,
            known_at=frame.known_at,
            zone=str(frame.calendar.zone),
            period=frame.calendar.kind,
            entries=self.number("contacts"),
            stages=self.stages(),
            conversion=self.conversion(),
            cohorts=self.cohorts(),
            time_in_stage=self.times(),
            survival=self.survival(),
            win_rates=self.win_rates(),
            ageing=self.ageing(),
            blockers=tuple(map(self.blocker, frame.ways)),
            refused=self.number("refused-moves"),
            refused_without_transition=self.number(
                "refused-without-transition", self.tally.counts["refused-moves"]
            ),
            flow=self.flow(),
            recycling=self.recycling(),
            restatements=self.restatements(),
            trend=self.trend(),
            plugin_numbers=tuple(map(self.extra, frame.extras)),
            erased=erased,
        )

    def number(self, name: str, of: int | None = None) -> Number:
        return Number(name, self.tally.counts[name], of)

    def lengths(self, name: str) -> Lengths:
        return lengths(name, self.tally.lengths.get(name, ()))

    def stages(self) -> tuple[StageCount, ...]:
        linked, leaves = self.frame.linked, set(self.frame.linked.leaves)
        return tuple(
            StageCount(
                stage,
                title_of(linked, stage),
                linked.type_of(stage),
                stage.count("."),
                stage in leaves,
                self.number(f"stage/{stage}", self.entries),
                self.number(f"stage-before/{stage}"),
            )
            for stage in linked.stages
        )

    def conversion(self) -> tuple[ConversionStep, ...]:
        found, before = [], ""
        for step in self.frame.steps:
            stage = step.stage
            base = self.tally.counts[f"passed/{before}"] if before else self.entries
            found.append(
                ConversionStep(
                    stage,
                    step.title,
                    passed=self.number(f"passed/{stage}", self.entries),
                    any_order=self.number(f"any-order/{stage}", self.entries),
                    touched=self.number(f"touched/{stage}", self.entries),
                    in_order=self.number(f"in-order/{stage}", self.entries),
                    by_arrival=self.number(f"by-arrival/{stage}", self.entries),
                    from_before=self.number(f"passed/{stage}", base),
                    reentries=self.number(f"reentered/{stage}"),
                    time_from_before=self.lengths(f"time/{before}/{stage}"),
                    negative=self.number(f"negative/{before}/{stage}"),
                )
            )
            before = stage
        return tuple(found)

    def cohorts(self) -> tuple[Cohorts, ...]:
        frame, steps = self.frame, tuple(step.stage for step in self.frame.steps)
        periods = self.tally.periods
        rows = tuple(
            self._cohort(f"cohort/{label}", label, ages=len(periods) - place)
            for place, label in enumerate(periods)
        )[-MOST_PERIODS:]
        found = [Cohorts(frame.calendar.kind, steps, rows, self._others(rows), is_period=True)]
        if frame.by:
            keys = self._common("by", frame.by)
            rows = tuple(self._cohort(f"by/{key}", label_of(key)) for key in keys)
            found.append(Cohorts(frame.by, steps, rows, self._others(rows)))
        return tuple(found)

    def _others(self, rows: Sequence[Cohort]) -> int:
        return self.entries - sum(row.entered.value for row in rows)

    def _cohort(self, name: str, label: str, ages: int = 0) -> Cohort:
        entered = self.number(name)
        of = entered.value
        passed = (self.number(f"{name}/{step.stage}", of) for step in self.frame.steps)
        won = (self.number(f"{name}/won/{age}", of) for age in range(ages))
        return Cohort(label, entered, tuple(passed), tuple(won))

    def _common(self, family: str, field: str) -> list[str]:
        """Name the values of a field that most contacts have, as names of numbers have them."""
        counts, keys = self.tally.counts, self.tally.values.keys(field)
        found = [key for key in keys if counts[f"{family}/{key}"]]
        found.sort(key=lambda key: (-counts[f"{family}/{key}"], key))
        return found[:MOST_SHOWN_VALUES]

    def times(self) -> tuple[StageTime, ...]:
        linked = self.frame.linked
        return tuple(
            StageTime(
                stage,
                title_of(linked, stage),
                stage.count("."),
                *(self.lengths(f"{kind}/{stage}") for kind in ("latest", "cumulative", "forward")),
            )
            for stage in linked.stages
        )

    def survival(self) -> Survival:
        lengths = self.tally.lengths
        return kaplan_meier(
            "survival", lengths.get("survival/won", ()), lengths.get("survival/open", ())
        )

    def win_rates(self) -> WinRates:
        won, lost = self.tally.counts["now/won"], self.tally.counts["now/lost"]
        narrow, cycle = self.number("now/won", won + lost), self.lengths("survival/won")
        velocity = self._velocity(narrow, cycle)
        tally = self.tally
        worth = tally.value_total / tally.value_count if tally.value_count else None
        return WinRates(
            self.number("now/open", self.entries),
            self.number("now/won", self.entries),
            self.number("now/lost", self.entries),
            narrow,
            cycle,
            velocity,
            None if velocity is None or worth is None else velocity * worth,
            self._values("lost-reason", LOST_REASON_FIELD, lost),
            self._values("source", SOURCE_FIELD, self.entries),
        )

    def _velocity(self, narrow: Number, cycle: Lengths) -> float | None:
        if narrow.share is None or not cycle.median_days or cycle.median_days < 0:
            return None
        return self.tally.counts["now/open"] * narrow.share / cycle.median_days

    def _values(self, family: str, field: str, of: int) -> tuple[CommonValue, ...]:
        return tuple(
            CommonValue(
                label_of(key),
                self.number(f"{family}/{key}", of),
                self.number(f"{family}/{key}/won", self.tally.counts[f"{family}/{key}"]),
            )
            for key in self._common(family, field)
        )

    def ageing(self) -> tuple[Ageing, ...]:
        linked, limits = self.frame.linked, limits_of(self.tally)
        found = []
        for leaf in linked.leaves:
            if self.frame.types[leaf] == "open":
                limit, by = limits.get(leaf, (None, ""))
                ages = self.tally.lengths.get(f"age/{leaf}", ())
                aged = 0 if limit is None else sum(age > limit for age in ages)
                number = Number(f"ageing/{leaf}", aged, len(ages))
                title = title_of(linked, leaf)
                found.append(Ageing(leaf, title, limit, by, number, self.lengths(f"age/{leaf}")))
        return tuple(found)

    def blocker(self, way: ConditionalTransition) -> Blocker:
        counts, key, linked = self.tally.counts, way.key, way.linked
        waiting = counts[f"waiting/{key}"]
        labels = dict.fromkeys(answer_label(reader.rule) for reader in way.criteria)
        criteria = [self._criterion(key, label, waiting) for label in labels]
        criteria.sort(key=lambda one: -(one.unmet.value + one.unknown.value))
        sources = (leaf for leaf, _ in linked.sources)
        return Blocker(
            key,
            linked.label,
            linked.transition.sources,
            linked.transition.to,
            any(self.frame.is_forward(leaf, linked.to) for leaf in sources),
            self.number(f"waiting/{key}"),
            self.number(f"ready/{key}", waiting),
            self.number(f"refused/{key}"),
            tuple(criteria),
            self._questions(key, waiting),
        )

    def _criterion(self, key: str, label: str, waiting: int) -> BlockingCriterion:
        refused = self.tally.counts[f"refused/{key}"]
        return BlockingCriterion(
            label,
            self.number(f"unmet/{key}/{label}", waiting),
            self.number(f"unknown/{key}/{label}", waiting),
            self.number(f"refused-unmet/{key}/{label}", refused),
            self.number(f"refused-unknown/{key}/{label}", refused),
        )

    def _questions(self, key: str, waiting: int) -> tuple[QuestionSet, ...]:
        prefix, fields = f"ask/{key}/", self.frame.linked.fields
        found = [name for name in self.tally.counts if name.startswith(prefix)]
        found.sort(key=lambda name: (name.count("+"), -self.tally.counts[name], name))
        return tuple(
            QuestionSet(
                names := tuple(name.removeprefix(prefix).split("+")),
                tuple(fields[one].ask for one in names),
                self.number(name, waiting),
            )
            for name in found[:MOST_QUESTIONS]
        )

    def flow(self) -> Flow:
        leaves, counts = self.frame.linked.leaves, self.tally.counts
        pairs = [(a, b) for a in leaves for b in leaves if counts[f"flow/{a}/{b}"]]
        left: dict[str, int] = {}
        for source, to in pairs:
            left[source] = left.get(source, 0) + counts[f"flow/{source}/{to}"]
        moves = tuple(
            FlowMove(a, b, self.number(f"flow/{a}/{b}", left[a]), self.frame.is_backward(a, b))
            for a, b in pairs
        )
        return Flow(leaves, moves, self.number("contacts"))

    def recycling(self) -> Recycling:
        counts = self.tally.counts
        forced = sorted(name for name in counts if name.startswith("forced/"))
        return Recycling(
            self.number("recycled", self.entries),
            self.number("backward", self.entries),
            self.number("backward-moves"),
            tuple(self.number(name) for name in sorted(forced, key=lambda n: -counts[n])),
        )

    def restatements(self) -> RestatementCounts:
        counts = self.tally.counts
        return RestatementCounts(
            self.number("late-rows"),
            self.number("changing-rows", counts["late-rows"]),
            self.frame.period_start,
            self.number("stood-elsewhere", counts["stood"]),
            self.number("not-known-then", counts["stood"]),
        )

    def trend(self) -> tuple[TrendPeriod, ...]:
        periods = self.tally.periods
        return tuple(
            TrendPeriod(
                label,
                place < len(periods) - 1,
                self.number(f"trend/{label}/entered"),
                tuple(self.number(f"trend/{label}/{s.stage}") for s in self.frame.steps),
                self.number(f"trend/{label}/won"),
                self.number(f"trend/{label}/lost"),
            )
            for place, label in enumerate(periods)
        )[-MOST_PERIODS:]

    def extra(self, extra: ExtraNumber) -> PluginNumber:
        name, problem = f"plugin/{extra.name}", extra.problem()
        values = self.tally.lengths.get(name, array("d"))
        value = None if problem else _summary(extra.summary, values)
        return PluginNumber(
            name,
            extra.title,
            value,
            len(values),
            extra.unit,
            extra.definition,
            extra.plugin,
            problem,
        )


def _summary(summary: str, values: Sequence[float]) -> float | None:
    """Return what becomes of the values of a number."""
    if summary in {"count", "sum"}:
        return float(len(values)) if summary == "count" else math.fsum(values)
    if not values:
        return None
    return math.fsum(values) / len(values) if summary == "mean" else quantile(sorted(values), 0.5)


def label_of(key: str) -> str:
    """Return a value of a field as people read it; empty where it is not known."""
    return "" if key == "unknown" else key.removeprefix("=")


def limits_of(tally: Tally) -> dict[str, tuple[float, str]]:
    """Return from how many days on a contact is in a leaf stage for too long, and why."""
    limits = {leaf: (days, "rotting_after") for leaf, days in tally.frame.limits.items()}
    for leaf in tally.frame.linked.leaves:
        forward = tally.lengths.get(f"forward/{leaf}")
        usual = usual_limit(forward or ())
        if leaf not in limits and usual is not None:
            limits[leaf] = usual, "p90"
    return limits


def usual_limit(forward: Sequence[float]) -> float | None:
    """Return the days after which nine of ten went on; None where nobody did, or within a day."""
    limit = quantile(sorted(forward), 0.9) if forward else 0.0
    return limit if limit >= 1 else None
