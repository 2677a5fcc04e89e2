"""Taking a new version of a definition into use."""

import os
import signal
import threading
import warnings
from multiprocessing import get_context

import pytest

from funnelflow.errors import ConflictError, UnknownNameError, UsageError
from funnelflow.maintenance import adopt as adopting
from funnelflow.maintenance.adopt_rules import UnmappedStageError
from funnelflow.storage.changes import Change
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0


def version(*changes: tuple[str, str]) -> str:
    """Give a second version of the funnel, with some texts replaced."""
    text = PIPELINE.replace("version: 1", "version: 2")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


TO_WARM = """\
  - from: lead.fresh
    to: lead.warm
    require:
      - They answered twice: contact.replies >= 2
"""
CHEAPER = version(("contact.budget >= 5000", "contact.budget >= 1000"))
RENAMED = version(
    ("  prospect: {}", "  opportunity: {aliases: [prospect]}"),
    ("to: prospect", "to: opportunity"),
    ("from: prospect", "from: opportunity"),
    ("[target, lead, prospect]", "[target, lead, opportunity]"),
)
NESTED_RENAMED = version(
    ("      warm: {}", "      keen: {aliases: [warm]}"),
    ("lead.warm", "lead.keen"),
)  # fmt: skip
OUTER_RENAMED = version(
    ("  lead:\n    aliases: [sales lead]", "  contact:\n    aliases: [lead]"),
    ("lead.", "contact."),
    (" lead\n", " contact\n"),
    ("lead, ", "contact, "),
)
WITHOUT_WARM = version(
    ("      warm: {}\n", ""),
    (TO_WARM, ""),
    ("  - {from: lead.warm, to: lead.fresh, after: 30d}\n", ""),
)  # fmt: skip


@pytest.fixture
def people(workspace, clock):
    """Give a workspace: ada a lead for 2000, bob a warm lead, eve a prospect, tom new."""
    clock.now = T0 + 3 * DAY
    for name in ("ada", "bob", "eve"):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0)
        workspace.record(name, "subscribed", at=T0 + DAY)
    workspace.record("ada", "called", {"budget": 2000, "authority": True}, at=T0 + 2 * DAY)
    workspace.record("bob", "replied", at=T0 + 2 * DAY)
    workspace.record("bob", "replied", at=T0 + 3 * DAY)
    workspace.record("eve", "called", {"budget": 9000, "authority": True}, at=T0 + 2 * DAY)
    workspace.add("tom", at=T0)
    return workspace


@pytest.fixture
def file(directory):
    """Give what writes a version of the funnel to its file."""

    def write(text: str):
        path = directory / "pipeline.yaml"
        path.write_text(text)
        return path

    return write


def stages(workspace) -> dict[str, str]:
    return {stored.id: stored.contact.stage for stored in workspace.list()}


def test_a_plan_says_who_would_move_where_and_changes_nothing(people, file):
    rows, before = people.history().rows, stages(people)
    plan = people.plan_adoption(file(CHEAPER))
    assert (plan.funnel, plan.is_in_use, plan.contacts) == ("pipeline", False, 4)
    assert [(s.before, s.after, s.count, s.examples) for s in plan.shifts] == [
        ("lead.fresh", "prospect", 1, ("ada",))
    ]
    assert (plan.restated, plan.unmapped, plan.dropped) == (0, {}, {})
    assert (people.history().rows, stages(people)) == (rows, before)
    assert people.outdated()


def test_an_adoption_moves_those_whom_the_new_version_places_elsewhere(people, file):
    adopted = people.adopt(file(CHEAPER), actor="grace")
    assert (adopted.contacts, adopted.moved) == (4, 1)
    assert stages(people) == {
        "ada": "prospect",
        "bob": "lead.warm",
        "eve": "prospect",
        "tom": "target",
    }
    (row,) = people.history(event="adopt").rows
    assert (row.contact_id, row.before, row.after, row.actor) == (
        "ada",
        "lead.fresh",
        "prospect",
        "grace",
    )
    assert not people.outdated()
    assert {stored.definition for stored in people.list()} == {row.definition}
    assert people.verify().is_sound


def test_what_happens_after_an_adoption_is_decided_by_the_new_version(people, file):
    people.adopt(file(CHEAPER))
    facts = {"budget": 1500, "authority": True}
    assert people.record("bob", "called", facts, at=T0 + 4 * DAY).decision.after == "prospect"
    people.add("new", {"email": "new@example.com"})
    people.record("new", "subscribed")
    assert people.record("new", "called", facts).decision.after == "prospect"
    assert people.verify().is_sound


