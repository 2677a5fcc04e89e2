"""Two records of one person: merged they are one story, and apart again each has its own."""

import pytest
from attrs import evolve
from sqlalchemy import select, update

from funnelflow.errors import ConflictError, UnknownContactError, UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.tables import contacts, decisions, evidence, positions

from ..funnels import DAY, PIPELINE, T0

TABLES = (contacts, positions, evidence, decisions)


def rows_of(workspace, *tables):
    """Return rows of tables as they are."""
    with reading(workspace.context.engine) as connection:
        return [
            tuple(row)
            for table in tables
            for row in connection.execute(select(table).order_by(*table.primary_key.columns))
        ]


@pytest.fixture
def two(workspace, clock):
    """Give a workspace that knows ada, and the same person as bob."""
    clock.now = T0 + 100 * DAY
    workspace.add("ada", {"email": "ada@example.com", "budget": 3}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + 2 * DAY)
    workspace.add("bob", {"budget": 9000}, at=T0 + DAY)
    workspace.record("bob", "replied", at=T0 + 3 * DAY)
    return workspace


def stands(workspace, contact_id):
    """Return where a contact stands."""
    contact = workspace.contact(contact_id).contact
    return contact.stage, contact.since, contact.fields


def told_to_one(workspace):
    """Tell the story of both to one contact, and return where that stands."""
    workspace.add("one", {"email": "ada@example.com", "budget": 3}, at=T0)
    workspace.set("one", {"budget": 9000}, at=T0 + DAY)
    workspace.record("one", "subscribed", at=T0 + 2 * DAY)
    workspace.record("one", "replied", at=T0 + 3 * DAY)
    return stands(workspace, "one")


def test_a_merge_gives_what_the_whole_story_gives(two):
    merged = two.merge("bob", "ada", reason="the same person")
    assert (merged.contact, merged.into) == ("bob", "ada")
    assert stands(two, "ada") == told_to_one(two)
    (conflict,) = [found for found in merged.conflicts if found.field == "budget"]
    assert (conflict.contact, conflict.into, conflict.together) == (9000, 3, 9000)
    assert two.verify().findings == ()


def test_merging_and_giving_back_is_as_if_nothing_had_been(two):
    before = {name: stands(two, name) for name in ("ada", "bob")}
    two.merge("bob", "ada")
    given = two.unmerge("bob")
    assert {name: stands(two, name) for name in ("ada", "bob")} == before
    assert given.stage == before["bob"][0]
    assert two.verify().findings == ()


def test_what_comes_for_either_is_part_of_one_story_and_given_back_to_whom_it_was_addressed(two):
    two.merge("bob", "ada")
    two.record("bob", "called", at=T0 + 4 * DAY)
    two.set("bob", {"authority": True}, at=T0)
    two.record("ada", "replied", at=T0 + 5 * DAY)
    assert two.verify().findings == ()
    two.unmerge("bob")
    assert two.verify().findings == ()
    two.add("eve", {"budget": 9000}, at=T0 + DAY)
    two.record("eve", "replied", at=T0 + 3 * DAY)
    two.record("eve", "called", at=T0 + 4 * DAY)
    two.set("eve", {"authority": True}, at=T0)
    assert stands(two, "bob") == stands(two, "eve")
    assert [row.event for row in two.history("bob").rows] == ["add", "replied", "called", "set"]


def test_either_id_finds_the_one_who_is_left(two):
    two.merge("bob", "ada", reason="the same person")
    assert two.contact("bob") == two.contact("ada")
    assert two.why("bob").contact.contact.id == "ada"
    assert two.why("bob", T0 + DAY).contact.contact.fields["budget"] == 9000
    assert [found.id for found in two.list()] == ["ada"]
    assert two.counts() == {**two.counts(), two.contact("ada").contact.stage: 1}
    page = two.history("bob")
    assert page.contact_id == "ada"
    assert [(row.contact_id, row.event) for row in page.rows] == [
        ("ada", "add"),
        ("ada", "subscribed"),
        ("bob", "add"),
        ("bob", "replied"),
        ("ada", "merge"),
    ]
    row = page.rows[-1]
    assert (row.about, row.reason) == (("bob",), "the same person")


def test_what_was_known_before_a_merge_keeps_them_apart(two):
    before = {name: two.contact(name) for name in ("ada", "bob")}
    last = two.history().rows[-1].id
    two.merge("bob", "ada")
    merged = two.contact("ada")
    two.unmerge("bob")
    two.record("bob", "called", at=T0 + 4 * DAY)
    for name, then in before.items():
        assert two.why(name, known_at=last).contact.contact.fields == then.contact.fields
        assert two.history(name, known_at=last).rows[-1].contact_id == name
    assert two.why("bob", known_at=last + 1).contact.contact == merged.contact
    assert [row.event for row in two.history("bob", known_at=last + 1).rows][-1] == "merge"
    for known_at, names in (last, ["ada", "bob"]), (last + 1, ["ada"]), (last + 2, ["ada", "bob"]):
        assert [found.id for found in two.list(known_at=known_at)] == names
    assert [found.id for found in two.list(at=T0 + DAY)] == ["ada", "bob"]


