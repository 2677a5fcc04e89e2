"""Everybody's stored evidence, read by the definition in use and by changed ones beside it.

Contacts come a thousand at a time, their evidence is read once, and nothing is kept of them but
counts, so that memory stays the same for any number of contacts.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import define, evolve, field

from funnelflow.compare.effects import effects_of
from funnelflow.compare.thresholds import Threshold, value_words, values_around, with_threshold
from funnelflow.compare.what_if import CurveTally, WhatIf, WhatIfTally
from funnelflow.definition import Definition, Linked, diff, digest, link, link_stored
from funnelflow.engine import Funnel
from funnelflow.engine.answers import GivenAnswers
from funnelflow.engine.story import Stay, end_of, fold_story
from funnelflow.errors import UnknownNameError
from funnelflow.report.journey import Journey
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.queries import funnel_names
from funnelflow.storage.replay import EvidenceReader, read_told
from funnelflow.storage.stays import FoundJourney, JourneyReader
from funnelflow.storage.told import answered, as_story
from funnelflow.storage.tracked_contacts import LoadedDefinition

Progress = Callable[[int], None]


@define(eq=False)
class ChangedReader(JourneyReader):
    """Reads everybody's way through a funnel, also as changed definitions would have it.

    Attributes:
        changed: The changed definitions.
        beside: The stays of the contact whose journey was given last, by each of them.
    """

    changed: Sequence[LoadedDefinition] = ()
    beside: tuple[tuple[Stay, ...], ...] = ()
    _apart: dict[str, EvidenceReader | None] = field(factory=dict)

    def _journey(self, found: Any) -> Journey | None:
        """Fold a contact's story, and fold it again by each changed definition."""
        journey = super()._journey(found)
        if journey is not None:
            self.beside = tuple(self._changed(found, loaded) for loaded in self.changed)
        return journey

    def _changed(self, found: Any, loaded: LoadedDefinition) -> tuple[Stay, ...]:
        """Return the stays of a contact by a changed definition."""
        told, apart = found.told, self._reader_of(loaded, found.loaded)
        if apart is not None:
            told = read_told(self.connection, self.store, apart, found.rows)
        rows, _ = as_story(told, loaded.name)
        end = end_of(rows)
        until = self.present.now if end is None else max(self.present.now, end)
        given = GivenAnswers(lambda: answered(told)) if loaded.funnel.asks else None
        joined = found.joined
        return fold_story(loaded.funnel, found.name, rows, until, joined, given).stays

    def _reader_of(self, new: LoadedDefinition, old: LoadedDefinition) -> EvidenceReader | None:
        """Return what reads evidence for a changed definition; None where it reads the same."""
        if new.digest not in self._apart:
            was, now = old.funnel.definition, new.funnel.definition
            said = [(one.vocabulary.fields, one.vocabulary.events) for one in (was, now)]
            ways = [[(t.sources, t.to) for t in one.transitions] for one in (was, now)]
            same = said[0] == said[1] and ways[0] == ways[1]
            self._apart[new.digest] = None if same else EvidenceReader(new)
        return self._apart[new.digest]


def in_use(context: Context, funnel: str) -> LoadedDefinition:
    """Return the definition that a funnel is under.

    Raises:
        UnknownNameError: The funnel is not in use.
    """
    with reading(context.engine) as connection:
        loaded = context.definitions.current(connection, funnel)
        if loaded is None:
            raise UnknownNameError("funnel in use", funnel, funnel_names(connection))
    return loaded


