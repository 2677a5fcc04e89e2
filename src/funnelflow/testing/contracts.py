"""What every database must do under a workspace.

::

    class TestMine(StoreContract):
        @pytest.fixture
        def database(self):
            return "postgresql://…"     # an empty one
"""

import datetime as dt
import pickle
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import attrs
import pytest
from attrs import field, frozen

from funnelflow.criteria import CustomCall, Field, Fields, Value
from funnelflow.criteria.custom import Watched
from funnelflow.definition.library import CriterionProvider
from funnelflow.errors import ConflictError, FieldError
from funnelflow.plugins import (
    DeliveryError,
    Message,
    NotifierProvider,
    PluginHost,
    Settings,
    read_settings,
)
from funnelflow.storage.messages import Settled
from funnelflow.storage.outbox import Outbox
from funnelflow.testing.fixtures import FrozenClock, Receiver
from funnelflow.workspace.workspace import Workspace

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


@frozen
class Example:
    """A question to a criterion, and its answer.

    Attributes:
        fields: What is known about the contact.
        arguments: What the definition calls it with.
        answer: True, False, or None for unknown.
        facts: What the event brings.
        now: The time.
    """

    fields: Mapping[str, Value]
    arguments: Mapping[str, Any]
    answer: bool | None
    facts: Mapping[str, Value] = field(factory=dict)
    now: dt.datetime = NOW


class CriterionContract:
    """Tests that every criterion must pass; subclass it with a provider and some examples.

    Attributes:
        provider: The criterion.
        examples: Questions with their answers; at least one for True and one for False.
    """

    provider: ClassVar[CriterionProvider]
    examples: ClassVar[tuple[Example, ...]]

    def ask(self, example: Example, fields: Fields | None = None) -> bool | None:
        """Ask the criterion as a rule does."""
        given = {**self.provider.defaults, **example.arguments}
        arguments = {
            name: Field(name, kind).normalise(given[name])
            for name, kind in self.provider.parameters.items()
        }
        known = example.fields if fields is None else fields
        call = CustomCall(
            MappingProxyType(dict(known)) if fields is None else known,
            MappingProxyType(dict(example.facts)),
            example.now,
            MappingProxyType(arguments),
        )
        return self.provider.function(call)

    def test_it_answers_its_examples(self) -> None:
        """The answers are those of the examples."""
        for example in self.examples:
            assert self.ask(example) is example.answer, example

    def test_its_examples_show_both_answers(self) -> None:
        """A criterion that is always met, or never, is none."""
        assert {True, False} <= {example.answer for example in self.examples}

    def test_it_gives_the_same_answer_again(self) -> None:
        """What the question says decides, and nothing else that could have changed since."""
        for example in self.examples:
            assert self.ask(example) is self.ask(example), example

    def test_it_does_not_raise_when_nothing_is_known(self) -> None:
        """Facts that nobody has asked about are the usual case."""
        for example in self.examples:
            assert self.ask(example, MappingProxyType({})) in (True, False, None)

    def test_it_declares_the_fields_that_it_reads(self) -> None:
        """What it reads is what people are asked for when it is unknown."""
        for example in self.examples:
            looked: dict[str, Any] = {}
            self.ask(example, Watched(example.fields, looked))
            assert looked.keys() - {""} <= set(self.provider.reads), example

    def test_it_takes_the_arguments_that_it_declares(self) -> None:
        """An argument without a default is in every example, and no other is."""
        for example in self.examples:
            given = {*self.provider.defaults, *example.arguments}
            assert given == set(self.provider.parameters), example

    def test_it_has_a_label_for_people(self) -> None:
        """It is read by people who have not seen the code."""
        assert self.provider.label.strip()
        assert self.provider.name.isidentifier()

    def test_it_pickles(self) -> None:
        """Definitions that use it run in workers."""
        again = pickle.loads(pickle.dumps(self.provider))  # noqa: S301  # what was just written
        assert again.name == self.provider.name


def example_message(number: int = 1) -> Message:
    """Return a message as one that tells of a contact that moved."""
    return Message(
        id=f"msg_{number}",
        type="funnelflow.contact.moved",
        source="/funnelflow/example",
        subject="ada",
        time=dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC),
        data={
            "before": "lead.inquiry",
            "after": "prospect",
            "event": "call",
            "fields": {"email": "ada@example.com"},
        },
    )