def test_stories_are_put_together_through_several_contacts(two):
    two.add("eve", {"authority": True}, at=T0)
    apart = {name: stands(two, name) for name in ("ada", "bob", "eve")}
    two.merge("eve", "bob")
    with_eve = stands(two, "bob")
    two.merge("bob", "ada")
    two.record("eve", "called", at=T0 + 4 * DAY)
    assert stands(two, "eve") == stands(two, "ada")
    assert stands(two, "ada")[2]["authority"] is True
    assert two.verify().findings == ()
    two.void("eve", [2], "a mistake")
    two.unmerge("bob")
    assert stands(two, "eve") == stands(two, "bob") == with_eve
    assert stands(two, "ada") == apart["ada"]
    two.unmerge("eve")
    assert {name: stands(two, name) for name in apart} == apart
    assert two.verify().findings == ()


def test_who_cannot_be_merged_is_told_why(two):
    two.add("eve", at=T0)
    with pytest.raises(UsageError, match="ada cannot be merged into itself"):
        two.merge("ada", "ada")
    for known in [("nobody", "ada"), ("ada", "nobody")]:
        with pytest.raises(UnknownContactError, match="no contact 'nobody'"):
            two.merge(*known)
    with pytest.raises(ConflictError, match="bob is not merged into anybody"):
        two.unmerge("bob")
    two.merge("bob", "ada")
    with pytest.raises(ConflictError, match="bob is merged into ada already") as failed:
        two.merge("bob", "eve")
    assert failed.value.hint == "to take it out again: funnelflow unmerge bob"
    with pytest.raises(ConflictError, match="bob is merged into ada, so ada cannot be merged"):
        two.merge("ada", "bob")
    with pytest.raises(UsageError, match="merge is no event to record"):
        two.record("ada", "merge")
    with pytest.raises(UsageError, match="which no void takes back"):
        two.void("ada", [3], "a mistake")
    assert two.verify().findings == ()


def test_a_dry_run_says_what_would_be_and_stores_nothing(two):
    before = rows_of(two, *TABLES)
    planned = two.merge("bob", "ada", dry_run=True)
    assert rows_of(two, *TABLES) == before
    assert planned == evolve(two.merge("bob", "ada"), dry_run=True, run=None)
    merged = rows_of(two, *TABLES)
    planned = two.unmerge("bob", dry_run=True)
    assert rows_of(two, *TABLES) == merged
    assert planned == evolve(two.unmerge("bob"), dry_run=True, run=None)


def test_taking_back_what_was_addressed_to_a_merged_contact_changes_the_whole_story(two):
    two.merge("bob", "ada")
    two.void("bob", [1], "a mistake")
    assert stands(two, "ada")[2]["budget"] == 3
    assert two.verify().findings == ()


def test_a_key_gives_the_answer_of_the_whole_story_again(two):
    two.merge("bob", "ada")
    first = two.record("bob", "called", at=T0 + 4 * DAY, key="k")
    again = two.record("bob", "called", at=T0 + 4 * DAY, key="k")
    assert again.duplicate
    assert again.decision.considered == first.decision.considered
    assert again.decision.before == first.decision.before


def test_a_file_and_an_import_go_on_with_the_whole_story(two, write):
    two.merge("bob", "ada")
    events = "contact,event,at\nbob,called,2026-03-08T09:00:00Z\nada,called,2026-03-07T09:00:00Z\n"
    two.apply(write(events, "events.csv"), FileOptions(chunk=1))
    assert stands(two, "ada") == stands(two, "bob")
    same = two.import_contacts(write("contact,email\nbob,ada@example.com\n", "people.csv"))
    assert same.counts.unchanged == 1
    assert two.verify().findings == ()


def test_time_and_a_new_version_take_the_whole_story_on(two, directory):
    two.merge("bob", "ada")
    path = directory / "pipeline.yaml"
    path.write_text(
        PIPELINE.replace("version: 1", "version: 2").replace("budget > 0", "budget > 8")
    )
    two.adopt(path)
    together = stands(two, "ada")
    two.tick(T0 + 99 * DAY)
    assert two.verify().findings == ()
    two.unmerge("bob")
    two.merge("bob", "ada")
    assert two.verify().findings == ()
    assert stands(two, "ada") == together


def test_a_merge_that_somebody_altered_is_found(two):
    two.merge("bob", "ada")
    with writing(two.context.engine) as connection:
        connection.execute(update(contacts).values(merged_into=None))
    (found,) = two.verify().findings
    assert found.what == "whose story it is part of is not what the evidence gives"


