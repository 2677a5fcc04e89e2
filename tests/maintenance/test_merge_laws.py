"""A merge is the fold over the union of stories, and taken back it is as if it had never been."""

import os
import random
import signal
import warnings
from contextlib import suppress
from multiprocessing import get_context
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from funnelflow.definition import check
from funnelflow.errors import ConflictError, Error, UnknownContactError
from funnelflow.maintenance.adopt import run_adoption
from funnelflow.storage.changes import Change
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..engine.test_story import apart
from ..engine.worlds import definitions, stories
from ..funnels import DAY, T0
from ..storage.test_concurrency import together
from ..storage.test_order import stands

SIZE = int(os.environ.get("FUNNELFLOW_ORDERS", "15"))
"""How many random stories are put together; see CONTRIBUTING."""
PROPERTY = settings(
    max_examples=SIZE, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
NAMES = "abc"


@pytest.fixture
def later(workspace, clock):
    """Give a workspace long after what happens."""
    clock.now = T0 + 400 * DAY
    return workspace


def tell(workspace, funnel, contact, event):
    """Record an event."""
    change = Change(contact, event.name, event.at, event.facts, to=event.to)
    workspace.context.record(evolve(change, create=True, funnel=funnel))


@PROPERTY
@given(
    definitions(),
    stories(moves=("s0", "s1")),
    st.lists(st.sampled_from(NAMES), min_size=40, max_size=40),
    st.integers(0, 9),
    st.integers(0, 9),
    st.randoms(use_true_random=False),
)
def test_merged_at_any_time_they_stand_where_the_union_does_and_apart_where_their_own_story_does(
    later, definition, events, whose, first, second, chance
):
    assume(events and not [p for p in check(definition) if p.severity == "error"])
    funnel = f"w{uuid4().hex}"
    run_adoption(later.context, evolve(definition, name=funnel), {})
    told = [(f"{funnel}-{who}", e) for who, e in zip(whose, apart(events), strict=False)]
    for row, (contact, event) in enumerate(chance.sample(told, len(told))):
        tell(later, funnel, contact, event)
        for since, name, into in (first, "c", "b"), (second, "b", "a"):
            if row >= since:
                with suppress(UnknownContactError, ConflictError):
                    later.merge(f"{funnel}-{name}", f"{funnel}-{into}")
    root = {contact: later.contact(contact).id for contact, _ in told}
    for contact, event in told:
        tell(later, funnel, f"{contact}-alone", event)
        tell(later, funnel, f"{root[contact]}-united", event)
    for contact, into in root.items():
        assert stands(later, contact) == stands(later, f"{into}-united")
    for contact in root:
        with suppress(ConflictError):
            later.unmerge(contact)
    for contact in root:
        assert stands(later, contact) == stands(later, f"{contact}-alone")


def test_what_was_merged_and_given_back_at_random_verifies(later):
    dice, names = random.Random(5), [f"c{n}" for n in range(6)]
    for name in names:
        later.add(name, {"budget": dice.randrange(9000)}, at=T0 + dice.randrange(99) * DAY)
    change_at_random(later, names, dice, 60)
    assert later.verify().findings == ()
    assert len({later.contact(name).id for name in names}) < len(names)


def change_at_random(workspace, names, dice, times):
    """Merge contacts, give them back, and tell and take back what happened to them."""
    for _ in range(times):
        name, other = dice.sample(names, 2)
        at = T0 + dice.randrange(99) * DAY
        event = dice.choice(["replied", "called", "subscribed"])
        with suppress(Error):
            match dice.randrange(5):
                case 0:
                    workspace.merge(name, other)
                case 1:
                    workspace.unmerge(name)
                case 2:
                    workspace.record(name, event, at=at)
                case 3:
                    workspace.set(name, {"budget": dice.randrange(9000)}, at=at)
                case 4:
                    workspace.void(name, [dice.randrange(1, 4)], "at random")


def test_whoever_merges_while_others_record_waits_for_them(workspace, directory):
    names = ["ada", "bob", "eve"]
    for name in names:
        workspace.add(name, at=T0)

    def work(mine: Workspace, process: int) -> list[int]:
        done = []
        for n in range(12):
            if process == 0:
                with suppress(ConflictError):
                    mine.merge("bob", "ada") if n % 2 else mine.unmerge("bob")
            else:
                recorded = mine.record(names[(n + process) % 3], "replied", key=f"{process}-{n}")
                done.append(recorded.sequence)
        return done

    acknowledged = together(directory, 4, work)
    rows = workspace.history(event="replied", limit=1000).rows
    assert sorted(row.key for row in rows) == sorted(
        f"{p}-{n}" for p in (1, 2, 3) for n in range(12)
    )
    assert sum(map(len, acknowledged)) == len(rows)
    assert workspace.verify().findings == ()


@pytest.mark.parametrize("moment", ["before", "after", "committed"])
@pytest.mark.parametrize("asked", ["merge", "unmerge"])
def test_a_merge_that_is_killed_is_whole_or_never_was(workspace, directory, asked, moment):
    workspace.add("ada", {"budget": 1}, at=T0)
    workspace.add("bob", {"budget": 2}, at=T0 + DAY)
    if asked == "unmerge":
        workspace.merge("bob", "ada")
    before = workspace.contact("bob")
    write = UnitOfWork.write

    def killed(unit: UnitOfWork) -> None:
        if moment == "after":
            write(unit)
        os.kill(os.getpid(), signal.SIGKILL)

    def child() -> None:
        with Workspace.open(directory, database=str(workspace.config.database)) as mine:
            if moment != "committed":
                UnitOfWork.write = killed
            ask(mine)
            os.kill(os.getpid(), signal.SIGKILL)

    def ask(mine: Workspace) -> None:
        mine.merge("bob", "ada") if asked == "merge" else mine.unmerge("bob")

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert workspace.verify().findings == ()
    if moment == "committed":
        with pytest.raises(ConflictError):
            ask(workspace)
    else:
        assert workspace.contact("bob") == before
        ask(workspace)
    assert workspace.contact("bob").id == ("ada" if asked == "merge" else "bob")
    assert workspace.verify().findings == ()
