"""One workspace for many: threads, processes that were forked, an engine of one's own."""

import asyncio
import os
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from sqlalchemy import create_engine, text

from funnelflow.errors import ConfigurationError, UsageError
from funnelflow.storage.connect import locate
from funnelflow.storage.context import Context
from funnelflow.workspace.settings import CONFIG_FILE
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0

THREADS = 8
EACH = 12


def in_child(work: Callable[[], object]) -> None:
    """Run something in a forked process, and fail if it fails there."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # the parent says that there was one
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_threads_record_on_one_workspace(workspace, clock):
    clock.now = T0 + THREADS * DAY

    def work(number: int) -> None:
        for step in range(EACH):
            at = f"2026-03-{number + 1:02}T09:{step:02}:00Z"
            facts = {"email": f"c{number}@example.com"}
            workspace.record(
                f"c{number}", "subscribed", facts, at=at, actor=f"a{number}", create=True
            )
            workspace.record("shared", "replied", key=f"{number}.{step}", create=True)
            workspace.contact(f"c{number}")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    rows = workspace.history(limit=10_000).rows
    assert workspace.contact("shared").contact.fields["replies"] == THREADS * EACH
    for number in range(THREADS):
        own = [r for r in rows if r.contact_id == f"c{number}" and r.event == "subscribed"]
        assert Counter((r.actor, r.at.day) for r in own) == {(f"a{number}", number + 1): EACH}
        assert {r.facts["email"] for r in own} == {f"c{number}@example.com"}
    assert workspace.verify().is_sound


def test_tasks_record_by_threads(workspace):
    async def work() -> None:
        calls = (
            asyncio.to_thread(workspace.record, f"c{number}", "replied", create=True)
            for number in range(THREADS)
        )
        await asyncio.gather(*calls)

    asyncio.run(work())
    assert len(list(workspace.list())) == THREADS


def test_a_forked_process_works_on_and_so_does_its_parent(workspace):
    workspace.add("ada")
    assert workspace.contact("ada").sequence == 1

    def work() -> None:
        for _ in range(3):
            workspace.record("ada", "replied")
        assert workspace.contact("ada").sequence == 4

    in_child(work)
    workspace.record("ada", "replied")
    for _ in range(2):
        in_child(lambda: workspace.record("ada", "replied"))
    workspace.record("ada", "replied")
    assert workspace.contact("ada").sequence == 8
    assert workspace.verify().is_sound


def test_processes_that_were_forked_work_at_the_same_time(workspace):
    workspace.add("ada")
    children = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                for step in range(10):
                    workspace.record("ada", "replied", key=f"{number}.{step}")
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    for step in range(10):
        workspace.record("ada", "replied", key=f"parent.{step}")
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]
    assert workspace.contact("ada").contact.fields["replies"] == 40


def test_a_fork_within_a_reading_leaves_the_reading_to_the_parent(workspace):
    for number in range(3):
        workspace.add(f"c{number}")
    names = workspace.list()
    next(names)
    in_child(lambda: workspace.add("c3"))
    assert [found.id for found in names][:2] == ["c1", "c2"]


@pytest.fixture
def own_engine(workspace):
    """Give an engine of the caller's own for the database of the workspace."""
    engine = create_engine(workspace.database.url)
    yield engine
    engine.dispose()


def test_an_engine_of_ones_own_is_used_and_left_alone(workspace, own_engine, clock):
    disposed: list[object] = []
    own_engine.pool.dispose, dispose = lambda: disposed.append(1), own_engine.pool.dispose
    with Workspace.open(workspace.config.directory, engine=own_engine, clock=clock) as shop:
        shop.record("ada", "subscribed", {"email": "a@example.com"}, create=True)
        assert shop.contact("ada").contact.stage == "lead.fresh"
        assert shop.verify().is_sound
    assert disposed == []
    own_engine.pool.dispose = dispose
    with own_engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM contacts")).scalars().all() == ["ada"]
    assert workspace.contact("ada").sequence == 2


def test_a_bulk_of_rows_goes_through_an_engine_of_ones_own(workspace, own_engine, write, clock):
    lines = "".join(f"c{n},replied,2026-03-01T09:00:00Z\n" for n in range(200))
    with Workspace.open(workspace.config.directory, engine=own_engine, clock=clock) as shop:
        summary = shop.apply(write("contact,event,at\n" + lines))
    assert (summary.counts.rows, summary.counts.rejected) == (200, 0)


def test_an_engine_for_another_kind_of_database_is_refused(workspace):
    other = "sqlite" if workspace.database.kind == "postgresql" else "postgresql+psycopg"
    with pytest.raises(ConfigurationError, match="the engine is for"):
        Workspace.open(workspace.config.directory, engine=create_engine(f"{other}://"))