def test_whoever_looked_before_something_came_for_either_is_told_so(two):
    two.merge("bob", "ada")
    looked = two.contact("ada").sequence
    assert looked == two.contact("bob").sequence == len(two.history("ada").rows) == 5
    assert [found.sequence for found in two.list()] == [5]
    two.record("bob", "called", at=T0 + 4 * DAY)
    with pytest.raises(ConflictError, match="ada has changed meanwhile: called"):
        two.set("ada", {"budget": 1}, expect=looked)
    two.set("ada", {"budget": 1}, expect=looked + 1)
    two.set("bob", {"budget": 2}, expect=looked + 2)


def test_messages_are_about_the_one_who_is_left(directory, workspace, clock):
    clock.now = T0 + 100 * DAY
    with (directory / "funnelflow.toml").open("a") as file:
        file.write('[[notify]]\nchannel = "log"\n')
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    workspace.add("bob", at=T0)
    workspace.record("bob", "subscribed", at=T0 + DAY)

    def sent():
        found = Outbox(workspace.engine).messages(limit=100)
        return [(m.contact_id, m.data["before"], m.data["after"]) for m in found]

    assert sent() == []
    workspace.merge("bob", "ada")
    assert sent() == [("ada", "target", "lead.fresh")]
    workspace.record("bob", "gave_up", at=T0 + 2 * DAY)
    assert sent()[1:] == [("ada", "lead.fresh", "lost")]
    workspace.unmerge("bob")
    assert sent()[2:] == [("ada", "lost", "target")]


def test_one_transaction_may_merge_and_give_back_and_go_on(two):
    def work(unit):
        unit.load(["ada", "bob"])
        about = (unit.chain("bob").number,)
        for event in ("merge", "unmerge", "merge"):
            unit.take(Change("ada", event, about=about))
            unit.take(Change("bob", "called", T0 + 4 * DAY))
            unit.take(Change("bob", "set", T0 + DAY, {"tags": [event]}))
        unit.take(Change("ada", "unmerge", about=about))
        unit.take(Change("bob", "gave_up", T0 + 5 * DAY))
        unit.write()

    before = stands(two, "ada")
    two.context.transact(work)
    assert stands(two, "ada") == before
    assert stands(two, "bob")[0] == "lost"
    assert two.verify().findings == ()


def test_a_merge_under_a_key_happens_once_and_so_does_giving_back(two):
    merged = two.merge("bob", "ada", key="m", reason="the same person", at=T0)
    told = rows_of(two, *TABLES)
    again = two.merge("bob", "ada", key="m", reason="the same person")
    assert (again.duplicate, again.run, again.sequence) == (True, None, merged.sequence)
    assert again.restated == merged.restated
    with pytest.raises(ConflictError, match="differs in: reason"):
        two.merge("bob", "ada", key="m")
    assert (rows_of(two, *TABLES), len(two.runs())) == (told, 1)
    given = two.unmerge("bob", key="u")
    assert two.unmerge("bob", key="u") == evolve(given, run=None, duplicate=True)
    assert two.merge("bob", "ada", key="m", reason="the same person").duplicate
    with pytest.raises(ConflictError):
        two.unmerge("bob", key="m")
    assert two.verify().findings == ()
    assert two.history("ada", event="merge").rows[0].at == T0


def test_a_merge_that_puts_somebody_into_other_funnels_says_where_they_stand(two, directory):
    text = PIPELINE.replace("funnel: pipeline", "funnel: upsell")
    (directory / "upsell.yaml").write_text(text)
    two.adopt(directory / "upsell.yaml")
    for name, days in {"bob": 1, "ada": 4}.items():
        two.enter(name, "upsell", at=T0 + days * DAY)
    two.leave("bob", "upsell", at=T0 + 5 * DAY)
    two.leave("ada", "pipeline", at=T0 + 6 * DAY)
    merged = two.merge("bob", "ada", key="m")
    (position,) = two.contact("ada").positions
    assert (position.funnel, merged.restated.stage) == ("pipeline", position.contact.stage)
    assert two.merge("bob", "ada", key="m").duplicate
    assert [one.restated.stage for one in (two.unmerge("bob"),)] == ["target"]
    assert two.verify().is_sound


def test_a_contact_that_is_back_in_its_first_funnel_begins_with_its_own_story(two, directory):
    text = PIPELINE.replace("funnel: pipeline", "funnel: upsell")
    (directory / "upsell.yaml").write_text(text)
    two.adopt(directory / "upsell.yaml")
    two.enter("ada", "upsell", at=T0 + 4 * DAY)
    two.merge("ada", "bob")
    two.leave("bob", "pipeline", at=T0 + 5 * DAY)
    two.unmerge("ada")
    assert [one.funnel for one in two.contact("bob").positions] == ["pipeline"]
    assert two.contact("bob").created_at == T0 + DAY
    assert two.verify().is_sound
