"""What other systems send: a few records at a time, once each, and stored whole."""

import threading
import unicodedata

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.errors import StoreError, UnknownNameError, UsageError
from funnelflow.ingest import FileOptions, IncomingRecord, kept_records
from funnelflow.ingest.contact_matching import _plain_part
from funnelflow.ingest.mapping import FileMapping
from funnelflow.ingest.receive import own_key
from funnelflow.storage.changes import is_id, plain_name
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0
from .applying import story

MAPPING = FileMapping(
    columns={"contact": "who", "event": "what", "at": "when", "key": "id", "facts": "facts"},
    guess=False,
)
BY_EMAIL = FileMapping(
    columns={"field.email": "email", "key": "id"},
    constants={"event": "subscribed", "at": "now"},
    match="email",
    guess=False,
)


@pytest.fixture
def workspace(directory, database, clock):
    """Give an empty workspace, long after what is sent, whose contacts are named by addresses."""
    clock.now = T0 + 300 * DAY
    path = directory / "pipeline.yaml"
    path.write_text(
        path.read_text().replace("email: text", "email: {type: text, identifying: true}")
    )
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as made:
        yield made


def records(*said):
    """Give records."""
    return [IncomingRecord(one) for one in said]


def happened(number, what="replied", *, who="ada", day=1, **facts):
    """Give a record about somebody."""
    when = (T0 + day * DAY).isoformat()
    return {"id": f"m{number}", "who": who, "what": what, "when": when, "facts": facts}


def receive(workspace, *said, mapping=MAPPING, source="crm", **more):
    """Receive records, and give what came of them."""
    options = FileOptions(mapping=mapping, actor="crm")
    return workspace.receive(records(*said), options, source=source, create=True, **more)


def test_records_are_recorded_with_who_sent_them(workspace):
    found = receive(workspace, happened(1, "subscribed", email="ada@example.com"), happened(2))
    assert (found.counts.rows, found.counts.moved, found.rejected) == (2, 1, ())
    assert story(workspace) == ["add", "subscribed", "replied"]
    assert {row.actor for row in workspace.history("ada").rows} == {"crm"}
    assert workspace.runs() == ()
    assert workspace.verify().is_sound


def test_a_delivery_that_comes_again_is_counted_and_changes_nothing(workspace):
    first = receive(workspace, happened(1), happened(2))
    again = receive(workspace, happened(2), happened(1), happened(2))
    assert (first.counts.repeated, again.counts.repeated) == (0, 3)
    assert story(workspace) == ["add", "replied", "replied"]


def test_keys_are_their_senders_own(workspace):
    receive(workspace, happened(1), source="crm")
    assert receive(workspace, happened(1), source="shop").counts.repeated == 0
    assert story(workspace) == ["add", "replied", "replied"]


def test_what_has_no_key_counts_once_for_what_it_says(workspace):
    one, other = happened(1), happened(1, day=2)
    for said in (one, other):
        del said["id"]
    receive(workspace, one, other)
    assert receive(workspace, one).counts.repeated == 1
    assert story(workspace) == ["add", "replied", "replied"]


def test_the_sender_s_key_counts_where_the_mapping_names_none(workspace):
    said = happened(1)
    del said["id"]
    options = FileOptions(mapping=MAPPING)
    for when, repeated in (("k1", 0), ("k2", 0), ("k1", 1)):
        found = workspace.receive(
            [IncomingRecord(said, key=when)], options, source="crm", create=True
        )
        assert found.counts.repeated == repeated


def test_what_cannot_be_used_is_set_aside_and_the_rest_is_recorded(workspace):
    bad = happened(2, "no_such_event")
    found = receive(workspace, happened(1), bad, {"who": 1.5}, happened(3))
    assert [one.line for one in found.rejected] == [2, 3]
    assert found.rejected[0].record == bad
    assert "no_such_event" in found.rejected[0].reason
    assert story(workspace) == ["add", "replied", "replied"]


def test_the_same_key_with_other_content_is_set_aside(workspace):
    receive(workspace, happened(1))
    found = receive(workspace, happened(1, "gave_up"))
    assert "differs in: event" in found.rejected[0].reason
    assert story(workspace) == ["add", "replied"]


def test_nobody_unknown_is_added_unless_that_is_said(workspace):
    options = FileOptions(mapping=MAPPING)
    found = workspace.receive(records(happened(1)), options, source="crm")
    assert "ada" in found.rejected[0].reason
    assert list(workspace.list()) == []