def test_an_event_that_is_renamed_keeps_what_it_had_set(people, file):
    renamed = ("  replied: {sets:", "  answered: {aliases: [replied], sets:")
    people.adopt(file(version(renamed)))
    assert stages(people)["bob"] == "lead.warm"
    people.record("bob", "replied", at=T0 + 4 * DAY)
    assert [row.event for row in people.history("bob").rows][-2:] == ["replied", "answered"]
    assert people.contact("bob").contact.fields["replies"] == 3
    assert people.verify().is_sound


def test_an_adoption_again_finds_nothing_to_do(people, file):
    path = file(CHEAPER)
    people.adopt(path)
    rows = people.history().rows
    plan = people.plan_adoption(path)
    assert (plan.is_in_use, plan.contacts) == (True, 0)
    assert people.adopt(path).contacts == 0
    assert people.history().rows == rows


def test_an_adoption_that_was_broken_off_goes_on(people, file, monkeypatch):
    monkeypatch.setattr(adopting, "CHUNK", 1)
    path = file(CHEAPER)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        people.adopt(path, progress=stop)
    assert people.verify().is_sound
    assert people.plan_adoption(path).contacts == 3
    recorded = people.record("eve", "gave_up")
    assert recorded.decision.after == "lost"
    people.add("new")
    assert people.verify().is_sound
    assert people.adopt(path).contacts == 3
    assert people.verify().is_sound
    assert len({stored.definition for stored in people.list()}) == 1


def test_a_stage_that_is_renamed_by_an_alias_keeps_its_contacts(people, file):
    people.move("bob", "prospect", facts={"budget": 6000, "authority": True}, at=T0 + 4 * DAY)
    people.adopt(file(RENAMED))
    assert stages(people) == {
        "ada": "lead.fresh",
        "bob": "opportunity",
        "eve": "opportunity",
        "tom": "target",
    }
    assert people.move("ada", "prospect").decision.outcome == "refused"
    assert people.verify().is_sound


@pytest.mark.parametrize(
    ("changed", "stage"),
    [(NESTED_RENAMED, "lead.keen"), (OUTER_RENAMED, "contact.warm")],
    ids=["nested", "outer"],
)
def test_nested_stages_that_are_renamed_by_an_alias_keep_their_contacts(
    people, file, changed, stage
):
    path = file(changed)
    assert people.plan_adoption(path).unmapped == {}
    people.adopt(path)
    assert stages(people)["bob"] == stage
    assert people.verify().is_sound


def test_contacts_in_a_stage_that_is_gone_need_a_rule(people, file):
    path, rows = file(WITHOUT_WARM), people.history().rows
    assert people.plan_adoption(path).unmapped == {"lead.warm": 1}
    with pytest.raises(UnmappedStageError) as caught:
        people.adopt(path)
    assert "--map lead.warm=STAGE" in caught.value.hint
    assert people.history().rows == rows
    assert people.outdated()


def test_a_rule_places_them_and_every_later_fold_honours_it(people, file):
    people.adopt(file(WITHOUT_WARM), {"lead.warm": "prospect"})
    (row,) = people.history("bob", event="adopt").rows
    assert (row.to_stage, row.before, row.after) == ("prospect", "lead.warm", "prospect")
    assert people.verify().is_sound
    people.adopt(file(WITHOUT_WARM.replace("version: 2", "version: 3")))
    assert stages(people)["bob"] == "prospect"
    assert people.verify().is_sound


def test_a_rule_for_a_stage_with_nested_ones_holds_for_all_of_them(people, file):
    gone = version(
        ("  lead:\n    aliases: [sales lead]\n    stages:\n      fresh: {}\n      warm: {}\n", ""),
        ("to: lead\n", "to: prospect\n"),
        (TO_WARM, ""),
        ("from: lead\n", "from: target\n"),
        ("  - {from: lead.warm, to: lead.fresh, after: 30d}\n", ""),
        ("[target, lead, prospect]", "[target, prospect]"),
    )  # fmt: skip
    people.adopt(file(gone), {"sales lead": "target"})
    assert stages(people)["ada"] == stages(people)["bob"] == "target"
    assert people.verify().is_sound