class NotifierContract:
    """Tests that every notifier must pass; subclass it with a provider and its channels.

    Attributes:
        provider: The notifier.
    """

    provider: ClassVar[NotifierProvider]

    def working(self, tmp_path: Path, funnelflow_receiver: Receiver) -> Mapping[str, Any]:
        """Return the settings of a channel that works, as they stand in a file."""
        raise NotImplementedError

    def broken(self, tmp_path: Path, funnelflow_receiver: Receiver) -> Mapping[str, Any]:
        """Return the settings of a channel on which nothing arrives."""
        raise NotImplementedError

    @pytest.fixture
    def settings(self, tmp_path: Path, funnelflow_receiver: Receiver) -> Any:
        """The channel that works."""
        return self._read(self.working(tmp_path, funnelflow_receiver)).value

    def test_it_sends_a_message(self, settings: Any) -> None:
        """What arrives raises nothing."""
        self.send(example_message(), settings)

    def test_it_sends_the_same_message_again(self, settings: Any) -> None:
        """Delivery is at least once, so a message may have to be sent twice."""
        self.send(example_message(), settings)
        self.send(example_message(), settings)

    def test_it_sends_for_several_contacts_at_once(self, settings: Any) -> None:
        """Workers share a notifier."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: self.send(example_message(n), settings), range(8)))

    def test_what_does_not_arrive_is_a_delivery_error(
        self, tmp_path: Path, funnelflow_receiver: Receiver
    ) -> None:
        """Nothing else gets out, and the reason holds no secret."""
        broken = self._read(self.broken(tmp_path, funnelflow_receiver))
        with pytest.raises(DeliveryError) as failed:
            self.send(example_message(), broken.value)
        assert failed.value.reason
        for hidden in broken.secrets:
            assert hidden not in str(failed.value)

    def test_it_prints_nothing(self, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
        """What it writes to stdout would be part of somebody's answer."""
        self.send(example_message(), settings)
        assert capsys.readouterr().out == ""

    def test_its_settings_do_not_show_secrets(
        self, tmp_path: Path, funnelflow_receiver: Receiver
    ) -> None:
        """They are in tracebacks and logs before anybody thinks of it."""
        settings = self._read(self.working(tmp_path, funnelflow_receiver))
        for hidden in settings.secrets:
            assert hidden not in repr(settings.value)

    def test_it_says_what_it_does(self) -> None:
        """`funnelflow plugins show` is read by people who have not seen the code."""
        assert self.provider.about.strip()
        assert self.provider.name == self.provider.name.strip().lower()

    def send(self, message: Message, settings: Any) -> None:
        """Send a message as `funnelflow deliver` does."""
        self.provider.send(message, settings)

    def _read(self, table: Mapping[str, Any]) -> Settings:
        return read_settings(self.provider.settings or _NoSettings, table, lambda name: name)


@attrs.frozen
class _NoSettings:
    """The settings of a notifier that has none."""


FUNNEL = """\
funnel: contract
fields: {budget: number, seen: timestamp, tags: list of text}
events: {asked: {}, signed: {}}
initial: new
stages: {new: {}, talking: {}, quiet: {}, customer: {type: won}}
transitions:
  - {from: new, to: talking, on: asked}
  - {from: talking, to: customer, on: signed, require: [Has money: contact.budget > 0]}
  - {from: talking, to: quiet, after: 30d}
"""


