"""What every database must do under a workspace.

::

    class TestMine(StoreContract):
        @pytest.fixture
        def database(self):
            return "postgresql://…"     # an empty one
"""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from funnelflow.errors import ConflictError, FieldError
from funnelflow.plugins import PluginHost
from funnelflow.store import Outbox, Settled, Workspace
from funnelflow.testing.clock import FrozenClock

__all__ = ["StoreContract"]

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
        """Give the setting of an empty database."""
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
        ids = [letter.id for letter in box.letters()]
        box.discard(ids[:1])
        box.claim("log", "worker", lease=dt.timedelta(days=60), limit=6)
        box.settle("worker", [Settled(ids[1], "dead"), Settled(ids[3], "delivered")])
        clock.advance("31d")
        box.settle("worker", [Settled(ids[4], "delivered")])
        days = dt.timedelta(days=30)
        assert [box.prune(days, dry_run=True), box.prune(days), box.prune(days)] == [2, 2, 0]
        assert [letter.contact_id for letter in box.letters()] == ["b", "c", "e", "f"]

    def test_what_is_stored_proves_itself(self, workspace: Workspace) -> None:
        """Digests, chains and the fold over the history agree."""
        workspace.add("ada", {"budget": 10})
        workspace.record("ada", "asked")
        workspace.move("ada", "customer")
        assert workspace.verify().findings == ()