def what_if(
    context: Context,
    funnel: str,
    changed: Definition,
    *,
    now: dt.datetime | None = None,
    progress: Progress | None = None,
) -> WhatIf:
    """Find out what a changed definition would have made of the evidence; see `Workspace.what_if`.

    Args:
        context: The workspace.
        funnel: The funnel, which is in use.
        changed: The changed definition; read as one of the same name.
        now: The time that it is; None for that of the clock.
        progress: Called with the number of contacts looked at, every thousand.
    """
    old = in_use(context, funnel)
    new = _beside(context, evolve(changed, name=funnel), is_checked=True)
    tally = WhatIfTally(old.funnel.linked, new.funnel.linked)
    reader = _Reading(context, funnel, (new,), now, progress)
    for found, (stays,) in reader.contacts():
        tally.add(found.journey.contact, found.journey.stays, stays)
    asked = f"the definition were {changed.name}, version {changed.version}"
    return _answer(old.funnel.linked, new.funnel.linked, tally, asked)


def what_if_threshold(
    context: Context,
    funnel: str,
    threshold: Threshold,
    values: Sequence[Any],
    *,
    curve: bool = False,
    now: dt.datetime | None = None,
    progress: Progress | None = None,
) -> WhatIf:
    """Find out what another value of a threshold would have made of the evidence.

    Args:
        context: The workspace.
        funnel: The funnel, which is in use.
        threshold: The literal that is changed.
        values: The values, at least one; the first is looked at closely.
        curve: Whether to look at values around those as well, each of which folds everybody.
        now: The time that it is; None for that of the clock.
        progress: Called with the number of contacts looked at, every thousand.
    """
    old = in_use(context, funnel)
    definition = old.funnel.definition
    every = {*values, *(values_around(threshold) if curve else ())} - {threshold.value}
    others = [values[0], *sorted(every - {values[0]})]
    changed = [_beside(context, with_threshold(definition, threshold, v)) for v in others]
    tally = WhatIfTally(old.funnel.linked, changed[0].funnel.linked)
    ordered = sorted([threshold.value, *others])
    stage = threshold.stages[0]
    points = CurveTally(
        old.funnel.linked.leaves_of(stage), [(v, v == threshold.value) for v in ordered]
    )
    places = [[threshold.value, *others].index(value) for value in ordered]
    for found, beside in _Reading(context, funnel, changed, now, progress).contacts():
        journey = found.journey
        fate = tally.add(journey.contact, journey.stays, beside[0])
        stories = [journey.stays, *beside]
        points.add(journey.contact, fate, [stories[place] for place in places])
    before, after = value_words(threshold.value), value_words(values[0])
    asked = f"{threshold.label!r} asked for {after}, not for {before}"
    answer = _answer(old.funnel.linked, changed[0].funnel.linked, tally, asked)
    return evolve(answer, threshold=stage, curve=tuple(points.points()))


@define
class _Reading:
    """One pass over the contacts of a funnel."""

    context: Context
    funnel: str
    changed: Sequence[LoadedDefinition]
    now: dt.datetime | None
    progress: Progress | None
    _every: int = field(default=1_000, init=False)

    def contacts(self) -> Iterator[tuple[FoundJourney, tuple[tuple[Stay, ...], ...]]]:
        """Yield each contact's journey, with their stays by the changed definitions."""
        context = self.context
        with reading(context.engine) as connection:
            reader = ChangedReader(
                connection,
                context.definitions,
                context.present(connection, self.now),
                funnel=self.funnel,
                changed=self.changed,
            )
            for count, found in enumerate(reader.journeys(), 1):
                if self.progress is not None and count % self._every == 0:
                    self.progress(count)
                yield found, reader.beside


def _beside(
    context: Context, definition: Definition, *, is_checked: bool = False
) -> LoadedDefinition:
    """Make a definition ready that decides nothing here."""
    linker = link if is_checked else link_stored
    return LoadedDefinition(0, digest(definition), Funnel(linker(definition, context.library)))


def _answer(old: Linked, new: Linked, tally: WhatIfTally, asked: str) -> WhatIf:
    """Put together what was found."""
    return WhatIf(
        funnel=old.definition.name,
        asked=asked,
        changed=tuple(change.words for change in diff(old.definition, new.definition)),
        contacts=tally.contacts,
        effects=effects_of(old, new),
        stages=tally.stages(),
        shifts=tally.shifts(),
    )
