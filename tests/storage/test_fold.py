"""Folding a partition is pure, pickles, and is what the unit of work does."""

import pickle
import subprocess
import sys
from collections import defaultdict
from functools import partial
from operator import getitem
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from funnelflow.definition import digest, load_definition
from funnelflow.engine import Funnel
from funnelflow.errors import ConflictError, Error, UnknownNameError
from funnelflow.storage import unit_of_work
from funnelflow.storage.changes import Change, ChangeResult
from funnelflow.storage.dialects import INSERTED
from funnelflow.storage.fold import fold_partition
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.partition import FoldSettings, Identity, Partition
from funnelflow.storage.subscriptions import Subscription
from funnelflow.storage.tracked_contacts import LoadedDefinition
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0

roles_of = partial(getitem, defaultdict(tuple, ada=("sales",), eve=("boss",)))
NOTIFY = Subscription(
    "sales", "log", "contact.replies >= 1 || event.after == 'prospect'", fields=("email", "budget")
)
TIMES = st.integers(0, 60).map(lambda days: (T0 + days * DAY).isoformat())
CHANGES = st.builds(
    Change,
    contact_id=st.sampled_from(["c1", "c2", "c3", " padded"]),
    event=st.sampled_from(["subscribed", "replied", "called", "signed", "set", "add", "tick", "x"]),
    at=TIMES | st.none(),
    facts=st.fixed_dictionaries(
        {},
        optional={
            "email": st.sampled_from(["a@example.com", ""]),
            "budget": st.sampled_from([1, 9000, None, "many"]),
            "authority": st.booleans(),
            "tags": st.just(["a", "b"]),
        },
    ),
    actor=st.sampled_from(["", "ada", "eve"]),
    key=st.none() | st.sampled_from(["k1", "k2", "k3"]),
    create=st.booleans(),
    expect=st.none() | st.integers(0, 3),
    roles=st.none() | st.just(("sales",)),
) | st.builds(
    Change,
    contact_id=st.sampled_from(["c1", "c2"]),
    event=st.just("move"),
    at=TIMES,
    to=st.sampled_from(["lead", "prospect", "customer", "nowhere"]),
    actor=st.sampled_from(["", "ada", "eve"]),
    force=st.booleans(),
    reason=st.just("on paper"),
    create=st.booleans(),
)  # fmt: skip
STORIES = st.lists(CHANGES, max_size=12)
SALT = "5a" * 16


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Give the definition of the tests, ready to decide."""
    path = tmp_path_factory.mktemp("fold") / "pipeline.yaml"
    path.write_text(PIPELINE)
    linked = load_definition(path)
    return LoadedDefinition(1, digest(linked.definition), Funnel(linked))


@pytest.fixture(scope="module")
def process():
    """Give a process without SQLAlchemy that folds what it is sent."""
    command = [sys.executable, str(Path(__file__).with_name("fold_in_process.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        yield running
        running.stdin.close()


def partition(loaded, outbox=None):
    """Return a partition that knows nobody."""
    settings = FoldSettings(roles_of, "pipeline", outbox=outbox)
    identities = [Identity(number, SALT) for number in range(99, 0, -1)]
    return Partition(settings, T0, homes={"pipeline": loaded}, identities=identities)


def comparable(folded):
    """Return what came of a partition, with errors by what they say."""
    results = [
        (type(result), vars(result)) if isinstance(result, Error) else result
        for result in folded.results
    ]
    return folded.writes, results, folded.ahead


@given(st.lists(STORIES, min_size=1, max_size=3), st.booleans())
def test_a_pickled_partition_folds_the_same_in_a_process_without_sqlalchemy(
    loaded, process, stories, explain
):
    here = partition(loaded, OutboxWriter((NOTIFY,)))
    for story in stories:  # each on what the one before left
        pickle.dump((here, story, explain), process.stdin)
        process.stdin.flush()
        folded = fold_partition(here, story, explain=explain)
        assert comparable(pickle.load(process.stdout)) == comparable(folded)


@given(STORIES)
def test_what_is_asked_to_be_explained_is_decided_and_written_the_same(loaded, story):
    plain = fold_partition(partition(loaded), story)
    explained = fold_partition(partition(loaded), story, explain=True)
    assert explained.writes == plain.writes
    for one, other in zip(explained.results, plain.results, strict=True):
        if isinstance(one, ChangeResult) and not one.duplicate:
            assert (one.decision.outcome, one.decision.after) == (other.outcome, other.after)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Give a workspace in which nobody is known."""
    directory = tmp_path_factory.mktemp("work")
    (directory / "pipeline.yaml").write_text(PIPELINE)
    with Workspace.create(directory, "pipeline", clock=lambda: T0) as workspace:
        yield evolve(workspace.context, roles_of=roles_of)


@pytest.fixture(scope="module")
def salted():
    """Let the salt of every new contact be the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_of_work, "token_hex", lambda _: SALT)
        yield


@given(STORIES)
def test_the_unit_of_work_stores_what_the_fold_of_its_partition_gives(store, salted, story):
    def work(unit):
        loaded = unit.home()
        unit.load({change.contact_id for change in story}, {change.key for change in story})
        for change in story:
            try:
                unit.take(change)
            except Error:
                continue
        unit.write()
        return loaded, {
            table: sorted(tuple(row) for row in unit.connection.execute(select(*columns)))
            for table, columns in INSERTED.items()
        }

    loaded, stored = store.transact(work, dry_run=True)
    writes = fold_partition(partition(loaded), story).writes
    assert stored == {table: sorted(rows) for table, rows in writes.inserted.items()}


def test_a_change_that_cannot_be_recorded_leaves_the_others_as_they_are(loaded):
    story = [
        Change("c1", "subscribed", T0, create=True),
        Change("c1", "add", T0),
        Change("c2", "subscribed", T0),
        Change("c1", "replied", T0),
    ]
    first, known, unknown, last = fold_partition(partition(loaded), story).results
    assert (first.sequence, last.sequence) == (2, 3)
    assert isinstance(known, ConflictError)
    assert isinstance(unknown, UnknownNameError)


def test_a_contact_with_another_history_than_expected_is_named_with_both_lengths(loaded):
    story = [Change("c1", "add", T0), Change("c1", "replied", T0, expect=3)]
    error = fold_partition(partition(loaded), story).results[1]
    assert (error.contact_id, error.expected, error.sequence) == ("c1", 3, 1)


def test_a_fold_goes_on_from_what_the_one_before_left(loaded):
    shared = partition(loaded)
    fold_partition(shared, [Change("c1", "add", T0, {"email": "a@example.com"})])
    writes = fold_partition(shared, [Change("c1", "subscribed", T0)]).writes
    assert [row[-4:] for row in writes.changed] == [(1, "pipeline", 1, 1)]
    assert writes.inserted["contacts"] == writes.inserted["positions"] == []