class StoreContract:
    """Tests that a workspace must pass on any database; subclass it with a `database`."""

    @pytest.fixture
    def database(self) -> str:
        """Return the setting of an empty database."""
        raise NotImplementedError

    @pytest.fixture
    def workspace(self, database: str, tmp_path: Path) -> Iterator[Workspace]:
        """An empty workspace on it, whose clock stands still."""
        (tmp_path / "contract.yaml").write_text(FUNNEL, encoding="utf-8")
        clock, plugins = FrozenClock(), PluginHost()
        with Workspace.create(
            tmp_path, "contract", database=database, clock=clock, plugins=plugins
        ) as made:
            yield made

    @pytest.fixture
    def telling(self, workspace: Workspace) -> Iterator[Workspace]:
        """The workspace, in which somebody is told of every transition."""
        directory = workspace.config.directory
        with (directory / "funnelflow.toml").open("a", encoding="utf-8") as settings:
            settings.write('[[notify]]\nchannel = "log"\n')
        with Workspace.open(directory, clock=FrozenClock(), plugins=PluginHost()) as opened:
            yield opened

    def test_what_was_stored_is_read_back_exactly(self, workspace: Workspace) -> None:
        """Numbers, times and lists come back as they went in."""
        facts = {"budget": 0.1, "seen": "2026-03-02T09:30:00.123456Z", "tags": ["a", "é😀"]}
        added = workspace.add("ada", facts).decision.contact_after
        assert workspace.contact("ada").contact == added

    def test_an_event_moves_a_contact_and_is_in_the_history(self, workspace: Workspace) -> None:
        """The row says what happened and what was decided."""
        workspace.add("ada")
        workspace.record("ada", "asked")
        last = workspace.history("ada").rows[-1]
        assert (last.event, last.outcome, last.before, last.after) == (
            "asked",
            "moved",
            "new",
            "talking",
        )

    def test_a_refused_move_is_kept(self, workspace: Workspace) -> None:
        """What blocks a funnel is worth knowing."""
        workspace.add("ada")
        assert workspace.move("ada", "customer").decision.outcome == "refused"
        assert workspace.history("ada").rows[-1].outcome == "refused"

    def test_a_key_makes_a_change_happen_once(self, workspace: Workspace) -> None:
        """Asked again, the first answer is given."""
        workspace.add("ada")
        first = workspace.record("ada", "asked", key="k")
        again = workspace.record("ada", "asked", key="k")
        assert (again.duplicate, again.decision.after) == (True, first.decision.after)
        assert len(workspace.history("ada").rows) == 2  # noqa: PLR2004  # added, asked

    def test_a_key_stands_for_one_change(self, workspace: Workspace) -> None:
        """Something else under the same key is refused."""
        workspace.add("ada")
        workspace.record("ada", "asked", key="k")
        with pytest.raises(ConflictError):
            workspace.record("ada", "signed", key="k")

    def test_a_contact_is_added_once(self, workspace: Workspace) -> None:
        """Adding somebody again is refused."""
        workspace.add("ada")
        with pytest.raises(ConflictError):
            workspace.add("ada")

    def test_a_change_that_cannot_be_made_leaves_nothing(self, workspace: Workspace) -> None:
        """All of it is stored, or nothing is."""
        workspace.add("ada")
        with pytest.raises(FieldError):
            workspace.record("ada", "asked", {"budget": "much"})
        assert workspace.contact("ada").sequence == 1

    def test_a_dry_run_stores_nothing_and_says_what_would_be(self, workspace: Workspace) -> None:
        """Its answer is that of the change."""
        workspace.add("ada")
        assert workspace.record("ada", "asked", dry_run=True).decision.after == "talking"
        assert workspace.contact("ada").contact.stage == "new"

    def test_a_change_on_what_has_changed_meanwhile_is_refused(self, workspace: Workspace) -> None:
        """Who expects a history of some length is told when it is another."""
        workspace.add("ada")
        workspace.record("ada", "asked", expect=1)
        with pytest.raises(ConflictError):
            workspace.record("ada", "signed", expect=1)

    def test_writers_on_one_contact_all_succeed_in_some_order(self, workspace: Workspace) -> None:
        """Every acknowledged change is in the history exactly once."""
        workspace.add("ada")
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: workspace.record("ada", "asked").sequence, range(12)))
        assert sorted(done) == list(range(2, 14))
        assert [row.sequence for row in workspace.history("ada").rows] == list(range(1, 14))

    def test_contacts_are_found_by_a_criterion(self, workspace: Workspace) -> None:
        """The same expressions as in definitions."""
        workspace.add("ada", {"budget": 10})
        workspace.add("bob", {"budget": 1})
        workspace.add("eve")
        assert [c.id for c in workspace.list("contact.budget > 5")] == ["ada"]

    def test_what_was_told_is_removed_when_it_is_old(self, telling: Workspace) -> None:
        """What waits or is dead stays, however old it is."""
        clock = FrozenClock()
        box = Outbox(telling.engine, clock)
        for name in "abcdef":
            telling.add(name)
            telling.record(name, "asked")
        ids = [message.id for message in box.messages()]
        box.discard(ids[:1])
        box.claim("log", "worker", lease=dt.timedelta(days=60), limit=6)
        box.settle("worker", [Settled(ids[1], "dead"), Settled(ids[3], "delivered")])
        clock.advance("31d")
        box.settle("worker", [Settled(ids[4], "delivered")])
        days = dt.timedelta(days=30)
        assert [box.prune(days, dry_run=True), box.prune(days), box.prune(days)] == [2, 2, 0]
        assert [message.contact_id for message in box.messages()] == ["b", "c", "e", "f"]

    def test_what_is_stored_proves_itself(self, workspace: Workspace) -> None:
        """Digests, chains and the fold over the history agree."""
        workspace.add("ada", {"budget": 10})
        workspace.record("ada", "asked")
        workspace.move("ada", "customer")
        assert workspace.verify().findings == ()
