"""What every database must do the same: one contract, held by SQLite and PostgreSQL."""

import datetime as dt
import pickle

import pytest

from funnelflow.errors import (
    ConfigurationError,
    ConflictError,
    FieldError,
    UnknownContactError,
    UnknownNameError,
    UsageError,
)
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0


@pytest.fixture
def ada(workspace, clock):
    """Add a contact who is a fresh lead since yesterday."""
    clock.now = T0 + 2 * DAY
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + DAY)
    return workspace


def test_a_new_contact_is_in_the_first_stage_with_its_defaults(workspace):
    recorded = workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    assert recorded.decision.after == "target"
    assert (recorded.sequence, recorded.duplicate, recorded.dry_run) == (1, False, False)
    stored = workspace.contact("ada")
    assert stored.funnel == "pipeline"
    assert stored.contact.stage == "target"
    assert stored.contact.fields == {"email": "ada@example.com", "replies": 0}
    assert (stored.contact.since, stored.created_at) == (T0, T0)


def test_an_event_moves_a_contact_and_says_through_what(ada):
    recorded = ada.record("ada", "replied", at=T0 + 2 * DAY)
    assert recorded.decision.outcome == "stayed"
    recorded = ada.record("ada", "replied", at=T0 + 3 * DAY)
    assert recorded.decision.outcome == "moved"
    assert [taken.cause for taken in recorded.decision.path] == ["automatic"]
    stored = ada.contact("ada")
    assert (stored.contact.stage, stored.sequence) == ("lead.warm", 4)
    assert stored.due_at == T0 + 33 * DAY


def test_an_event_that_opens_nothing_is_kept_all_the_same(workspace):
    workspace.add("ada")
    recorded = workspace.record("ada", "subscribed")
    assert recorded.decision.outcome == "stayed"
    assert recorded.decision.considered[0].verdict.value == "not met"
    assert [row.event for row in workspace.history("ada").rows] == ["add", "subscribed"]


def test_a_refused_move_is_an_answer_and_is_kept_with_what_was_in_the_way(ada):
    ada.set("ada", {"budget": 3000})
    recorded = ada.move("ada", "prospect")
    assert recorded.decision.outcome == "refused"
    row = ada.history("ada").rows[-1]
    assert (row.event, row.outcome, row.to_stage) == ("move", "refused", "prospect")
    assert row.unmet == (
        ("Budget is at least 5,000", "not met"),
        ("Talks to the decider", "unknown"),
    )
    assert ada.contact("ada").contact.stage == "lead.fresh"


def test_a_move_is_made_when_its_criteria_are_met(ada):
    recorded = ada.move("ada", "prospect", facts={"budget": 5000, "authority": True})
    assert recorded.decision.outcome == "moved"
    assert ada.contact("ada").contact.stage == "prospect"


def test_only_a_role_of_the_actor_takes_a_transition_that_asks_for_it(directory, database):
    Workspace.create(directory, "pipeline", database=database).close()
    settings = directory / "funnelflow.toml"
    settings.write_text(settings.read_text() + 'sales = ["grace"]\nboss = ["bob"]\n')
    with Workspace.open(directory) as workspace:
        workspace.add("ada", {"replies": 3})
        assert (
            workspace.move(
                "ada", "prospect", force=True, actor="eve", reason="friend"
            ).decision.outcome
            == "refused"
        )
        assert (
            workspace.move(
                "ada", "prospect", force=True, actor="bob", reason="friend"
            ).decision.outcome
            == "moved"
        )
        assert workspace.record("ada", "signed", actor="eve").decision.outcome == "stayed"
        assert workspace.record("ada", "signed", actor="grace").decision.outcome == "moved"
        forced, signed = (workspace.history("ada").rows[i] for i in (2, 4))
    assert (forced.force, forced.reason, forced.roles) == (True, "friend", ("boss",))
    assert signed.roles == ("sales",)


def test_facts_of_every_type_come_back_as_they_went_in(workspace):
    facts = {
        "budget": 0.1,
        "authority": False,
        "replies": -(2**63),
        "email": "zażółć\n\U0001f600 \"'\\",
        "met_on": dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        "pause": dt.timedelta(days=-3, microseconds=1),
        "tags": ("a", "b,c"),
    }
    workspace.add("ada", facts)
    assert workspace.contact("ada").contact.fields == facts


def test_a_fact_is_taken_back_by_none(ada):
    recorded = ada.set("ada", {"email": None})
    assert [change.after for change in recorded.decision.changes] == [None]
    assert "email" not in ada.contact("ada").contact.fields
    assert ada.history("ada").rows[-1].facts == {"email": None}


