"""The order in which evidence arrives decides nothing, on either database and by any path."""

import json
import os
import random
from itertools import permutations
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from funnelflow.definition import check
from funnelflow.ingest.file_options import FileOptions
from funnelflow.maintenance.adopt import run_adoption
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import reading
from funnelflow.storage.contacts import find_contact

from ..engine.test_story import apart
from ..engine.worlds import definitions, stories
from ..funnels import DAY, T0

HEADER = "contact,event,at,to,facts\n"
SIZE = int(os.environ.get("FUNNELFLOW_ORDERS", "15"))
"""How many random stories are put into other orders; see CONTRIBUTING."""


def stored_of(workspace, contact):
    """Return a contact as it is stored: folded to its last evidence, and no further."""
    with reading(workspace.context.engine) as connection:
        return find_contact(connection, workspace.context.definitions, contact)[0]


def stands(workspace, contact):
    """Return where a contact stands, without who it is and how its history is numbered."""
    stored = stored_of(workspace, contact)
    return evolve(stored.contact, id=""), stored.created_at, stored.due_at


def apply_rows(workspace, write, rows, *, chunk=100, name="rows.csv"):
    """Apply rows as a file, in their order."""
    lines = [f"{row}\n" for row in rows]
    return workspace.apply(write(HEADER + "".join(lines), name), FileOptions(chunk=chunk))


BUDGETS = (
    'x,set,2026-03-02T00:00:00Z,,"{""seats"": 3}"',
    'x,set,2026-03-11T00:00:00Z,,"{""budget"": 8000}"',
    'x,set,2026-03-06T00:00:00Z,,"{""budget"": 70}"',
)


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_the_value_that_was_told_last_counts_in_every_order_of_rows(deals, write, chunk):
    for number, rows in enumerate(permutations(BUDGETS)):
        named = [row.replace("x,", f"x{number},", 1) for row in rows]
        summary = apply_rows(deals, write, named, chunk=chunk, name=f"{number}.csv")
        assert summary.counts.rejected == 0
        assert stored_of(deals, f"x{number}").contact.fields == {
            "budget": 8000,
            "seats": 3,
            "paid": 0,
        }
    assert deals.verify().is_sound


def test_a_purchase_that_came_before_its_acceptance_wins_since_the_purchase(deals):
    first, second = T0 + DAY, T0 + 2 * DAY
    deals.record("s3", "purchased", at=second, create=True)
    assert stored_of(deals, "s3").contact.stage == "nurture"
    answer = deals.record("s3", "accepted", at=first)
    assert (answer.decision.before, answer.decision.after) == ("nurture", "engaged")
    restated = answer.restated
    assert (restated.late, restated.before, restated.stage) == (DAY, "nurture", "won")
    assert (restated.entered, restated.others) == (second, 1)
    stored = stored_of(deals, "s3")
    assert (stored.contact.stage, stored.contact.since) == ("won", second)
    assert stored.created_at == first
    (row,) = deals.history("s3", event="accepted").rows
    assert row.restated == restated
    assert deals.verify().is_sound


def test_what_is_in_order_says_nothing_of_being_late(deals):
    assert deals.add("bob", at=T0).restated is None
    assert deals.record("bob", "opened", at=T0).restated is None


def test_activity_that_arrives_late_keeps_a_contact_from_being_given_up(deals):
    deals.add("ada", at=T0)
    deals.record("ada", "opened", at=T0 + 45 * DAY)
    assert stored_of(deals, "ada").contact.since == T0 + 30 * DAY
    answer = deals.record("ada", "opened", at=T0 + 20 * DAY)
    assert (answer.restated.before, answer.restated.stage) == ("lost", "nurture")
    stored = stored_of(deals, "ada").contact
    assert (stored.stage, stored.since, stored.active) == ("nurture", T0, T0 + 45 * DAY)
    assert deals.verify().is_sound


def test_late_evidence_after_a_tick_is_folded_to_the_moment_of_the_tick(deals):
    deals.add("ada", at=T0)
    deals.tick(T0 + 40 * DAY)
    assert stored_of(deals, "ada").contact.stage == "lost"
    deals.record("ada", "opened", at=T0 + 20 * DAY)
    stored = stored_of(deals, "ada").contact
    assert (stored.stage, stored.clock) == ("nurture", T0 + 40 * DAY)
    deals.tick(T0 + 60 * DAY)
    assert stored_of(deals, "ada").contact.since == T0 + 50 * DAY
    assert deals.verify().is_sound


def test_a_late_set_and_a_late_move_are_restated_like_a_late_event(deals):
    deals.add("ada", at=T0)
    deals.record("ada", "purchased", at=T0 + 5 * DAY)
    answer = deals.set("ada", {"seats": 12}, at=T0 + DAY)
    assert (answer.restated.before, answer.restated.stage) == ("nurture", "won")
    late = deals.move("ada", "won", at=T0 + 2 * DAY)
    assert (late.decision.outcome, late.restated.others) == ("moved", 1)
    stored = stored_of(deals, "ada").contact
    assert (stored.stage, stored.since) == ("won", T0 + 2 * DAY)
    assert deals.verify().is_sound