@pytest.mark.parametrize("rules", [{"laed": "target"}, {"lead.warm": "targit"}])
def test_a_rule_that_names_no_stage_is_an_error(people, file, rules):
    with pytest.raises(UnknownNameError, match="there is no stage"):
        people.adopt(file(WITHOUT_WARM), rules)


def test_facts_that_are_no_values_any_more_are_counted_and_left_out(people, file):
    people.set("tom", {"authority": True})
    path = file(version(
        ("authority: {type: boolean, ", "authority: {type: integer, "),
        ("contact.authority\n", "contact.authority > 1\n"),
    ))  # fmt: skip
    plan = people.plan_adoption(path)
    assert plan.dropped == {"authority": (3, ("ada", "eve", "tom"))}
    assert plan.restated == 2
    people.adopt(path)
    assert "authority" not in people.contact("tom").contact.fields
    assert people.verify().is_sound
    people.adopt(file(PIPELINE.replace("version: 1", "version: 3")))
    assert people.contact("tom").contact.fields["authority"] is True
    assert people.verify().is_sound


@pytest.mark.parametrize(
    ("before", "after", "value", "becomes"),
    [
        ("text", "integer", "12", 12),
        ("text", "number", "12.5", 12.5),
        ("text", "boolean", "yes", True),
        ("integer", "text", 12, "12"),
        ("number", "text", 12.5, "12.5"),
        ("integer", "number", 12, 12.0),
        ("text", "integer", "twelve", None),
    ],
)
def test_a_field_of_another_type_reads_what_was_told_where_it_means_a_value(
    people, file, before, after, value, becomes
):
    field = ("  email: text\n", "  email: text\n  size: {}\n")
    people.adopt(file(version((field[0], field[1].format(before)))))
    people.set("tom", {"size": value})
    newer = version((field[0], field[1].format(after))).replace("version: 2", "version: 3")
    plan = people.plan_adoption(file(newer))
    assert plan.dropped == ({} if becomes is not None else {"size": (1, ("tom",))})
    people.adopt(file(newer))
    found = people.contact("tom").contact.fields.get("size")
    assert (found, type(found)) == (becomes, type(becomes))
    assert people.verify().is_sound


def test_a_definition_with_errors_is_not_adopted(people, file):
    path = file(PIPELINE.replace("to: lead.warm", "to: lead.wram"))
    with pytest.raises(Exception, match=r"lead\.wram") as caught:
        people.adopt(path)
    assert caught.value.exit_code == 2
    assert not people.history(event="adopt").rows


def test_a_writer_that_knew_the_old_version_goes_on_with_the_new_one(people, file, directory):
    with Workspace.open(directory, database=str(people.config.database)) as other:
        assert other.contact("tom").contact.stage == "target"
        people.adopt(file(CHEAPER))
        other.add("new", {"email": "new@example.com"})
        other.record("new", "subscribed")
        facts = {"budget": 1500, "authority": True}
        assert other.record("new", "called", facts).decision.after == "prospect"
    assert people.verify().is_sound


def test_a_timed_transition_of_the_new_version_takes_its_time_from_the_evidence(people, file):
    path = file(version(("after: 30d", "after: 1d")))
    people.adopt(path)
    assert people.contact("bob").due_at == T0 + 4 * DAY
    people.tick(T0 + 4 * DAY)
    assert people.verify().is_sound


def test_a_contact_that_is_being_added_meanwhile_is_not_passed_by(people, file, directory):
    """Whoever adds holds the funnel until the end, so an adoption waits, and finds the contact."""
    path = file(CHEAPER)
    finished = []

    def adopt() -> None:
        with Workspace.open(directory, database=str(people.config.database)) as other:
            finished.append(other.adopt(path).contacts)

    adopting_thread = threading.Thread(target=adopt)

    def add(chunk: UnitOfWork) -> None:
        chunk.load(["late"])
        chunk.take(Change("late", "add"))
        adopting_thread.start()
        adopting_thread.join(0.5)
        assert not finished
        chunk.write()

    people.context.transact(add)
    adopting_thread.join(60)
    assert finished == [5]
    assert len({stored.definition for stored in people.list()}) == 1


