"""The fold of a partition: some contacts and the changes for them, into what is to be written.

`fold_partition` is pure: it knows no database, file or clock, reads and changes nothing but its
partition, and what it is given and what it returns pickle. Whoever executes it, a writing
transaction or another process, reads the partition before and writes the rows after.

Nearly all evidence comes in order, about a contact in one funnel, and no plugin has a say in it:
that takes the plain way, `_decide_plain`, on which nothing is done that could be done once.

Plugins need the workspace, so they are no part of a partition. The unit of work gives a `Fold`
an `Observer`: it is asked between parsing and deciding, so that its vetoes are evidence of the
event that is decided, and told when the row is chained, in the order of the rows; what it is told
it keeps until the transaction is committed. Messages for the outbox are rows like any other, made
when the row of the history is.
"""

from collections.abc import Iterable, Sequence
from shlex import quote
from typing import NamedTuple, TypeAlias

from funnelflow.criteria.custom import ask_custom
from funnelflow.engine import Contact, Event, Outcome
from funnelflow.engine.answers import Ask, GivenAnswers
from funnelflow.engine.decisions import MOVED_NOWHERE
from funnelflow.engine.story import SILENT
from funnelflow.errors import ConflictError, FieldError, UnknownContactError, UsageError
from funnelflow.gc_pause import gc_paused
from funnelflow.storage.change_parser import ChangeParser, differing_from
from funnelflow.storage.changes import (
    Change,
    ChangedMeanwhileError,
    ChangeResult,
    FunnelAnswer,
    IdempotencyRecord,
    check_id,
    known_already,
    other_content,
)
from funnelflow.storage.decider import Decider
from funnelflow.storage.deciding import answer, attempt, comes_late, is_past
from funnelflow.storage.known_stories import KnownStories
from funnelflow.storage.partition import (
    FindHome,
    Identity,
    MakeIdentities,
    Observer,
    Partition,
    ReadStory,
    Writes,
)
from funnelflow.storage.retelling import Retelling
from funnelflow.storage.row_collector import RowCollector
from funnelflow.storage.row_format import UNREADABLE
from funnelflow.storage.told import Told
from funnelflow.storage.tracked_contacts import FunnelPosition, TrackedContact

Result: TypeAlias = ChangeResult | UsageError | FieldError | ConflictError
"""What became of a change, or why it cannot be recorded."""


class Folded(NamedTuple):
    """What came of a partition.

    Attributes:
        writes: What is to be written.
        results: What became of each change, in their order.
        ahead: How many of them have a time that lies in the future.
    """

    writes: Writes
    results: list[Result]
    ahead: int


def fold_partition(
    partition: Partition, changes: Iterable[Change], *, explain: bool = False
) -> Folded:
    """Decide changes one after the other.

    Args:
        partition: Whom they are about.
        changes: What is to be recorded.
        explain: Whether results carry the whole decision with every reason; slower.

    Raises:
        StoreError: What was read of a contact has been altered, or a subscription does not
            compile: nothing of the partition can be written.
    """
    fold = Fold(partition)
    results: list[Result] = []
    for change in changes:
        try:
            results.append(fold.take(change, explain=explain))
        except (UsageError, FieldError, ConflictError) as error:
            results.append(error)
    return Folded(fold.writes(), results, fold.ahead)