def test_a_move_that_was_refused_is_asked_again_on_what_is_known_of_then(deals):
    deals.add("ada", at=T0)
    refused = deals.move("ada", "won", at=T0 + 5 * DAY)
    assert refused.decision.outcome == "refused"
    answer = deals.set("ada", {"seats": 12}, at=T0 + DAY)
    assert (answer.restated.stage, answer.restated.others) == ("won", 1)
    assert deals.verify().is_sound


def test_a_key_that_is_repeated_gives_the_answer_of_late_evidence_again(deals):
    deals.record("s3", "purchased", at=T0 + 2 * DAY, create=True)
    first = deals.record("s3", "accepted", at=T0 + DAY, key="k")
    again = deals.record("s3", "accepted", at=T0 + DAY, key="k")
    assert again.duplicate
    assert (again.decision.before, again.decision.after) == (
        first.decision.before,
        first.decision.after,
    )


def test_a_file_that_comes_newest_first_has_nothing_late_in_one_chunk(deals, write):
    rows = [
        "ada,purchased,2026-03-04T09:00:00Z,,",
        "bob,opened,2026-03-04T09:00:00Z,,",
        "ada,accepted,2026-03-03T10:00:00+01:00,,",
        'ada,add,2026-03-02T09:00:00Z,,"{""budget"": 4}"',
    ]
    summary = apply_rows(deals, write, rows)
    assert (summary.counts.late, summary.counts.rejected) == (0, 0)
    assert [row.event for row in deals.history("ada").rows] == ["add", "accepted", "purchased"]
    assert stored_of(deals, "ada").contact.stage == "won"


KINDS = ("opened", "accepted", "purchased", "set", "set", "move")
FACTS = st.fixed_dictionaries(
    {}, optional={"seats": st.sampled_from([3, 12, None]), "budget": st.integers(1, 9)}
)
STORIES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 60), FACTS),
    min_size=1,
    max_size=7,
    unique_by=lambda row: row[1],
)
PROPERTY = settings(
    max_examples=SIZE, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def change(contact, row, **more):
    """Return the change that a row of a story asks for."""
    event, day, facts = row
    to = "won" if event == "move" else ""
    return Change(contact, event, T0 + day * DAY, facts, to=to, create=True, **more)


def as_row(contact, row):
    """Write a row of a story for a file."""
    asked = change(contact, row)
    facts = json.dumps(asked.facts).replace('"', '""')
    return f'{contact},{asked.event},{asked.at.isoformat()},{asked.to},"{facts}"'


@PROPERTY
@given(STORIES, st.randoms(use_true_random=False), st.integers(0, 7))
def test_any_order_and_any_path_of_arrival_gives_the_same_position(
    deals, write, story, chance, cut
):
    name = f"w{uuid4().hex}"
    shuffled = chance.sample(story, len(story))
    in_order = sorted(story, key=lambda row: row[1])
    files = {"a": [in_order], "b": [shuffled], "c": [shuffled[:cut], shuffled[cut:]]}
    for path, parts in files.items():
        for number, part in enumerate(parts):
            rows = [as_row(f"{name}-{path}", row) for row in part]
            chunk = 2 if path == "c" else 100
            apply_rows(deals, write, rows, chunk=chunk, name=f"{name}-{path}{number}.csv")
    for row in shuffled:
        deals.context.record(change(f"{name}-d", row))
    expected = stands(deals, f"{name}-a")
    for path in "bcd":
        assert stands(deals, f"{name}-{path}") == expected


@PROPERTY
@given(definitions(), stories(moves=("s0", "s1")), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_position_under_any_definition(
    deals, definition, events, chance
):
    assume(not [p for p in check(definition) if p.severity == "error"])
    name = f"w{uuid4().hex}"
    run_adoption(deals.context, evolve(definition, name=name), {})
    events = apart(events)
    for path, order in ("a", events), ("b", chance.sample(events, len(events))):
        for event in order:
            asked = Change(f"{name}-{path}", event.name, event.at, event.facts, to=event.to)
            deals.context.record(evolve(asked, create=True, funnel=name))
    if events:
        assert stands(deals, f"{name}-b") == stands(deals, f"{name}-a")


def test_everything_that_was_put_into_other_orders_verifies(deals, write):
    chance = random.Random(7)
    rows = [
        (chance.choice(KINDS), day, {"budget": day, "seats": chance.choice([3, 12])})
        for day in range(40)
    ]
    for number in range(5):
        lines = [as_row(f"c{number}", row) for row in chance.sample(rows, len(rows))]
        apply_rows(deals, write, lines, chunk=7, name=f"{number}.csv")
    assert len({str(stands(deals, f"c{n}")[0].fields) for n in range(5)}) == 1
    assert deals.verify().is_sound