@pytest.mark.parametrize("survived", [1, 3])
def test_an_adoption_that_is_killed_goes_on(people, file, directory, monkeypatch, survived):
    monkeypatch.setattr(adopting, "CHUNK", 1)
    path = file(CHEAPER)
    steps = []

    def kill(adopted) -> None:
        steps.append(adopted)
        if len(steps) == survived:
            os.kill(os.getpid(), signal.SIGKILL)

    def adopt() -> None:
        with Workspace.open(directory, database=str(people.config.database)) as mine:
            mine.adopt(path, progress=kill)

    process = get_context("fork").Process(target=adopt)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert people.verify().is_sound
    assert people.adopt(path).contacts == 4 - survived
    assert people.verify().is_sound
    assert [row.contact_id for row in people.history(event="adopt").rows] == ["ada"]


def test_going_back_to_the_version_before_is_an_adoption_too(people, file):
    before = stages(people)
    people.adopt(file(CHEAPER))
    assert people.adopt(file(PIPELINE)).moved == 1
    assert stages(people) == before
    assert people.verify().is_sound
    assert not people.outdated()


def test_of_two_adoptions_at_once_the_later_one_wins_and_the_other_says_so(
    people, file, monkeypatch
):
    monkeypatch.setattr(adopting, "CHUNK", 1)
    later = file(version(("contact.budget >= 5000", "contact.budget >= 10")))
    other = later.with_name("later.yaml")
    later.rename(other)
    path = file(CHEAPER)

    def overtake(_) -> None:
        people.adopt(other)

    with pytest.raises(ConflictError, match="another version of pipeline was adopted meanwhile"):
        people.adopt(path, progress=overtake)
    assert len({stored.definition for stored in people.list()}) == 1
    assert people.plan_adoption(other).contacts == 0
    assert people.verify().is_sound


def test_from_now_on_leaves_everybody_where_they_stand(people, file):
    path = file(CHEAPER)
    plan = people.plan_adoption(path, from_now=True)
    assert (plan.shifts, plan.contacts) == ((), 4)
    before = stages(people)
    adopted = people.adopt(path, from_now=True)
    assert (adopted.contacts, adopted.moved) == (4, 0)
    assert stages(people) == before
    rows = people.history(event="adopt").rows
    assert {row.contact_id: row.to_stage for row in rows} == before
    assert people.verify().is_sound


def test_from_now_on_late_evidence_and_what_comes_are_judged_by_the_new_version(people, file):
    people.adopt(file(CHEAPER), from_now=True)
    placed = people.contact("ada").contact.since
    people.set("ada", {"email": "other@example.com"}, at=T0 + DAY / 2)
    assert stages(people)["ada"] == "lead.fresh"
    assert people.contact("ada").contact.since == placed
    facts = {"budget": 1500, "authority": True}
    assert people.record("ada", "called", facts, at=T0 + 4 * DAY).decision.after == "prospect"
    assert people.verify().is_sound


def test_from_now_on_somebody_stands_where_time_has_moved_them(people, file, clock):
    given_up = "  - {from: lead.fresh, to: lost, after: 30d}\n"
    waits = version(("  - {from: lead.warm, to: lead.fresh, after: 30d}\n", given_up))
    people.adopt(file(waits))
    clock.now = T0 + 60 * DAY
    assert stages(people)["ada"] == "lost"
    later = waits.replace("version: 2", "version: 3").replace("after: 30d", "after: 90d")
    people.adopt(file(later), from_now=True)
    assert stages(people)["ada"] == "lost"
    assert people.verify().is_sound


def test_from_now_on_a_stage_that_is_gone_still_needs_a_rule(people, file):
    path = file(WITHOUT_WARM)
    assert people.plan_adoption(path, from_now=True).unmapped == {"lead.warm": 1}
    people.adopt(path, {"lead.warm": "lead.fresh"}, from_now=True)
    assert stages(people)["bob"] == "lead.fresh"
    with pytest.raises(UsageError):
        people.plan_adoption(path, instead_of="pipeline", from_now=True)


def test_an_adoption_from_now_on_that_was_broken_off_goes_on_as_it_was_begun(
    people, file, monkeypatch
):
    monkeypatch.setattr(adopting, "CHUNK", 1)
    path, before = file(CHEAPER), stages(people)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        people.adopt(path, from_now=True, progress=stop)
    people.adopt(path)
    assert stages(people) == before
    (run, *_) = people.runs()
    people.undo(run.number, "too early")
    assert stages(people) == before
    people.undo(people.runs()[0].number, "not too early")
    assert stages(people) == before
    assert people.verify().is_sound
