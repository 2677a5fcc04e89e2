"""The report of a workspace, on both databases: who is where, and what adds up."""

import pytest

from funnelflow.errors import UnknownNameError
from funnelflow.report import Number, counted_in, definition_of, report_of
from funnelflow.storage.connect import reading
from funnelflow.storage.reports import ReportRequest, begin_pass

from ..funnels import DAY, T0

TEAM = {"roles": ["sales"]}


@pytest.fixture
def filled(workspace, clock):
    """Give a workspace with somebody at every stage, sixty days on."""
    clock.now = T0 + 60 * DAY
    for number, name in enumerate(("ada", "bob", "cy", "dee", "eve")):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0 + number * DAY)
    for name in ("ada", "bob", "cy", "dee"):
        workspace.record(name, "subscribed", at=T0 + 10 * DAY)
    for name in ("ada", "bob"):
        facts = {"budget": 9000, "authority": True}
        workspace.record(name, "called", facts, at=T0 + 20 * DAY)
    workspace.record("ada", "replied", at=T0 + 21 * DAY)
    workspace.record("ada", "signed", at=T0 + 22 * DAY, **TEAM)
    workspace.move("cy", "prospect", at=T0 + 23 * DAY)
    workspace.record("dee", "gave_up", at=T0 + 24 * DAY)
    return workspace


def the(workspace, **asked):
    """Return the only report of a workspace."""
    (report,) = workspace.report(**asked)
    return report


def values(rows, name):
    """Return a number of each row, by stage."""
    return {row.stage: getattr(row, name).value for row in rows}


def test_contacts_are_counted_where_they_are_and_in_what_is_around(filled):
    stages = values(the(filled).stages, "now")
    assert stages["lead"] == stages["lead.fresh"] == 1
    assert {stages[name] for name in ("target", "prospect", "customer", "lost")} == {1}


def test_the_leaf_stages_add_up_to_everybody_and_so_do_open_won_and_lost(filled):
    report = the(filled)
    assert sum(one.now.value for one in report.stages if one.is_leaf) == report.entries.value == 5
    rates = report.win_rates
    assert rates.open.value + rates.won.value + rates.lost.value == 5
    assert (rates.narrow.value, rates.narrow.of) == (1, 2)


def test_counts_are_those_of_the_list(filled):
    report = the(filled)
    leaves = {one.stage: one.now.value for one in report.stages if one.is_leaf}
    assert leaves == filled.counts()


def test_who_went_to_a_step_passed_those_before(filled):
    passed = values(the(filled).conversion, "passed")
    assert passed == {"target": 5, "lead": 4, "prospect": 2, "customer": 1}


def test_a_report_of_another_time_counts_what_had_happened(filled):
    report = the(filled, at=T0 + 15 * DAY)
    assert values(report.conversion, "passed")["prospect"] == 0
    assert report.entries.value == 5


def test_what_is_known_later_does_not_change_the_report_of_then(filled, clock):
    *_, last = filled.history().rows
    before = the(filled, known_at=last.id)
    clock.now += 10 * DAY
    filled.record("eve", "subscribed", at=T0 + 12 * DAY)
    assert values(the(filled).conversion, "passed")["lead"] == 5
    then = the(filled, known_at=last.id, at=before.at)
    assert then == the(filled, known_at=last.id, at=before.at)
    assert values(then.conversion, "passed")["lead"] == 4


def test_an_empty_workspace_has_a_report_of_nobody(workspace):
    workspace.funnel()
    report = the(workspace)
    assert report.entries.value == 0
    assert report.survival.points[0].at_risk == 0
    assert report.to_json()["win_rates"]["narrow"]["share"] is None


def journeys_of(workspace):
    """Return everybody's journey, and what a report asks of them."""
    context, request = workspace.context, ReportRequest(by="email", period="week")
    with reading(context.engine) as connection:
        whole = begin_pass(context, connection, request)
        found = list(whole.reader().journeys())
    return whole.frame(found[0].loaded), [journey for _, journey in found]


def test_every_number_counts_exactly_the_contacts_that_it_lists(filled):
    frame, journeys = journeys_of(filled)
    numbers = {one.name: one for one in report_of(frame, journeys).numbers()}
    assert len(numbers) > 100
    for name, number in numbers.items():
        times = sum(map(counted_in(frame, {name}), journeys))
        if not name.startswith("ageing/"):
            assert times == (number.value if isinstance(number, Number) else number.count), name


def test_the_contacts_of_a_number_are_listed(filled):
    (report,) = filled.report()
    for name in ("stage/lead", "passed/prospect", "now/won", "ageing/target", "survival"):
        listed = [one.contact for one in filled.counted(name)]
        assert listed == sorted(listed)
        number = next((one for one in report.numbers() if one.name == name), None)
        if isinstance(number, Number):
            assert len(listed) == number.value, name
    assert [one.contact for one in filled.counted("now/won")] == ["ada"]


def test_every_number_is_explained(filled):
    report = the(filled, by="email")
    for number in report.numbers():
        assert definition_of(number.name).family == number.name.partition("/")[0]


def test_a_number_that_is_not_there_is_refused_with_one_that_is(filled):
    with pytest.raises(UnknownNameError) as error:
        list(filled.counted("stage/prospec"))
    assert "stage/prospect" in error.value.hint
    assert list(filled.counted("reentered/customer")) == []


def test_what_blocks_a_transition_is_counted_from_moves_and_from_who_waits(filled):
    (blocker,) = [one for one in the(filled).blockers if one.to == "prospect"]
    assert (blocker.waiting.value, blocker.ready.value, blocker.refused.value) == (1, 0, 1)
    budget, _ = blocker.criteria
    assert (budget.unknown.value, budget.unmet.value, budget.refused_unknown.value) == (1, 0, 1)
    (questions,) = blocker.questions
    assert (questions.fields, questions.opens.value) == (("authority", "budget"), 1)
    assert questions.asks == ("Who signs", "What may it cost")


def test_who_is_in_a_stage_for_longer_than_it_says_is_rotting(filled, directory, clock):
    path = directory / "pipeline.yaml"
    said = path.read_text().replace("version: 1", "version: 2")
    path.write_text(said.replace("  target: {}", "  target: {rotting_after: 50d}"))
    filled.adopt(path)
    (target, *_) = the(filled).ageing
    assert (target.by, target.limit_days, target.aged.value, target.aged.of) == (
        "rotting_after", 50, 1, 1,
    )  # fmt: skip
    assert [one.contact for one in filled.counted("ageing/target")] == ["eve"]
    assert list(filled.counted("ageing/target", at=T0 + 40 * DAY)) == []


def test_velocity_is_what_is_open_times_what_is_won_of_it_by_how_long_that_takes(filled):
    rates = the(filled, value="budget").win_rates
    assert (rates.open.value, rates.narrow.share, rates.cycle.median_days) == (3, 0.5, 22)
    assert rates.velocity == pytest.approx(3 * 0.5 / 22)
    assert rates.value_velocity == pytest.approx(3 * 0.5 / 22 * 9000)


def test_a_forced_move_is_counted_by_who_made_it_and_going_back_as_going_back(filled):
    filled.move("ada", "lead", force=True, reason="a mistake", actor="grace", roles=["boss"])
    filled.move("dee", "lead", force=True, reason="they called", actor="grace", roles=["boss"])
    found = the(filled).recycling
    assert [(one.name, one.value) for one in found.forced] == [("forced/grace", 2)]
    assert (found.backward.value, found.recycled.value) == (2, 1)
    assert [one.contact for one in filled.counted("recycled")] == ["dee"]
