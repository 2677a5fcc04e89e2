"""What one record takes: each count on something small, then the whole on this checkout."""

import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest
import trace_record
from trace_record import Calls, Files, Listener, Statements

MODULES = {
    "__init__.py": "",
    "ran.py": "from p.deco import keep\n@keep\ndef run(f):\n    return [f() for _ in range(2)]\n",
    "deco.py": "def keep(function):\n    return function\n",
    "idle.py": "class Idle:\n    xs = [i for i in range(3)]\n    def run(self): ...\n",
    "engine/__init__.py": "",
    "engine/machine.py": "class Machine:\n    def step(self):\n        return inner()\n"
    "def inner():\n    return 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `p` with an engine, to be imported."""
    for name, text in MODULES.items():
        path = tmp_path / "p" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "p"
    for name in [n for n in sys.modules if n.split(".")[0] == "p"]:
        del sys.modules[name]


@pytest.fixture
def calls(package):
    """What was noted while the package was imported and one function of it ran."""
    before = sys.getprofile()
    calls = Calls(package)
    calls.start()
    try:
        import p.idle  # noqa: PLC0415
        import p.ran  # noqa: PLC0415
        from p.engine.machine import Machine  # noqa: PLC0415

        p.ran.run(Machine().step)
    finally:
        calls.stop()
        sys.setprofile(before)
    return calls


def names(paths: set[str]) -> set[str]:
    return {Path(path).name for path in paths}


def test_a_file_runs_when_one_of_its_functions_does(calls):
    assert names(calls.run) == {"ran.py", "deco.py", "machine.py"}


def test_what_runs_only_while_modules_are_imported_is_told_apart(calls):
    assert names(calls.run_later) == {"ran.py", "machine.py"}


def test_calls_into_the_engine_are_those_from_other_packages(calls):
    assert calls.in_engine == {"Machine.step": 2, "inner": 2}
    assert calls.into_engine == {"Machine.step": 2}


def test_transactions_are_divided_and_those_that_write_are_known():
    seen = Statements()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.set_trace_callback(Listener(seen))
    for statement in (
        "PRAGMA foreign_keys = ON",
        "CREATE TABLE t (x)",
        "BEGIN IMMEDIATE",
        "INSERT INTO t VALUES (1)",
        "SELECT x FROM t",
        "COMMIT",
        "BEGIN",
        "SELECT 'INSERT INTO t' FROM t",
        "ROLLBACK",
        "BEGIN",
        "WITH one AS (SELECT 1) INSERT INTO t SELECT * FROM one",
    ):
        connection.execute(statement)
    connection.close()
    assert [(t.begin, t.statements, t.writes, t.end) for t in seen.transactions] == [
        ("BEGIN IMMEDIATE", 2, True, "COMMIT"),
        ("BEGIN", 1, False, "ROLLBACK"),
        ("BEGIN", 1, True, ""),
    ]
    assert [t.writes for t in seen.alone] == [True]


def test_connections_have_transactions_of_their_own():
    seen = Statements()
    first, second = Listener(seen), Listener(seen)
    first("BEGIN")
    second("SELECT 1")
    first("COMMIT")
    assert [t.statements for t in seen.transactions] == [0]
    assert len(seen.alone) == 1


@pytest.mark.parametrize(
    ("path", "mode", "flags", "reads"),
    [
        ("/a/funnelflow.toml", "r", 0, 1),
        (b"funnelflow.toml", "rb", 0, 1),
        ("funnelflow.toml", "r+", 0, 1),
        ("funnelflow.toml", "w", 0, 0),
        ("funnelflow.toml", None, os.O_RDONLY | os.O_CLOEXEC, 1),
        ("funnelflow.toml", None, os.O_WRONLY | os.O_CREAT, 0),
        ("other.toml", "r", 0, 0),
        (3, "r", 0, 0),
    ],
)
def test_only_openings_of_the_settings_for_reading_count(path, mode, flags, reads):
    files = Files()
    files.hear("open", (path, mode, flags))
    files.hear("os.listdir", (path,))
    assert files.settings_read == reads


def test_only_the_projects_own_modules_are_timed():
    text = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1500 |       9000 | funnelflow\n"
        "import time:       500 |        500 |   funnelflow.cli\n"
        "import time:      7000 |       7000 | funnelflows\n"
    )
    assert trace_record.own_milliseconds(text) == 2.0


def test_a_name_that_the_source_no_longer_has_is_missing(package):
    assert trace_record.functions_of(package / "engine") == {"Machine.step", "inner"}
    assert "no such function" in trace_record._times(None)


def test_a_checkout_that_cannot_record_is_an_error_with_its_words(tmp_path):
    package = tmp_path / "src" / trace_record.PROJECT
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys; sys.exit('broken')\n")
    with pytest.raises(RuntimeError, match="broken"):
        trace_record.measure(tmp_path)


def test_a_record_is_measured_on_this_checkout():
    watched, milliseconds = trace_record.measure(trace_record.ROOT, runs=1)
    assert set(watched.run_importing) < set(watched.run) < set(watched.imported)
    assert all(name.startswith("funnelflow/") for name in watched.imported)
    assert any(t.writes and t.end == "COMMIT" for t in watched.transactions)
    assert watched.settings_read >= 1
    assert watched.named_calls.keys() == {trace_record.STEP}
    assert all(count for count in watched.named_calls.values()), "a name at the top is no more"
    assert milliseconds > 0


def test_the_measures_are_printed_as_text_and_as_json(monkeypatch, capsys):
    watched = trace_record.Watched(
        run=["funnelflow/a.py"],
        run_importing=[],
        imported=["funnelflow/a.py", "funnelflow/b.py"],
        transactions=[trace_record.Transaction("BEGIN", 1, True, "COMMIT")],
        alone=[],
        settings_read=1,
        engine_calls={"decide": 2},
        named_calls={"Funnel.step": None},
    )
    monkeypatch.setattr(trace_record, "measure", lambda _root: (watched, 12.4))
    assert trace_record.main([]) == 0
    text = capsys.readouterr().out
    assert "  BEGIN … COMMIT: writes, 1 statement\n" in text
    assert "files that are merely imported: 1 (2 imported in all)" in text
    assert "  decide: 2 times\n" in text
    assert text.endswith("importing its own modules: 12 ms\n")
    assert trace_record.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["own_import_ms"] == 12.4
