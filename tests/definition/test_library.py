"""Where names lead: directories in order, then plugins, then what ships."""

from pathlib import Path

import pytest

from funnelflow.definition import Definition, Library, Stage, Vocabulary, shipped_definitions

OFFERED = Definition("offered", Vocabulary("v"), "a", (Stage("a", type="won"),))


@pytest.fixture
def shelves(tmp_path):
    for name in ("near", "far", "shipped"):
        (tmp_path / name / "vocabularies").mkdir(parents=True)
    return tmp_path


def library_of(shelves, **offered):
    return Library((shelves / "near", shelves / "far"), shipped=shelves / "shipped", **offered)


def put(path):
    path.write_text("funnel: x\n")
    return path


def test_the_nearest_file_wins(shelves):
    far = put(shelves / "far" / "x.yaml")
    assert library_of(shelves).find("x") == far
    near = put(shelves / "near" / "x.yml")
    assert library_of(shelves).find("x") == near


def test_a_file_can_be_passed_over(shelves):
    near, far = put(shelves / "near" / "x.yaml"), put(shelves / "far" / "x.yaml")
    assert library_of(shelves).find("x", besides=near) == far


def test_what_a_plugin_offers_comes_before_what_ships(shelves):
    shipped = put(shelves / "shipped" / "offered.yaml")
    assert library_of(shelves).find("offered") == shipped
    assert library_of(shelves, definitions={"offered": OFFERED}).find("offered") is None


def test_vocabularies_are_in_a_folder_of_their_own(shelves):
    put(shelves / "near" / "v.yaml")
    below = put(shelves / "far" / "vocabularies" / "v.yaml")
    assert library_of(shelves).find_vocabulary("v") == below
    assert library_of(shelves).vocabulary_names() == ("v",)


def test_names_are_listed_once_and_sorted(shelves):
    for path in ("near/b.yaml", "far/b.yml", "shipped/a.yaml", "far/notes.txt"):
        put(shelves / path)
    assert library_of(shelves, definitions={"c": OFFERED}).names() == ("a", "b", "c")


@pytest.mark.parametrize(
    "name", ["", "../near/x", "x/y", "/x", ".x", "x.yaml", "x\0", "a b", "x" * 99]
)
def test_what_is_no_name_leads_nowhere(shelves, name):
    put(shelves / "near" / "x.yaml")
    assert library_of(shelves).find(name) is None
    assert library_of(shelves).find_vocabulary(name) is None


def test_directories_that_do_not_exist_are_passed_over(tmp_path):
    library = Library((tmp_path / "none",), shipped=None)
    assert library.find("standard") is None
    assert library.names() == ()


def test_beside_a_file_its_own_directory_comes_first(shelves):
    library = library_of(shelves).beside(shelves / "far" / "x.yaml")
    assert library.directories == (shelves / "far", shelves / "near")
    assert library.beside(shelves / "far" / "y.yaml") is library


def test_what_ships_is_found_by_name():
    assert Library().find("standard") == Path(shipped_definitions()) / "standard.yaml"
    assert {"standard", "dialogue"} <= set(Library().names())
    assert Library().find_vocabulary("standard").name == "standard.yaml"