def test_a_workspace_that_cannot_be_created_with_an_engine_leaves_nothing(directory, database):
    other = "sqlite" if database.startswith("postgresql") else "postgresql+psycopg"
    before, wrong = sorted(directory.iterdir()), create_engine(f"{other}://")
    with pytest.raises(ConfigurationError, match="the engine is for"):
        Workspace.create(directory, "pipeline", database=database, engine=wrong)
    assert sorted(directory.iterdir()) == before
    Workspace.create(directory, "pipeline", database=database).close()


def test_a_workspace_whose_funnel_cannot_be_stored_is_created_later(
    directory, database, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Context, "funnel", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Workspace.create(directory, "pipeline", database=database)
    with Workspace.create(directory, "pipeline", database=database) as made:
        assert made.funnels() == ("pipeline",)


def test_settings_that_change_hold_from_the_next_call_on(workspace):
    path = workspace.config.directory / CONFIG_FILE
    workspace.record("ada", "subscribed", {"email": "a@example.com"}, actor="bob", create=True)
    assert workspace.history("ada").rows[-1].roles == ()
    path.write_text(path.read_text().replace("[roles]", '[roles]\nsales = ["bob"]'))
    workspace.record("ada", "replied", actor="bob")
    assert workspace.history("ada").rows[-1].roles == ("sales",)
    assert workspace.why("ada", actor="bob").contact.sequence == 3


def test_new_subscriptions_hold_from_the_next_call_on(workspace):
    path = workspace.config.directory / CONFIG_FILE
    workspace.record("ada", "subscribed", {"email": "a@example.com"}, create=True)
    path.write_text(path.read_text() + '\n[[notify]]\nchannel = "log"\n')
    workspace.record("eve", "subscribed", {"email": "e@example.com"}, create=True)
    with workspace.engine.connect() as connection:
        sent = connection.execute(text("SELECT contact_id FROM outbox")).scalars().all()
    assert sent == ["eve"]


def test_settings_that_cannot_be_used_stop_every_call_until_they_can(workspace):
    path = workspace.config.directory / CONFIG_FILE
    before = path.read_text()
    workspace.add("ada")
    path.write_text("[roles]\nsales = 3\n")
    for call in (lambda: workspace.record("ada", "replied"), lambda: workspace.contact("ada")):
        with pytest.raises(ConfigurationError, match="role `sales` must be a list"):
            call()
    path.write_text(before)
    assert workspace.record("ada", "replied").sequence == 2


def test_a_database_that_was_named_stays_when_settings_change(directory, tmp_path, clock):
    named = str(tmp_path / "named.db")
    with Workspace.create(directory, "pipeline", database=named, clock=clock) as shop:
        path = directory / CONFIG_FILE
        path.write_text(path.read_text() + "\n")
        shop.add("ada")
        assert shop.config.settings["database"].origin == "flag"
    assert locate(named, directory).path.is_file()


def test_roles_can_be_said_with_a_call(workspace):
    facts = {"email": "a@example.com", "budget": 9000, "authority": True}
    workspace.record("ada", "subscribed", facts, create=True)
    workspace.record("ada", "replied")
    workspace.record("ada", "called")
    assert workspace.record("ada", "signed", actor="bob").decision.after == "prospect"
    signed = workspace.record("ada", "signed", actor="bob", roles=["sales", "sales"])
    assert signed.decision.after == "customer"
    assert workspace.history("ada").rows[-1].roles == ("sales",)


def test_roles_that_are_one_text_are_refused(workspace):
    workspace.add("ada")
    for call in (workspace.record, workspace.move):
        with pytest.raises(UsageError, match="`roles` must be a list, but this is text"):
            call("ada", "replied", roles="sales")


def test_a_dictionary_that_is_used_again_is_read_again(workspace):
    facts = {"email": "a@example.com"}
    workspace.record("ada", "subscribed", facts, at="2026-03-01T09:00:00Z", create=True)
    facts["email"] = "b@example.com"
    workspace.record("ada", "subscribed", facts, at="2026-03-01T09:01:00Z")
    assert workspace.contact("ada").contact.fields["email"] == "b@example.com"


def test_contacts_come_as_rows(workspace):
    workspace.record("ada", "subscribed", {"email": "a@example.com"}, create=True)
    (row,) = workspace.rows(stage="lead")
    assert (row["contact"], row["stage"], row["email"]) == ("ada", "lead.fresh", "a@example.com")
    assert row["stage_since"] == workspace.contact("ada").contact.since