def test_a_mapping_that_does_not_fit_stores_nothing(workspace):
    with pytest.raises(UnknownNameError, match="budgett"):
        receive(workspace, happened(1), mapping=evolve(MAPPING, facts={"x": "budgett"}))
    assert list(workspace.list()) == []


def test_what_comes_late_counts_when_it_happened(workspace):
    receive(workspace, happened(1, "subscribed", day=9, email="a@example.com"))
    found = receive(workspace, happened(2, day=5), happened(3, "replied", day=12))
    assert found.counts.late == 1
    by_time = workspace.history("ada", by_time=True).rows
    assert [row.event for row in by_time if row.event != "add"] == [
        "replied",
        "subscribed",
        "replied",
    ]


def test_a_dry_run_stores_nothing(workspace):
    options = FileOptions(mapping=MAPPING, dry_run=True)
    found = workspace.receive(records(happened(1)), options, source="crm", create=True)
    assert found.counts.created == 1
    assert list(workspace.list()) == []


def test_somebody_erased_is_not_brought_back(workspace):
    receive(workspace, happened(1))
    workspace.erase("ada")
    assert receive(workspace, happened(1), happened(2)).counts.erased == 2
    assert list(workspace.list()) == []


def test_contacts_are_found_by_an_address_however_it_is_written(workspace):
    workspace.add("7", {"email": "Ada@Example.com"})
    receive(workspace, {"email": " ada@example.COM", "id": 1}, mapping=BY_EMAIL)
    receive(workspace, {"email": "grace@example.com", "id": 2}, mapping=BY_EMAIL)
    receive(workspace, {"email": "Grace@example.com", "id": 3}, mapping=BY_EMAIL)
    assert story(workspace, "7") == ["add", "subscribed"]
    assert story(workspace, "grace@example.com") == ["add", "subscribed", "subscribed"]
    assert len(list(workspace.list())) == 2


def test_nobody_is_found_by_a_part_of_an_address(workspace):
    workspace.add("7", {"email": "xada@example.com"})
    workspace.add("8", {"email": "ada@example.com.org", "tags": ["ada@example.com"]})
    receive(workspace, {"email": "ada@example.com", "id": 1}, mapping=BY_EMAIL)
    assert story(workspace, "ada@example.com") == ["add", "subscribed"]
    assert (story(workspace, "7"), story(workspace, "8")) == (["add"], ["add"])


def test_somebody_who_comes_twice_in_a_delivery_is_added_once(workspace):
    said = [{"email": name, "id": n} for n, name in enumerate(("a@x.org", "A@x.org"))]
    assert receive(workspace, *said, mapping=BY_EMAIL).counts.created == 1


def test_an_address_of_two_contacts_is_set_aside(workspace):
    for name in "78":
        workspace.add(name, {"email": "ada@example.com"})
    found = receive(workspace, {"email": "ada@example.com", "id": 1}, mapping=BY_EMAIL)
    assert "names 2 contacts: 7, 8" in found.rejected[0].reason


def test_what_was_recorded_stays_with_whom_it_was_about(workspace):
    said = {"email": "ada@example.com", "id": 1}
    receive(workspace, said, mapping=BY_EMAIL)
    workspace.set("ada@example.com", {"email": "byron@example.com"})
    assert receive(workspace, said, mapping=BY_EMAIL).counts.repeated == 1
    assert len(list(workspace.list())) == 1


def test_what_happened_when_it_was_received_keeps_that_time(workspace):
    kept = IncomingRecord({"email": "a@x.org", "id": 1}, received=T0)
    options = FileOptions(mapping=BY_EMAIL)
    workspace.receive([kept], options, source="crm", create=True)
    assert [row.at for row in workspace.history("a@x.org", event="subscribed").rows] == [T0]
    again = [evolve(kept, received=T0 + DAY), evolve(kept, received=None)]
    assert workspace.receive(again, options, source="crm", create=True).counts.repeated == 2


def kept(workspace, source=None):
    """Give what is kept."""
    return workspace.kept_records(source)