class Fold:
    """A partition while it is folded, change by change.

    Args:
        partition: Whom the changes are about.
        observer: Who is asked and told; None for nobody.
        read_story: Reads the stored evidence about a contact whose story the partition lacks.
        make_identities: Makes more of what new contacts are known by.
        find_home: Finds definitions; None where the partition has all.
        ask: Asks a plugin's criterion.

    Attributes:
        partition: Whom the changes are about.
        unanswered: For how many contacts a plugin failed to answer when time passed.
    """

    def __init__(
        self,
        partition: Partition,
        observer: Observer | None = None,
        read_story: ReadStory | None = None,
        make_identities: MakeIdentities | None = None,
        find_home: FindHome | None = None,
        ask: Ask = ask_custom,
    ) -> None:
        self.unanswered = 0
        self.partition = partition
        self._contacts = partition.contacts
        self._keys = partition.keys
        self._has_outbox = partition.settings.outbox is not None
        self._observer = observer
        self._make_identities = make_identities
        self._parser = ChangeParser(partition)
        self._stories = KnownStories(partition, read_story, ask)
        self._rows = RowCollector(partition, self._stories, observer)
        self._decider = Decider(self._stories, observer)
        self._retelling = Retelling(partition, self._stories, observer, find_home or partition.home)

    @property
    def ahead(self) -> int:
        """How many changes were decided whose time lies in the future."""
        return self._rows.ahead

    @property
    def untold(self) -> int:
        """How many messages are no news any more, and not sent."""
        return self._rows.untold

    def join_run(self, run: int | None) -> None:
        """Let a run have brought all that is decided from now on; None for no run."""
        self._rows.join_run(run)

    def take(self, change: Change, *, explain: bool = False) -> ChangeResult:
        """Decide a change and collect its row.

        Args:
            change: What is to be recorded.
            explain: Whether the result carries the whole decision; slower.

        Raises:
            Error: The change cannot be recorded; the partition is as it was.
        """
        key, chain = change.key, self._contacts.get(change.contact_id)
        if key is not None and key in self._keys:
            return self._repeat(change, self._keys[key])
        if self.partition.erased:
            self.partition.refuse_erased(change)
        if chain is None:
            return self._begin(chain, change, explain=explain)
        target = chain.root or chain
        if target.contact.since is None and change.event not in SILENT:
            return self._begin(chain, change, explain=explain)
        if change.event == "add" and not change.create:
            raise known_already(change)
        if change.expect is not None:
            length = sum(one.sequence for one in target.united())
            if change.expect != length:
                raise ChangedMeanwhileError(change.contact_id, change.expect, length)
        event = self._parser.parse(target, change)
        if event.name in SILENT:
            return self._retell(chain, target, event, key, explain=explain)
        return self._decide(chain, target, event, key, explain=explain)

    def pass_time(self, change: Change) -> ChangeResult | None:
        """Decide that time has passed for a contact, and collect the row.

        Args:
            change: The tick; the contact is one of the partition.

        Returns:
            What became of it; None where nothing is recorded, because time takes no transition
            and no plugin has said anything new.
        """
        chain = self._contacts[change.contact_id]
        target = chain.root or chain
        event = self._parser.parse(target, change)
        given = self._stories.answers_for(target, event, again=True) if target.asks else None
        moves = [
            attempt(self._observer, position, self._stories.said(target, position, event), given)[1]
            for position in target.positions()
            if not is_past(position, event)
        ]
        if given is not None:
            self.unanswered += any(found.failure for found in given.answers)
        if not any(moves) and (given is None or not given.has_news()):
            return None
        if given is not None:
            event = event._replace(answers=given.answers)
        return self._decide(chain, target, event, change.key, explain=False, given=given)

    def parse(self, target: TrackedContact, change: Change) -> Event:
        """Make the event of a change; see `ChangeParser.parse`."""
        return self._parser.parse(target, change)

    def told(self, target: TrackedContact) -> list[Told]:
        """Return what was told about a contact, in the words of its first funnel."""
        return self._stories.told(target, target)

    def named(self, event: Event) -> TrackedContact | None:
        """Return the contact that evidence merges, or gives back; None for any other."""
        return self._retelling.named(event)

    def before(self, tracked: TrackedContact, event: Event, position: FunnelPosition) -> Contact:
        """Return a contact in a funnel as it was just before evidence of before what is known."""
        story = self._stories.story(tracked, position)
        return story.before(self._stories.said(tracked, position, event))

    def append(
        self,
        tracked: TrackedContact,
        event: Event,
        outcome: Outcome,
        before: str,
        position: FunnelPosition,
    ) -> None:
        """Collect the row of a step that somebody else took in a funnel, and chain it."""
        answers = [
            FunnelAnswer(one, outcome, before, one.contact.stage)
            if one is position
            else FunnelAnswer(one, MOVED_NOWHERE, one.contact.stage, one.contact.stage)
            for one in tracked.positions()
        ]
        self._rows.collect_all(tracked, tracked, event, None, answers)
        self._rows.notify(tracked, tracked, event, answers)

    def writes(self) -> Writes:
        """Return what is to be written, and begin anew: who asks writes it."""
        return self._rows.writes()

    def _begin(
        self, chain: TrackedContact | None, change: Change, *, explain: bool
    ) -> ChangeResult:
        """Take the first evidence about a contact that counts: that it was added."""
        if change.event != "add" and not change.create:
            raise UnknownContactError(
                change.contact_id, hint=f"funnelflow add {quote(change.contact_id)}"
            )
        check_id(change.contact_id)
        if chain is None:
            loaded = self.partition.home(change.funnel)
            contact = loaded.funnel.new_contact(change.contact_id)
            target = chain = TrackedContact(contact, loaded, loaded.name)
            event = self._parser.parse(target, change)
            chain.number, chain.salt = self._identity()
        else:
            target = chain.root or chain
            event = self._parser.parse(target, change)
        target.created_at = self._rows.text_of(target, event.at)
        if change.event != "add":
            added = Event("add", event.at, {}, event.actor, event.roles)
            ahead = self.ahead
            self._decide(chain, target, added, None, explain=False)
            self._rows.ahead = ahead  # it is no change of its own
        result = self._decide(chain, target, event, change.key, explain=explain)
        result.created = True
        self._contacts[change.contact_id] = chain
        return result

    def _identity(self) -> Identity:
        """Return what a new contact is known by."""
        identities = self.partition.identities
        if not identities and self._make_identities is not None:
            identities += self._make_identities()
        return identities.pop()

    def _decide(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        key: str | None,
        *,
        explain: bool,
        given: GivenAnswers | None = None,
    ) -> ChangeResult:
        """Let the engine answer in every funnel, and collect the rows.

        Args:
            chain: To whom the evidence is addressed.
            target: Who is decided about: somebody else where stories were put together.
            event: The evidence.
            key: Its idempotency key.
            explain: Whether the whole decisions are asked for.
            given: What plugins' criteria answered, where they have been asked about it.
        """
        answers: Sequence[FunnelAnswer]
        if comes_late(target, event):
            return self._decide_late(chain, target, event, key, explain=explain)
        if target.others or self._observer is not None or target.loaded.funnel.asks:
            answers, event = self._decider.decide(target, event, given, explain=explain)
        elif explain or event.name == "move":
            answers = (answer(target, event, None, explain=explain),)
        else:
            return self._decide_plain(chain, target, event, key)
        self._rows.collect_all(chain, target, event, key, answers)
        if self._stories.open:
            self._stories.note(target, event)
        self._rows.notify(chain, target, event, answers)
        return _result(chain, answers, event, explain=explain)

    def _decide_plain(
        self, chain: TrackedContact, target: TrackedContact, event: Event, key: str | None
    ) -> ChangeResult:
        """Let the engine take what came in order, in the only funnel of a contact."""
        contact, loaded = target.contact, target.loaded
        before = contact.stage
        try:
            outcome = loaded.funnel.step(contact, event)
        except UNREADABLE:
            loaded.require_readable(contact)
            raise
        decision = self._rows.writer.decided(target, outcome, before)
        self._rows.collect(chain, target, event, key, decision)
        if self._stories.open:
            self._stories.note(target, event)
        if outcome.path and self._has_outbox:
            found = FunnelAnswer(target, outcome, before, contact.stage)
            self._rows.notify(chain, target, event, [found])
        after, name = contact.stage, chain.contact.id
        return ChangeResult(name, chain.sequence, outcome.outcome, before, after, outcome.path)

    def _decide_late(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        key: str | None,
        *,
        explain: bool,
    ) -> ChangeResult:
        """Let evidence of before what is known come into the story."""
        with gc_paused():  # a story may have a hundred thousand rows
            answers, event = self._decider.decide_late(target, event, explain=explain)
        self._rows.collect_all(chain, target, event, key, answers)
        target.created_at = min(target.created_at, self._rows.text_of(target, event.at))
        self._rows.notify(chain, target, event, answers)
        return _result(chain, answers, event, explain=explain)

    def _retell(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        key: str | None,
        *,
        explain: bool,
    ) -> ChangeResult:
        """Take evidence about the story itself."""
        with gc_paused():
            answers, event = self._retelling.decide(chain, target, event, explain=explain)
        self._rows.collect_all(chain, target, event, key, answers)
        self._rows.merged += self._retelling.settle(chain, target, answers, event)
        self._rows.notify(chain, target, event, answers)
        return _result(chain, answers, event, explain=explain)

    def _repeat(self, change: Change, earlier: IdempotencyRecord) -> ChangeResult:
        """Answer what was asked before under the same key, read by the definition of then.

        Raises:
            ConflictError: It is not the same that is asked for.
        """
        if change.contact_id != earlier.contact_id or change.contact_id not in self._contacts:
            raise other_content(change.key, earlier, ["contact"])
        target = self._contacts[change.contact_id].root or self._contacts[change.contact_id]
        event = self._parser.parse_as_then(earlier, change, target)
        differing = differing_from(earlier, change, event)
        if differing:
            raise other_content(change.key, earlier, differing)
        return ChangeResult(earlier.contact_id, earlier.sequence, "stayed", "", "", duplicate=True)


def _result(
    chain: TrackedContact, answers: Sequence[FunnelAnswer], event: Event, *, explain: bool
) -> ChangeResult:
    """Return what became of a change: first in the funnel that it is about."""
    if len(answers) > 1 and event.about:
        answers = sorted(answers, key=lambda one: event.about != (one.position.funnel,))
    _, outcome, before, after, unmet, restated, decision = answers[0]
    return ChangeResult(
        chain.contact.id,
        chain.sequence,
        outcome.outcome,
        before,
        after,
        outcome.path,
        unmet,
        restated=restated,
        decision=decision if explain else None,
        others=tuple(answers[1:]),
    )