def test_text_is_read_as_a_person_types_it(ada, clock):
    clock.now = T0 + 31 * DAY
    ada.record(
        "ada",
        "called",
        {"minutes": "12.5", "budget": "5000", "authority": "yes"},
        at="2026-04-01T10:00:00+02:00",
        text=True,
    )
    stored = ada.contact("ada")
    assert stored.contact.stage == "prospect"
    assert stored.contact.clock == dt.datetime(2026, 4, 1, 8, tzinfo=dt.UTC)
    assert "minutes" not in stored.contact.fields


def test_evidence_from_before_is_taken_at_the_contacts_own_time(ada):
    ada.record("ada", "replied", at=T0)
    stored = ada.contact("ada")
    assert stored.contact.clock == T0 + DAY
    assert ada.history("ada").rows[-1].at == T0


def test_time_is_now_when_nothing_is_said(workspace, clock):
    workspace.add("ada")
    row = workspace.history("ada").rows[0]
    assert row.at == row.recorded_at == clock.now


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w: w.record("eve", "subscribed"), UnknownNameError, "no contact 'eve'"),
        (lambda w: w.record("ada", "subscribd"), UnknownNameError, "no event 'subscribd'"),
        (lambda w: w.record("ada", "add"), ConflictError, "a contact 'ada' already"),
        (lambda w: w.record("ada", "adopt"), UsageError, "adopt is no event"),
        (lambda w: w.move("ada", "prospekt"), UnknownNameError, "no stage 'prospekt'"),
        (lambda w: w.set("ada", {"bugdet": 3}), UnknownNameError, "no field 'bugdet'"),
        (lambda w: w.set("ada", {"budget": "lots"}), FieldError, "budget"),
        (lambda w: w.set("ada", {"email": "a\0b"}), FieldError, "email"),
        (lambda w: w.set("ada", {"replies": 2**63}), FieldError, "replies"),
        (lambda w: w.record("ada", "replied", at=dt.datetime(2026, 1, 1)), FieldError, "at"),  # noqa: DTZ001
        (lambda w: w.record("ada", "replied", key=""), UsageError, "a key is empty"),
        (lambda w: w.record("ada", "replied", actor="a\0"), FieldError, "actor"),
        (lambda w: w.add("a\0"), UsageError, "U+0000"),
        (lambda w: w.add("eve", funnel="nowhere"), UnknownNameError, "no funnel 'nowhere'"),
    ],
)
def test_what_cannot_be_recorded_leaves_everything_as_it_was(ada, change, error, message):
    before = (ada.history().rows, ada.contact("ada"))
    with pytest.raises(error) as caught:
        change(ada)
    assert message in caught.value.message
    assert caught.value.hint
    assert (ada.history().rows, ada.contact("ada")) == before


def test_for_an_unknown_contact_the_nearest_is_named_at_the_machine_and_to_nobody_else(ada):
    for ask in (lambda: ada.contact("adda"), lambda: ada.record("adda", "replied")):
        with pytest.raises(UnknownContactError) as caught:
            ask()
        assert "'ada'" in caught.value.local_hint
        said = caught.value.to_json()
        assert (said["code"], said["kind"], said["name"]) == ("unknown_name", "contact", "adda")
        assert "'ada'" not in str(said)
        assert caught.value.http_status == 404


def test_whose_a_key_is_is_said_at_the_machine_and_to_nobody_else(ada):
    ada.add("eve")
    ada.record("ada", "called", key="k1")
    with pytest.raises(ConflictError) as caught:
        ada.record("eve", "called", key="k1")
    assert "called of ada" in caught.value.local_hint
    assert "ada" not in str(caught.value.to_json())


def test_the_error_of_a_value_names_its_field(ada):
    with pytest.raises(FieldError) as caught:
        ada.set("ada", {"budget": "a lot"})
    assert caught.value.to_json()["field"] == "budget"
    assert caught.value.http_status == 422


def test_an_error_travels_between_processes_with_all_it_holds(ada):
    with pytest.raises(UnknownContactError) as caught:
        ada.contact("adda")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is UnknownContactError
    assert (copy.to_json(), copy.local_hint, str(copy)) == (
        caught.value.to_json(),
        caught.value.local_hint,
        str(caught.value),
    )