def test_what_cannot_be_used_is_kept_once_and_privately(workspace, directory):
    bad = happened(2, "no_such_event")
    for _ in range(2):
        receive(workspace, happened(1), bad)
    (one,) = kept(workspace)
    assert (one.source, one.data, one.column) == ("crm", bad, "what")
    assert "no_such_event" in one.reason
    assert workspace.kept_records("shop") == []
    (path,) = (directory / "rejects" / "received" / "crm").iterdir()
    modes = [place.stat().st_mode & 0o777 for place in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_what_is_kept_counts_when_the_mapping_is_corrected(workspace):
    receive(workspace, happened(1, "answered"), happened(2, "refused"))
    mapping = evolve(MAPPING, events={"answered": "replied"})
    options = FileOptions(mapping=mapping, actor="crm")
    found = workspace.retry_kept(options, source="crm", create=True)
    assert (found.counts.rows, found.counts.rejected) == (2, 1)
    (left,) = kept(workspace)
    assert left.data["what"] == "refused"
    assert story(workspace) == ["add", "replied"]
    again = receive(workspace, happened(1, "answered"), mapping=mapping)
    assert again.counts.repeated == 1


def test_trying_again_without_storing_keeps_what_is_kept(workspace):
    receive(workspace, happened(1, "answered"))
    mapping = evolve(MAPPING, events={"answered": "replied"})
    options = FileOptions(mapping=mapping, dry_run=True)
    assert workspace.retry_kept(options, source="crm", create=True).counts.rejected == 0
    assert len(kept(workspace)) == 1
    assert list(workspace.list()) == []


def test_what_happened_when_it_was_received_counts_then_when_it_is_tried_again(workspace, clock):
    workspace.set_aside([IncomingRecord({"email": "a@x.org"}, key="7")], "no", source="crm")
    (one,) = kept(workspace)
    clock.now += 3 * DAY
    workspace.retry_kept(FileOptions(mapping=BY_EMAIL), source="crm", create=True)
    assert [row.at for row in workspace.history("a@x.org", event="subscribed").rows] == [
        one.received
    ]
    assert kept(workspace) == []


def test_no_more_is_kept_than_there_is_room_for(workspace, monkeypatch):
    monkeypatch.setattr(kept_records, "MOST", 2)
    receive(workspace, happened(1, "x"), happened(2, "x"))
    with pytest.raises(StoreError, match="2 records of 'crm'"):
        receive(workspace, happened(3, "x"))
    receive(workspace, happened(2, "x"))


def test_whoever_is_erased_is_in_nothing_that_is_kept(workspace, directory):
    workspace.add("7", {"email": "Ada@example.com"})
    said = [{"who": "7", "what": "x"}, {"traits": {"email": "ada@example.com"}}, {"who": "8"}]
    receive(workspace, *said)
    workspace.erase("7")
    assert [one.data for one in kept(workspace)] == [{"who": "8"}]
    assert len(list((directory / "rejects" / "received" / "crm").iterdir())) == 1


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a" * 65, "ä"])
def test_no_source_leads_out_of_its_directory(workspace, name):
    with pytest.raises(UsageError, match="name of a source"):
        receive(workspace, happened(1), source=name)


def test_what_is_kept_and_altered_is_a_clear_error(workspace, directory):
    receive(workspace, happened(1, "x"))
    (path,) = (directory / "rejects" / "received" / "crm").iterdir()
    path.write_text("{}")
    with pytest.raises(StoreError, match="is no record as it was kept"):
        kept(workspace)


def test_several_at_the_same_time_add_one_contact(workspace):
    answers, together = [], threading.Barrier(6)

    def send(number):
        together.wait()
        said = {"email": "ada@example.com" if number % 2 else "ADA@example.com", "id": number}
        answers.append(receive(workspace, said, mapping=BY_EMAIL))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.rejected for one in answers] == [()] * 6
    assert sum(one.counts.created for one in answers) == 1
    (ada,) = workspace.list()
    assert story(workspace, ada.id) == ["add", *["subscribed"] * 6]
    assert workspace.verify().is_sound


def test_no_character_stands_for_a_plain_one_but_by_its_case():
    for number in range(0x80, 0x110000):
        if not 0xD800 <= number < 0xE000:
            name = plain_name(chr(number))
            assert not (name.isascii() and _plain_part(name)), hex(number)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_plain_part_stands_in_all_that_means_the_same(text):
    part = _plain_part(plain_name(text))
    for written in (text, text.upper(), unicodedata.normalize("NFD", text)):
        if plain_name(written) == plain_name(text):
            assert part in written.lower()


@given(st.text())
def test_every_key_of_a_sender_can_be_a_key(text):
    assert is_id(own_key("crm", text))
