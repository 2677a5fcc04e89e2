"""What definitions ask of everybody to whom they give the same word, side by side."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from attrs import field, frozen

from funnelflow.compare.needs import (
    Need,
    Needs,
    contradicts,
    needs_of,
    needs_written,
)
from funnelflow.compare.words_in_common import SharedWord, shared_words
from funnelflow.definition import Linked

Stand: TypeAlias = Literal["needs", "implied", "excludes", "not asked"]

_MOST_PASSED = 40
"""Up to how many shared words it is looked for those that everybody has been before."""


@frozen
class NeedCell:
    """What one definition asks about one thing.

    Attributes:
        stand: It needs it, asks for something from which it follows, excludes what another
            needs, or does not ask.
        needs: What it asks, the strongest only.
        labels: What it calls each of them; empty where it has no name for it.
    """

    stand: Stand
    needs: tuple[Need, ...] = ()
    labels: tuple[str, ...] = ()


@frozen
class NeedRow:
    """One thing that some definition asks about, and what each of them asks.

    Attributes:
        subject: What it is about.
        cells: What each definition asks, by its name.
        is_same: Whether all of them ask the very same.
    """

    subject: str
    cells: Mapping[str, NeedCell]
    is_same: bool

    @property
    def is_about_criteria(self) -> bool:
        """Whether it is about criteria, and not about events, waits or stages on the way."""
        return any(need.rule is not None for cell in self.cells.values() for need in cell.needs)

    def askers(self) -> tuple[str, ...]:
        """Name the definitions that need it, or ask for something from which it follows."""
        return tuple(n for n, cell in self.cells.items() if cell.stand in ("needs", "implied"))


@frozen
class WayNeeds:
    """One way into a stage, where no criterion lies on every way.

    Attributes:
        sources: The stages that it leaves.
        on: What takes it, as events; empty for none.
        needs: What everybody who came this way has had, the strongest only.
    """

    sources: tuple[str, ...]
    on: tuple[str, ...]
    needs: tuple[Need, ...]


@frozen
class WordNeeds:
    """What definitions ask of everybody whom they call by a word.

    Attributes:
        word: The word, with the stage that each means by it.
        rows: What they ask, what all of them ask first.
        ways: The ways of each definition in which no criterion lies on every way, and of each
            where all ask for the same.
        unreached: The definitions in which no transition leads to the stage.
        begins: The definitions in which everybody begins there.
    """

    word: SharedWord
    rows: tuple[NeedRow, ...]
    ways: Mapping[str, tuple[WayNeeds, ...]]
    unreached: tuple[str, ...]
    begins: tuple[str, ...]


@frozen(eq=False)
class NeedTable:
    """What several definitions ask, word by word.

    Attributes:
        definitions: Their names.
        words: The words that at least two of them share.
    """

    definitions: tuple[str, ...]
    words: tuple[WordNeeds, ...]


def need_table(definitions: Sequence[Linked]) -> NeedTable:
    """Put side by side what definitions ask of everybody to whom they give the same word.

    Args:
        definitions: The definitions, linked.
    """
    builder = _Builder(definitions)
    names = tuple(linked.definition.name for linked in definitions)
    return NeedTable(names, tuple(builder.word(word) for word in builder.words))


@frozen
class _Builder:
    """Knows what each definition asks, and its names for it."""

    definitions: Sequence[Linked]
    needs: Mapping[str, Needs] = field(init=False)
    labels: Mapping[str, Mapping[object, str]] = field(init=False)
    words: tuple[SharedWord, ...] = field(init=False)

    @needs.default
    def _all_needs(self) -> Mapping[str, Needs]:
        return {n.linked.definition.name: n for n in needs_of(self.definitions)}

    @labels.default
    def _all_labels(self) -> Mapping[str, Mapping[object, str]]:
        return {
            linked.definition.name: {n.key: n.label for n in needs_written(linked) if n.label}
            for linked in self.definitions
        }

    @words.default
    def _all_words(self) -> tuple[SharedWord, ...]:
        return shared_words(self.definitions)

    def word(self, word: SharedWord) -> WordNeeds:
        """Return what is asked of everybody who is called by a word."""
        reached, begins = {}, []
        for name, stage in word.stages.items():
            needs = self.needs[name]
            if self.needs[name].linked.initial in needs.linked.leaves_of(stage):
                begins.append(name)
            if any(map(needs.is_reached, needs.linked.leaves_of(stage))):
                reached[name] = stage
        had = {name: self.needs[name].of(stage) for name, stage in reached.items()}
        unreached = tuple(name for name in word.stages if name not in reached)
        rows = (*self._rows(had), *self._passed_rows(word, reached))
        is_same = all(row.is_same for row in rows)
        ways = {
            name: tuple(self._ways(name, stage))
            for name, stage in reached.items()
            if name not in begins
            and (is_same or not any(n.rule for n in self._listed(name, had[name])))
        }
        ordered = sorted(rows, key=lambda row: (-len(row.askers()), not row.is_same))
        return WordNeeds(word, tuple(ordered), ways, unreached, tuple(begins))

    def _listed(self, name: str, bits: int) -> tuple[Need, ...]:
        return self.needs[name].strengths.strongest(bits)

    def _ways(self, name: str, stage: str) -> Iterator[WayNeeds]:
        for transition, bits in self.needs[name].ways(stage):
            written = transition.transition
            yield WayNeeds(written.sources, written.on, self._listed(name, bits))

    def _rows(self, had: Mapping[str, int]) -> Iterator[NeedRow]:
        """Yield a row for each thing that somebody asks about."""
        asked = {name: self._listed(name, bits) for name, bits in had.items()}
        topics: dict[object, dict[str, list[Need]]] = {}
        for name, needs in asked.items():
            for need in needs:
                topics.setdefault(_topic(need), {}).setdefault(name, []).append(need)
        for found in topics.values():
            yield self._row(found, had, asked)

    def _row(
        self,
        found: Mapping[str, Sequence[Need]],
        had: Mapping[str, int],
        asked: Mapping[str, Sequence[Need]],
    ) -> NeedRow:
        """Return what each definition asks about what some of them ask."""
        cells = {name: self._cell(name, found, had[name], asked[name]) for name in had}
        keys = {frozenset(need.key for need in needs) for needs in found.values()}
        first = next(iter(found.values()))[0]
        subject = first.kind if first.rule is None else first.subject
        return NeedRow(subject, cells, len(keys) == 1 and len(found) == len(had))

    def _cell(
        self, name: str, found: Mapping[str, Sequence[Need]], had: int, asked: Sequence[Need]
    ) -> NeedCell:
        """Return what one definition asks about what some definitions ask."""
        if name in found:
            return self._asked(name, "needs", found[name])
        wanted = list({n.key: n for needs in found.values() for n in needs}.values())
        strengths = self.needs[name].strengths
        follows = sum(1 << place for place in {strengths.places[n.key] for n in wanted})
        if follows & had:
            return self._asked(name, "implied", strengths.strongest(follows & had))
        against = [mine for mine in asked if any(contradicts(mine, need) for need in wanted)]
        return self._asked(name, "excludes", against) if against else NeedCell("not asked")

    def _asked(self, name: str, stand: Stand, needs: Sequence[Need]) -> NeedCell:
        labels = self.labels[name]
        return NeedCell(stand, tuple(needs), tuple(labels.get(need.key, "") for need in needs))

    def _passed_rows(self, word: SharedWord, reached: Mapping[str, str]) -> Iterator[NeedRow]:
        """Yield rows for the other words that everybody has been called before, or is as well."""
        if len(self.words) > _MOST_PASSED:
            return
        for other in self.words:
            if other is word:
                continue
            found = {n: self._passed(n, s, other) for n, s in reached.items() if n in other.stages}
            asked = {name: need for name, need in found.items() if need is not None}
            if asked:
                same = len({need.key for need in asked.values()}) == 1 and len(asked) == len(
                    reached
                )
                cells = {name: _passed_cell(asked.get(name)) for name in reached}
                yield NeedRow(other.word, cells, same)

    def _passed(self, name: str, stage: str, other: SharedWord) -> Need | None:
        """Return that everybody in a stage has been called by another word, if that is so."""
        linked, around = self.needs[name].linked, other.stages[name]
        inside = set(linked.leaves_of(stage))
        passed = set(linked.leaves_of(around))
        if inside < passed:
            return Need("stage", "", "still is one", ("inside", other.word))
        if passed & inside or linked.initial in passed:
            return None
        if inside.isdisjoint(self._without(name, passed)):
            return Need("stage", "", "has been one before", ("before", other.word))
        return None

    def _without(self, name: str, passed: set[str]) -> set[str]:
        """Return the leaves that are reached without passing some others."""
        needs = self.needs[name]
        found, pending = {needs.linked.initial}, deque([needs.linked.initial])
        leaving: dict[str, set[str]] = {}
        for transition in needs.linked.transitions:
            for leaf, _ in transition.sources if transition.index in needs.taken else ():
                leaving.setdefault(leaf, set()).add(transition.to)
        while pending:
            for leaf in leaving.get(pending.popleft(), set()) - found - passed:
                found.add(leaf)
                pending.append(leaf)
        return found


def _topic(need: Need) -> object:
    """Return what a need is about, so that needs about one thing share a row."""
    if need.rule is None:
        return need.kind
    return need.reads or need.key


def _passed_cell(need: Need | None) -> NeedCell:
    return NeedCell("not asked") if need is None else NeedCell("needs", (need,), ("",))