def test_the_same_key_with_the_same_content_gives_the_first_answer(ada):
    first = ada.record("ada", "called", {"budget": 9000, "authority": True}, key="k1")
    ada.record("ada", "gave_up")
    again = ada.record("ada", "called", {"authority": True, "budget": 9000}, key="k1")
    assert again.duplicate
    assert not first.duplicate
    assert (again.sequence, again.decision) == (first.sequence, first.decision)
    assert len(ada.history("ada").rows) == 4


def test_a_contact_is_added_once_under_a_key(workspace):
    first = workspace.add("ada", {"email": "ada@example.com"}, key="k1")
    again = workspace.add("ada", {"email": "ada@example.com"}, key="k1")
    assert again.duplicate
    assert again.decision == first.decision


@pytest.mark.parametrize(
    "other",
    [
        lambda w: w.record("ada", "called", {"budget": 9001}, key="k1"),
        lambda w: w.record("ada", "replied", key="k1"),
        lambda w: w.record("eve", "called", {"budget": 9000}, key="k1"),
        lambda w: w.record("ada", "called", {"budget": 9000}, actor="eve", key="k1"),
        lambda w: w.record("ada", "called", {"budget": 9000}, at=T0, key="k1"),
        lambda w: w.add("fred", key="k1"),
    ],
)
def test_the_same_key_with_other_content_is_an_error(ada, other):
    ada.add("eve")
    ada.record("ada", "called", {"budget": 9000}, key="k1")
    rows = ada.history().rows
    with pytest.raises(ConflictError, match="key 'k1' was used before"):
        other(ada)
    assert ada.history().rows == rows


def test_the_error_of_a_repeated_key_says_what_differs(ada):
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    ada.record("ada", "called", {"budget": 9000}, at=at, actor="bob", key="k1")
    with pytest.raises(ConflictError) as caught:
        ada.record("ada", "called", {"budget": 8000}, at=at, actor="eve", key="k1")
    assert caught.value.message == (
        "the key 'k1' was used before, for called of ada at 2026-03-01T00:00:00.000000Z; "
        "now it differs in: actor, facts"
    )


def test_a_dry_run_answers_and_stores_nothing(ada):
    before = (ada.history().rows, ada.contact("ada"))
    recorded = ada.record("ada", "called", {"budget": 9000, "authority": True}, dry_run=True)
    assert recorded.dry_run
    assert recorded.decision.after == "prospect"
    assert (ada.history().rows, ada.contact("ada")) == before


def test_a_change_meant_for_an_older_state_is_an_error_that_says_what_is_new(ada):
    seen = ada.contact("ada").sequence
    ada.record("ada", "gave_up", actor="eve")
    with pytest.raises(ConflictError) as caught:
        ada.move("ada", "prospect", expect=seen)
    assert "ada has changed meanwhile" in caught.value.message
    assert "gave_up by eve" in caught.value.message
    assert "lost" in caught.value.message
    assert len(ada.history("ada").rows) == 3


def test_a_row_says_everything_about_a_decision(workspace, clock):
    workspace.add("ada", {"email": "ada@example.com"}, actor="grace", at=T0, key="k1")
    workspace.record("ada", "subscribed", actor="grace", at=T0 + DAY)
    one, two = workspace.history().rows
    assert (one.contact_id, one.sequence, one.key, one.event) == ("ada", 1, "k1", "add")
    assert (two.sequence, two.key, two.at, two.actor) == (2, None, T0 + DAY, "grace")
    assert two.recorded_at == clock.now
    assert (two.outcome, two.before, two.after) == ("moved", "target", "lead.fresh")
    assert [(taken.index, taken.cause) for taken in two.path] == [(0, "event")]
    assert len({one.digest, two.digest, one.definition}) == 3
    assert one.definition == two.definition


def test_history_comes_in_pages_that_join_up(ada):
    for number in range(5):
        ada.add(f"c{number}")
    rows = ada.history().rows
    found, after = [], None
    while True:
        page = ada.history(limit=3, after=after)
        found.extend(page.rows)
        after = page.after
        if after is None:
            break
    assert found == list(rows)
    assert len(found) == 7


@pytest.mark.parametrize(
    ("filters", "events"),
    [
        ({"event": "replied"}, ["replied"]),
        ({"outcome": "moved"}, ["subscribed"]),
        ({"outcome": "refused"}, ["move"]),
        ({"actor": "eve"}, ["replied"]),
        ({"since": T0 + DAY, "until": T0 + 2 * DAY}, ["subscribed"]),
        ({"contact_id": "bob"}, ["add"]),
        ({"event": "signed"}, []),
    ],
)
def test_history_is_filtered(ada, clock, filters, events):
    clock.now = T0 + 4 * DAY
    ada.record("ada", "replied", actor="eve", at=T0 + 2 * DAY)
    ada.move("ada", "prospect", at=T0 + 3 * DAY)
    ada.add("bob", at=T0 + 4 * DAY)
    assert [row.event for row in ada.history(**filters).rows] == events


