"""What columns mean: said, guessed and shown, kept in a file, and read off rows."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import NUMBER, TEXT, Field
from funnelflow.definition import shipped_definitions
from funnelflow.errors import ConfigurationError, Error, UsageError
from funnelflow.ingest.column_matching import match_columns
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.mapping import (
    FileMapping,
    find_mapping,
    mapping_names,
    parse_pairs,
)
from funnelflow.ingest.mapping_files import read_mapping, write_mapping
from funnelflow.ingest.record_parsers import bind_parser

FIELDS = {
    "email": Field("email", TEXT),
    "budget": Field("budget", NUMBER, title="Budget in EUR"),
    "reason": Field("reason", TEXT),
}


def matched(columns, mapping=None, **options):
    """Match columns against the fields of these tests."""
    return match_columns(columns, FIELDS, mapping or FileMapping(), **options)


def tell(columns, record, mapping=None, kind="csv"):
    """Read one record."""
    found = matched(columns, mapping, open_ended=kind == "jsonl")
    return bind_parser(found, columns, kind).parse(record)


def test_columns_with_the_targets_own_names_are_taken():
    found = matched(["contact", "event", "at", "actor", "facts", "to", "key"])
    assert found.mapping.columns == {
        n: n for n in ("contact", "event", "at", "actor", "facts", "to", "key")
    }
    assert found.ignored == ()


def test_well_known_names_are_guessed_and_said_to_be():
    found = matched(["Case ID", "Activity", "Complete Timestamp", "time:timestamp", "Resource"])
    assert {m.target: (m.column, m.how) for m in found.matches} == {
        "contact": ("Case ID", "guessed"),
        "event": ("Activity", "guessed"),
        "at": ("time:timestamp", "guessed"),
        "actor": ("Resource", "guessed"),
    }
    assert found.ignored == ("Complete Timestamp",)


def test_columns_called_like_a_field_or_its_title_are_facts():
    found = matched(["id", "Budget in EUR", "E-Mail", "email"])
    assert found.mapping.columns == {
        "contact": "id",
        "field.budget": "Budget in EUR",
        "field.email": "email",
    }
    assert found.ignored == ("E-Mail",)


def test_a_field_may_be_the_contact_as_well_where_nothing_else_is():
    found = matched(["email", "budget"])
    assert found.mapping.columns["contact"] == "email"
    assert found.mapping.columns["field.email"] == "email"


def test_a_column_that_was_said_to_be_the_contact_may_be_a_fact_as_well():
    found = matched(["email", "budget"], FileMapping(columns={"contact": "email"}))
    assert found.mapping.columns["field.email"] == "email"
    found = matched(["user", "budget"], FileMapping(columns={"contact": "user"}))
    assert "actor" not in found.mapping.columns


def test_a_column_that_was_said_to_be_something_else_is_not_guessed_to_be_another():
    found = matched(["id", "email"], FileMapping(columns={"actor": "email"}))
    assert "field.email" not in found.mapping.columns


def test_what_somebody_said_wins_over_every_guess():
    found = matched(["id", "contact", "email"], FileMapping(columns={"contact": "id"}))
    assert found.mapping.columns["contact"] == "id"
    assert found.ignored == ("contact",)


def test_without_guessing_only_what_was_said_is_read():
    found = matched(["contact", "event"], FileMapping(columns={"contact": "contact"}, guess=False))
    assert found.mapping.columns == {"contact": "contact"}
    assert found.ignored == ("event",)


def test_the_columns_of_a_rejects_file_are_neither_read_nor_ignored():
    found = matched(["contact", "rejected_line", "rejected_column", "rejected_reason"])
    assert found.ignored == ()


@pytest.mark.parametrize(
    "mapping",
    [
        FileMapping(columns={"contact": "nowhere"}),
        FileMapping(columns={"field.bugdet": "contact"}),
        FileMapping(constants={"field.bugdet": "1"}),
        FileMapping(facts={"x": "bugdet"}),
        FileMapping(values={"field.bugdet": {}}),
        FileMapping(columns={"whom": "contact"}),
        FileMapping(columns={"contact": "contact"}, constants={"contact": "ada"}),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(mapping):
    with pytest.raises(UsageError):
        matched(["contact"], mapping)


def test_a_wrong_column_is_answered_with_the_nearest_one():
    with pytest.raises(UsageError) as caught:
        matched(["Prospect ID"], FileMapping(columns={"contact": "prospect id"}))
    assert "Prospect ID" in caught.value.hint


def test_pairs_are_read_as_somebody_types_them():
    assert parse_pairs(["contact=entity_id", "budget = Budget EUR", "field.reason=Why"]) == {
        "contact": "entity_id",
        "field.budget": "Budget EUR",
        "field.reason": "Why",
    }


def test_of_alternatives_the_first_that_the_file_has_is_taken():
    mapping = FileMapping(columns={"contact": ("Record ID", "id"), "at": ("When",)}, guess=False)
    assert matched(["id", "x"], mapping).mapping.columns == {"contact": "id"}


@pytest.mark.parametrize("pairs", [["contact"], ["=x"], ["contact="], ["a=x", "a=y"]])
def test_a_pair_that_is_none_is_refused(pairs):
    with pytest.raises(UsageError):
        parse_pairs(pairs)


def test_a_row_is_parsed_by_its_columns():
    row = tell(
        ["event", "contact", "budget", "key", "at"],
        ["called", " ada ", " 5000 ", "k1", "2026-03-01T09:30:00Z"],
    )
    assert row[:7] == ("ada", "called", "2026-03-01T09:30:00Z", "", "", "", "k1")
    assert row.cells == {"budget": "5000"}


def test_blank_cells_say_nothing():
    assert tell(["contact", "budget"], ["ada", "  "]).cells == {}


def test_placeholders_for_missing_say_nothing_wherever_they_stand():
    mapping = FileMapping(missing=("Select", "-"))
    columns = ["contact", "actor", "budget", "facts"]
    row = tell(columns, ["ada", "-", "Select", '{"email": "Select", "reason": "x"}'], mapping)
    assert row.actor == ""
    assert row.cells == {}
    assert row.facts == {"reason": "x"}


def test_values_and_events_become_what_the_mapping_says():
    mapping = FileMapping(
        events={"A_SUBMITTED": "submitted"},
        values={"field.email": {"none": "x@example.com"}, "actor": {"112": "grace"}},
    )
    row = tell(["contact", "event", "actor", "email"], ["1", "A_SUBMITTED", "112", "none"], mapping)
    assert (row.event, row.actor, row.cells) == (
        "submitted", "grace", {"email": "x@example.com"},
    )  # fmt: skip


@pytest.mark.parametrize("text_facts", [False, True])
def test_a_value_that_becomes_nothing_says_nothing(text_facts):
    mapping = FileMapping(values={"field.email": {"none": ""}}, text_facts=text_facts)
    assert tell(["contact", "email"], ["1", "none"], mapping).cells == {}
    row = tell([], {"contact": "1", "email": "none"}, mapping, "jsonl")
    assert (row.cells, row.facts) == ({}, {})


def test_constants_stand_in_every_row():
    mapping = FileMapping(constants={"event": "subscribed", "field.reason": "list"})
    row = tell(["contact"], ["ada"], mapping)
    assert (row.event, row.cells) == ("subscribed", {"reason": "list"})
    row = tell(["contact"], {"contact": "ada"}, mapping, "jsonl")
    assert (row.event, row.cells) == ("subscribed", {"reason": "list"})


def test_facts_are_typed_json():
    assert tell(["contact", "facts"], ["ada", '{"budget": 5000}']).facts == {"budget": 5000}


def test_facts_are_renamed_left_out_and_read_as_text_where_the_mapping_says_so():
    mapping = FileMapping(facts={"rev": "budget", "junk": ""}, text_facts=True)
    row = tell(["contact", "facts"], ["ada", '{"rev": "5000", "junk": 1, "email": null}'], mapping)
    assert row.cells == {"budget": "5000"}
    assert row.facts == {"email": None}


@pytest.mark.parametrize("facts", ["{", "[1]", '"x"', '{"a": 1, "a": 2}', '{"a": NaN}'])
def test_facts_that_are_no_json_object_name_their_column(facts):
    with pytest.raises(RowError) as caught:
        tell(["contact", "Properties"], ["ada", facts])
    assert caught.value.column == "Properties"


def test_the_members_of_json_lines_are_read_by_name_whatever_the_first_object_had():
    first = ["contact", "event"]
    record = {"contact": 173, "event": "called", "at": "x", "budget": 5, "facts": {"email": "a"}}
    row = tell(first, record, kind="jsonl")
    assert (row.contact, row.at) == ("173", "x")
    assert row.facts == {"email": "a", "budget": 5}


def test_texts_in_json_lines_are_texts_unless_the_mapping_says_otherwise():
    record = {"contact": "ada", "budget": "5"}
    assert tell([], record, kind="jsonl").facts == {"budget": "5"}
    row = tell([], record, FileMapping(text_facts=True), "jsonl")
    assert row.cells == {"budget": "5"}


def test_members_that_nothing_is_read_from_are_remembered():
    found = matched(["contact"], open_ended=True)
    parser = bind_parser(found, ["contact"], "jsonl")
    parser.parse({"contact": "ada", "shoe_size": 38, "_rejected": {}})
    assert list(parser.ignored) == ["shoe_size"]


@pytest.mark.parametrize("value", [True, 1.5, ["x"], {}])
def test_a_member_that_should_be_text_and_is_not_names_itself(value):
    with pytest.raises(RowError) as caught:
        tell(["contact"], {"contact": value}, kind="jsonl")
    assert caught.value.column == "contact"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
PAIRS = st.dictionaries(TEXTS, TEXTS, max_size=3)
MAPPINGS = st.builds(
    FileMapping,
    columns=st.dictionaries(
        st.sampled_from(["contact", "at", "field.budget", "field.a b"]),
        TEXTS | st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    ),
    constants=st.dictionaries(st.sampled_from(["event", "actor", "field.email"]), TEXTS),
    events=PAIRS,
    facts=PAIRS,
    values=st.dictionaries(st.sampled_from(["event", "field.email"]), PAIRS.filter(bool)),
    missing=st.lists(TEXTS, max_size=3).map(tuple),
    text_facts=st.booleans(),
    timezone=st.sampled_from(["", "Europe/Berlin"]),
    guess=st.booleans(),
)


@given(MAPPINGS)
def test_a_mapping_is_read_back_as_it_was_written(tmp_path_factory, mapping):
    path = tmp_path_factory.mktemp("mapping") / "m.toml"
    write_mapping(path, mapping)
    assert read_mapping(path) == mapping


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("columns = 3", ":1", "`columns` must be a table, but this is a number"),
        ("[columns]\nwhom = 'x'", ":2", "`whom` in [columns] must be one of contact, event"),
        ("[constants]\n\nwhom = 'x'", ":3", "`whom` in [constants] must be one of contact"),
        ("[colums]\ncontact = 'x'", ":1", "a mapping file has no 'colums'"),
        ("\nmissing = 'x'", ":2", "`missing` must be a list of texts, but this is text"),
        ("missing = ['x',\n 1]", ":2", "`missing.1` must be text, but this is a number"),
        ("guess = 'no'", ":1", "`guess` must be true or false, but this is text"),
        ("timezone = 2026-01-01", ":1", "`timezone` must be text, but this is a date or time"),
        ("[timezone]", ":1", "`timezone` must be text, but this is a table"),
        ("values = []", ":1", "`values` must be a table, but this is a list"),
        ("[values]\nsource = 'x'", ":2", "`values.source` must be a table, but this is text"),
        ("[values.source]\n\nx = 1.5", ":3", "`values.source.x` must be text, but this is a num"),
        ("[columns]\ncontact = true", ":2", "`columns.contact` must be text, but this is true or"),
        ("[fields]\nbudget = [[]]", ":2", "`fields.budget.0` must be text, but this is a list"),
        ("contact = ?", ":1:11", "Invalid value"),
    ],
)
def test_a_mapping_file_with_a_mistake_says_where_and_by_which_rule(tmp_path, text, place, rule):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(path)
    assert caught.value.message.startswith(f"{path}{place}: {rule}")
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = 1" * 300_000])
def test_a_mapping_file_that_is_none_is_a_clear_error(tmp_path, content):
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    for place in (path, tmp_path, tmp_path / "nowhere.toml"):
        with pytest.raises(Error):
            read_mapping(place)


def test_a_mapping_that_cannot_be_written_is_a_clear_error(tmp_path):
    with pytest.raises(Error):
        write_mapping(tmp_path / "no" / "m.toml", FileMapping())


def test_the_mapping_that_the_documentation_shows_is_one(tmp_path):
    text = (shipped_definitions() / "mappings" / "README.md").read_text()
    path = tmp_path / "shown.toml"
    path.write_text(text.partition("```toml\n")[2].partition("```")[0])
    mapping = read_mapping(path)
    assert mapping.columns["at"] == ("Created", "Date")
    assert mapping.facts == {"rev": "deal_value", "internal_id": ""}
    assert mapping.values == {"field.source": {"Olark Chat": "website"}}
    shown = {field.name for field in attrs.fields(FileMapping)} - {"columns"}
    assert all(f"{name} =" in text or f"[{name}" in text for name in shown)


def test_mapping_files_are_found_by_name_in_the_workspace_before_the_shipped_ones(tmp_path):
    assert "hubspot-contacts" in mapping_names(tmp_path)
    shipped = find_mapping("hubspot-contacts", tmp_path)
    mine = tmp_path / "mappings" / "hubspot-contacts.toml"
    mine.parent.mkdir()
    mine.write_text("")
    assert find_mapping("hubspot-contacts", tmp_path) == mine != shipped
    assert find_mapping(str(mine), tmp_path) == mine
    with pytest.raises(UsageError) as caught:
        find_mapping("hubspot-contact", tmp_path)
    assert "hubspot-contacts" in caught.value.hint


def test_what_is_not_named_is_not_read_where_nothing_may_be_guessed():
    said = {"who": "ada", "contact": "bob", "event": "replied", "to": "customer", "actor": "boss"}
    mapping = FileMapping(columns={"contact": "who"}, guess=False)
    found = matched(("who",), mapping, open_ended=True)
    parser = bind_parser(found, ("who",), "jsonl")
    assert parser.parse({**said, "facts": {"budget": 9000}}) == ("ada", *[""] * 6, {}, {})
    assert {*parser.ignored} == {"contact", "event", "to", "actor", "facts"}
