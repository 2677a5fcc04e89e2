"""The measures of the source: each on a tree made for it, where the right number is plain."""

import json
from pathlib import Path

import pytest
import structure

KINDS = '''\
"""A module.

With a blank line in its docstring.
"""

import os
from a import (  # why
    b,
)

__all__ = [
    "F",
]

# A comment.
F = 1  # not a comment line
"""What F is."""
TEXT = """
# text, no comment

"""
'''


@pytest.fixture
def tree(tmp_path: Path):
    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            if path.name == "init.py":
                path = path.with_name("__init__.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_every_line_has_one_kind():
    kinds = structure.line_kinds(KINDS)
    assert len(kinds) == len(KINDS.splitlines())
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "docstring": 5,
        "blank": 3,
        "imports": 4,
        "__all__": 3,
        "comment": 1,
        "code": 5,
    }


def test_packages_are_those_that_are_there(tree):
    root = tree(src__p__init="", src__p__one__a="x = 1\n\n", src__p__one__two__b="y = 1\n")
    assert structure.measure(root).packages == {
        ".": structure.Size(1, 0),
        "one": structure.Size(2, 3),
    }


def test_a_module_is_imported_by_each_way_of_saying_it(tree):
    root = tree(
        src__p__a="",
        src__p__b="import p.a\n",
        src__p__c="from p import a\n",
        src__p__d="def f():\n    from p.a import x\n",
        src__p__e="import p.a.b.c, os\n",
    )
    found = structure.importers(structure.read_modules(root / "src"))
    assert found == {"p.a": {"p.b", "p.c", "p.d"}}


def test_modules_with_one_importer_are_counted_and_the_short_ones_apart(tree):
    long = "x = 1\n" * structure.SHORT
    root = tree(
        src__p__init="from p import long, short, both\n",
        src__p__long=long,
        src__p__short="import p.both\n",
        src__p__both="",
    )
    found = structure.measure(root)
    assert found.one_importer == ["p.long", "p.short"]
    assert found.short_one_importer == ["p.short"]


def test_names_that_stand_twice_are_found_with_their_places(tree):
    root = tree(
        src__p__cli__one__init="",
        src__p__cli__two__init="",
        src__p__cli__one__show="class A: ...\nclass _B: ...\n",
        src__p__cli__two__show="class _B: ...\n",
        src__p__other__more="\nclass A: ...\n",
        src__p__cli__more="",
    )
    found = structure.measure(root)
    assert list(found.files_twice_below_cli) == ["show.py"]
    assert list(found.files_twice) == ["more.py", "show.py"]
    assert found.classes_twice == {"A": ["p/cli/one/show.py:1", "p/other/more.py:2"]}


def test_tests_are_counted_by_directory(tree):
    root = tree(
        src__p__init="x = 1\n",
        tests__test_top="def test_a(): ...\n",
        tests__one__test_b="def helper(): ...\n\nasync def test_b():\n    def inner(): ...\n",
    )
    assert structure.measure(root).tests == {
        ".": structure.Tests(1, 1),
        "one": structure.Tests(1, 4),
    }


def test_the_measures_are_printed_as_text_and_as_json(tree, capsys):
    root = tree(src__p__init="x = 1\n", tests__test_top="def test_a(): ...\n")
    assert structure.main(["--root", str(root)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "package  files  lines\n.            1      1\nall          1      1\n\n"
    )
    assert "lines of tests to lines of source: 1.00" in text
    assert structure.main(["--root", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packages"] == {".": {"files": 1, "lines": 1}}


def test_a_directory_without_source_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        structure.main(["--root", str(tmp_path)])
    assert "there is no Python below" in capsys.readouterr().err


def test_every_line_of_this_source_is_counted_once():
    found = structure.measure(structure.ROOT)
    assert sum(found.kinds.values()) == sum(size.lines for size in found.packages.values()) > 0
