"""The mutation run: on a small project whose tests notice some changes and not others."""

import sys
from pathlib import Path

import mutate
import pytest
from mutants import Change

CODE = '''\
"""Sums."""


def bigger(a, b):
    """Return the bigger one."""
    return a if a > b else b


def unwatched(a):
    """Return one more."""
    return a + 1
'''
LOOP = '''\
"""Loops."""


def countdown(a):
    """Return the numbers down to 1."""
    found = []
    while a:
        found.append(a)
        a -= 1
    return found
'''
TESTS = """\
import subprocess
import sys

import toy.sums
from toy.loops import countdown
from toy.sums import bigger


def test_bigger():
    assert (bigger(1, 2), bigger(2, 1)) == (2, 1 + 1)


def test_countdown():
    assert countdown(2) == [2, 1]


def test_a_new_process_imports_the_same():
    code = "import toy.sums; print(toy.sums.__file__)"
    done = subprocess.run([sys.executable, "-c", code], env={}, cwd="/", capture_output=True)
    assert done.stdout.decode().strip() == toy.sums.__file__
"""
SUMS, LOOPS = Path("src/toy/sums.py"), Path("src/toy/loops.py")


@pytest.fixture
def project(tmp_path):
    """A project with two modules, and tests for them."""
    for name, text in {
        "src/toy/__init__.py": "",
        SUMS: CODE,
        LOOPS: LOOP,
        "tests/sums/test_sums.py": TESTS,
        "tests/sums/test_slow.py": "def test_nothing():\n    pass\n",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['-ra']\n",
    }.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "project"


def mutant_of(old: str, new: str, number: int = 1) -> mutate.Mutant:
    start = CODE.index(old)
    change = Change(SUMS, start, start + len(old), new, "made up", CODE[:start].count("\n") + 1)
    return mutate.Mutant(change, CODE.replace(old, new).encode(), number)


def test_changes_are_noticed_or_survive_and_the_tree_stays_as_it_is(project, capsys):
    arguments = ["sums", "--root", str(project), "--count", "6", "--jobs", "2", "--seed", "4"]
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert mutate.main(arguments) == 0
    out, err = capsys.readouterr()
    assert "noticed by tests/sums/test_sums.py" in err
    survived = out.partition("survived: ")[2]
    assert "  -    return a + 1\n" in survived
    assert "if a <= b" not in survived
    assert before == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_each_outcome_is_told_apart(project, tmp_path):
    copy = mutate.Copy(project, tmp_path / "copy")
    order, _ = mutate.baseline(copy, mutate.tests_at(project, [Path("tests/sums")]))
    endless = LOOP.replace("a -= 1", "a += 0")
    tried = [
        (mutant_of("a > b", "a < b"), 60),
        (mutant_of("a > b", "a >= b", 2), 60),
        (mutate.Mutant(Change(LOOPS, 0, 0, "", "made up", 1), endless.encode(), 3), 3),
        (mutant_of("a > b", "a < b", 4), 60),
    ]
    results = [mutate.run_one(copy, mutant, order, timeout) for mutant, timeout in tried]
    assert [r.outcome for r in results] == ["noticed", "survived", "timed out", "noticed"]
    assert results[0].by == "tests/sums/test_sums.py"
    assert (copy.tree / SUMS).read_text(encoding="utf-8") == CODE


def test_tests_that_fail_anyway_are_refused(project, capsys):
    (project / "tests/sums/test_slow.py").write_text("def test_nothing():\n    assert False\n")
    assert mutate.main(["sums", "--root", str(project)]) == 1
    assert "the tests fail before anything is changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "there is no Python in src/*/gone"),
        (["sums", "--tests", "tests/gone"], "there are no tests in tests/gone"),
    ],
)
def test_a_package_or_tests_that_are_not_there_are_refused(project, capsys, arguments, message):
    with pytest.raises(SystemExit):
        mutate.main([*arguments, "--root", str(project)])
    assert message in capsys.readouterr().err


def test_the_same_seed_draws_the_same_and_another_one_does_not():
    sources = {SUMS: CODE.encode()}
    drawn, possible = mutate.draw(sources, 5, seed=1)
    assert mutate.draw(sources, 5, seed=1) == (drawn, possible)
    assert mutate.draw(sources, 5, seed=2)[0] != drawn
    assert len({m.change for m in drawn}) == 5 < possible
    assert [m.number for m in drawn] == [1, 2, 3, 4, 5]


def test_fewer_changes_than_asked_for_are_all_drawn():
    drawn, possible = mutate.draw({SUMS: CODE.encode()}, 1_000, seed=1)
    assert len(drawn) == possible


def test_files_that_noticed_come_first_then_quick_ones():
    order = mutate.Order(["a", "b", "c"], {"a": 2.0, "b": 0.1, "c": 1.0})
    assert order.now() == ["b", "c", "a"]
    order.note("a")
    assert order.now() == ["a", "b", "c"]


def test_the_report_counts_what_ran_out_of_time_as_noticed():
    results = [
        mutate.Result(mutant_of("a > b", "a >= b"), "survived", ""),
        mutate.Result(mutant_of("a + 1", "a - 1"), "noticed", "tests/sums/test_sums.py"),
        mutate.Result(mutant_of("return a + 1", "pass"), "timed out", ""),
    ]
    assert mutate.render(results, {SUMS: CODE.encode()}).splitlines() == [
        "noticed: 2 of 3 (67%), 1 of them timed out",
        "  timed out: src/toy/sums.py:11: made up",
        "survived: 1",
        "",
        "src/toy/sums.py:6: made up",
        "  @@ -5,3 +5,3 @@",
        '       """Return the bigger one."""',
        "  -    return a if a > b else b",
        "  +    return a if a >= b else b",
    ]


def test_a_script_is_no_program_that_is_taken_along(tmp_path):
    script = tmp_path / "script"
    script.write_bytes(b"#!/bin/sh\n")
    script.chmod(0o755)
    assert not mutate._is_program(script)
    assert not mutate._is_program(Path(sys.executable).parent / "activate")
