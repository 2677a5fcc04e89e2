"""From a change to the evidence that it brings, in the words of the funnels of its contact."""

from shlex import quote

from attrs import evolve

from funnelflow.definition import Linked
from funnelflow.engine import Event
from funnelflow.engine.events import EventParser
from funnelflow.engine.story import ENTER, LEAVE, MERGE, SILENT, UNMERGE, VOID
from funnelflow.errors import Error, FieldError, UnknownNameError, UsageError
from funnelflow.storage.changes import (
    Change,
    IdempotencyRecord,
    check_key,
    in_the_future,
    is_id,
    not_in_funnel,
)
from funnelflow.storage.partition import Partition
from funnelflow.storage.row_format import dump_about, dump_facts, horizon, load_about, to_text
from funnelflow.storage.tracked_contacts import FunnelPosition, LoadedDefinition, TrackedContact

REGROUPING = frozenset({MERGE, UNMERGE})
_ABOUT_ANOTHER = REGROUPING | {ENTER, LEAVE}


class ChangeParser:
    """Reads changes, and holds their times to the rules.

    Args:
        partition: Whom they are about.

    Attributes:
        horizon: The moment after which a time lies in the future.
    """

    def __init__(self, partition: Partition) -> None:
        self.horizon = horizon(partition.now)
        self._now = partition.now
        self._settings = partition.settings
        self._definitions = partition.definitions

    def parse(self, target: TrackedContact, change: Change) -> Event:
        """Make the event of a change, in the words of the definition that will decide it.

        Raises:
            Error: It is none, or its time lies in the future.
        """
        key = change.key
        if not (target.others or change.asserted or (key is not None and not is_id(key))):
            event = self._settings.parser(target.loaded).parse_plain(change)
            if event is not None and event.at <= self.horizon:
                return event
        if change.event == "adopt":
            raise UsageError("adopt is no event to record", hint="funnelflow adopt FILE")
        if change.event in _ABOUT_ANOTHER and not change.about:
            hint = f"funnelflow {change.event} --help"
            raise UsageError(f"{change.event} is no event to record", hint=hint)
        if key is not None:
            check_key(key)
        return self._parse_by(target.loaded, change, target)

    def _parse_by(self, loaded: LoadedDefinition, change: Change, target: TrackedContact) -> Event:
        """Make the event of a change in the words of a definition, and of the other funnels."""
        if target.others or (change.event == "move" and change.about):
            return self._parse_by_several(loaded, change, target)
        return self._complete(self._settings.parser(loaded), change)

    def parse_as_then(
        self, earlier: IdempotencyRecord, change: Change, target: TrackedContact
    ) -> Event:
        """Make the event of a change by the definition that decided what had its key before.

        What has another name since then may be called by either; what that definition cannot
        read is something else, and is read as it would be now.
        """
        then = _in_words_of_then(earlier, change, target)
        try:
            return self._parse_by(self._definitions[earlier.definition], then, target)
        except (UnknownNameError, FieldError):
            return self.parse(target, change)

    def _parse_by_several(
        self, loaded: LoadedDefinition, change: Change, target: TrackedContact
    ) -> Event:
        """Make the event of a change about a contact in several funnels; any may declare it."""
        definitions = [loaded, *(p.loaded for p in target.positions() if p.funnel != loaded.name)]
        if change.event != "move":
            return self._complete(self._settings.parser(*definitions), change)
        meant = _meant(target, change)
        definitions.sort(key=lambda one: one.name != meant.funnel)
        event = self._complete(self._settings.parser(*definitions), change)
        return event._replace(about=() if meant.funnel == loaded.name else (meant.funnel,))

    def _complete(self, parser: EventParser, change: Change) -> Event:
        """Parse a change, and hold its time to the rules."""
        silent = change.event in SILENT
        asked = evolve(change, event="set", reason="") if silent else change
        event = parser.parse(asked, self._now)
        if silent:
            event = event._replace(name=change.event, reason=change.reason, about=change.about)
        elif change.asserted:
            event = event._replace(asserted=True)
        if event.at > self.horizon and not change.future:
            raise in_the_future(event.at, self._now)
        return event


def _meant(target: TrackedContact, change: Change) -> FunnelPosition:
    """Return the position of the funnel in which somebody asks for a stage.

    Raises:
        UsageError: Several of the contact's funnels have the stage, or it is not in the one that
            is named.
    """
    positions, name = target.positions(), target.contact.id
    if change.about:
        for position in positions:
            if position.funnel == change.about[0]:
                return position
        raise not_in_funnel(name, str(change.about[0]), [p.funnel for p in positions])
    found = [position for position in positions if _has_stage(position, change.to)]
    if len(found) > 1:
        several = ", ".join(position.funnel for position in found)
        move = f"funnelflow move {quote(name)} {quote(change.to)}"
        raise UsageError(
            f"{name} is in several funnels that have a stage {change.to!r}: {several}",
            hint=f"say in which: {move} --funnel {found[0].funnel}",
        )
    return found[0] if found else target


def _has_stage(position: FunnelPosition, stage: str) -> bool:
    try:
        return bool(position.loaded.funnel.linked.resolve_stage(stage))
    except Error:
        return False


def differing_from(earlier: IdempotencyRecord, change: Change, event: Event) -> list[str]:
    """Say in what a change differs from the one that had its key before.

    Args:
        earlier: What was recorded under the key.
        change: The change.
        event: The change, as `ChangeParser.parse_as_then` reads it.
    """
    is_same = {
        "event": event.name == earlier.event,
        "time": change.at is None or to_text(event.at) == earlier.at,
        "actor": event.actor == earlier.actor,
        "facts": dump_facts(event.facts) == earlier.facts,
        "stage asked for": event.to == earlier.to_stage,
        "reason": event.reason == earlier.reason,
        "force": event.force == bool(earlier.force),
        "what it is about": _is_about_same(earlier.about, event),
    }
    return [what for what, same in is_same.items() if not same]


def _is_about_same(earlier: str, event: Event) -> bool:
    """Whether evidence is about the same; a void also took back what repeated it, behind that."""
    if event.name == VOID:
        return load_about(earlier)[: len(event.about)] == event.about
    return dump_about(event.about) == earlier


def _in_words_of_then(earlier: IdempotencyRecord, change: Change, target: TrackedContact) -> Change:
    """Call an event and a stage as they were called then, where that is another name for them."""
    for position in target.positions():
        linked = position.loaded.funnel.linked
        called = linked.events.names()
        if called.get(change.event) == called.get(earlier.event, change):
            change = evolve(change, event=earlier.event)
        if change.to and earlier.to_stage and _is_one_stage(linked, change.to, earlier.to_stage):
            change = evolve(change, to=earlier.to_stage)
    return change


def _is_one_stage(linked: Linked, name: str, other: str) -> bool:
    try:
        return linked.resolve_stage(name) == linked.resolve_stage(other)
    except UnknownNameError:
        return False