def test_the_history_of_nobody_is_an_error(workspace):
    with pytest.raises(UnknownNameError):
        workspace.history("nobody")


def test_why_explains_every_way_out(ada):
    stored, considered, _ = ada.why("ada")
    assert stored.contact.stage == "lead.fresh"
    assert [(c.to, c.verdict.value) for c in considered] == [
        ("lead.warm", "not met"),
        ("prospect", "unknown"),
        ("lost", "met"),
    ]


def test_contacts_are_listed_by_id_and_filtered(ada):
    ada.add("Bob", {"budget": 7000.0})
    ada.add("åsa", {"budget": 100.0})
    ids = lambda *args, **kwargs: [stored.id for stored in ada.list(*args, **kwargs)]  # noqa: E731
    assert ids() == ["Bob", "ada", "åsa"]
    assert ids("contact.budget > 500") == ["Bob"]
    assert ids("!(contact.budget > 500)") == ["åsa"]
    assert ids("has(contact.email) || contact.budget < 500") == ["ada", "åsa"]
    assert ids("contact.stage == 'lead.fresh' && contact.id.startsWith('a')") == ["ada"]
    assert ids("contact.stage_since == timestamp('2026-03-02T09:00:00Z')") == ["ada"]
    assert ids("contact.updated_at > contact.created_at") == ["ada"]
    assert ids(stage="lead") == ["ada"]
    assert ids(stage="sales lead", funnel="pipeline") == ["ada"]
    assert ids(stage="target", limit=1) == ["Bob"]
    assert ids("contact.funnel == 'other'") == []


def test_a_filter_that_does_not_compile_is_an_error(ada):
    for bad in ({"where": "contact.bugdet > 3"}, {"stage": "prospekt"}, {"funnel": "nowhere"}):
        with pytest.raises(UsageError if "where" not in bad else Exception) as caught:
            list(ada.list(**bad))
        assert caught.value.exit_code == 2


def test_contacts_are_counted_by_stage_in_the_order_of_the_funnel(ada):
    ada.add("bob")
    assert list(ada.counts().items()) == [
        ("target", 1),
        ("lead.fresh", 1),
        ("lead.warm", 0),
        ("prospect", 0),
        ("customer", 0),
        ("lost", 0),
    ]


def test_a_workspace_runs_several_funnels_side_by_side(ada, directory):
    (directory / "other.yaml").write_text(
        "funnel: other\ninitial: open\nfields: {size: integer}\nevents: {closed: {}}\n"
        "stages: {open: {}, done: {type: won}}\n"
        "transitions: [{from: open, to: done, on: closed}]\n"
    )
    ada.add("bob", {"size": 3}, funnel="other")
    assert ada.record("bob", "closed").decision.after == "done"
    assert ada.funnels() == ("other", "pipeline")
    assert [stored.id for stored in ada.list(funnel="other")] == ["bob"]
    assert [stored.id for stored in ada.list("contact.size > 1")] == ["bob"]
    assert [stored.id for stored in ada.list("contact.funnel == 'pipeline'")] == ["ada"]
    with pytest.raises(UnknownNameError, match="no event 'subscribed'"):
        ada.record("bob", "subscribed")


def test_the_file_of_a_funnel_decides_nothing_before_it_is_adopted(ada, directory):
    assert not ada.outdated()
    path = directory / "pipeline.yaml"
    path.write_text(path.read_text().replace("5000", "1"))
    assert ada.outdated()
    assert ada.record("ada", "called", {"budget": 2, "authority": True}).decision.after == (
        "lead.fresh"
    )
    with Workspace.open(directory, database=str(ada.config.database)) as again:
        assert again.funnel().linked.definition == ada.funnel().linked.definition


def test_a_workspace_opens_again_from_below(ada, directory):
    below = directory / "sub"
    below.mkdir()
    with Workspace.open(below) as again:
        assert again.contact("ada") == ada.contact("ada")


def test_a_workspace_for_an_unknown_funnel_is_not_begun(tmp_path, database):
    with pytest.raises(UnknownNameError, match="no funnel 'standrad'"):
        Workspace.create(tmp_path / "w", "standrad", database=database)
    assert not (tmp_path / "w").exists()
    with pytest.raises(ConfigurationError, match="no workspace"):
        Workspace.open(tmp_path)
