"""Measure what one `funnelflow record` takes: files, transactions, reads, runs of the engine.

    python tools/trace_record.py [--root DIR] [--json]

Makes a workspace with the shipped definition `standard` on SQLite, adds a contact, and records one
event about it, each in a process of its own; `--root` has another checkout do it, with the
libraries that are installed here. The one that records is watched from inside, and nothing of the
project is replaced for it:

- *files that run* have a function of which at least one line is executed (a profiler is told of
  every call); the body of a module or a class is no function. Some run only while modules are
  imported, decorators for example; they are counted apart. The others are merely imported.
- *transactions* are read off the SQL that SQLite is given: from `BEGIN` to `COMMIT` or `ROLLBACK`.
  One writes if a statement in it changes rows or tables. What is executed outside of any is a
  transaction by itself and counted apart; pragmas are none.
- *reads of the settings* are the times that `funnelflow.toml` is opened for reading.
- *calls into the engine* come from another package of the project; by name, so is the one that runs
  an event (`STEP`). A name that the source no longer has is reported as missing, not as 0.
- *own imports* are the milliseconds that the project's modules take to import, without what they
  import themselves: the least of `RUNS` processes. Timings are of one machine in one moment.
"""

import argparse
import ast
import json
import os
import re
import runpy
import shutil
import sqlite3
import sqlite3.dbapi2
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from attrs import Factory, asdict, define, frozen

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final = "funnelflow"
SETTINGS: Final = "funnelflow.toml"
ENGINE: Final = "engine"
"""The package below the project's that decides."""
STEP: Final = "Funnel.step"
"""The function of the engine that runs one event."""
SET_UP: Final = (("init",), ("add", "ada", "email=ada@example.com"))
MEASURED: Final = ("record", "ada", "form_submitted", "budget=3000")
RUNS: Final = 5
"""How many processes are timed."""

_OWN: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Code that belongs to the function, or to the module, in which it stands."""
_CHANGES: Final = re.compile(
    r"(?:INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|WITH\b.*?\b(?:INSERT|UPDATE|DELETE))\b",
    re.IGNORECASE | re.DOTALL,
)
_IMPORTED: Final = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)$", re.MULTILINE)


@define
class Transaction:
    """One transaction of SQLite.

    Args:
        begin: The statement that begins it; empty when a statement stands by itself.
        statements: How many statements it has, without its beginning and its end.
        writes: Whether one of them changes something.
        end: The statement that ends it; empty for one that was left open.
    """

    begin: str
    statements: int = 0
    writes: bool = False
    end: str = ""


@frozen
class Watched:
    """What was seen inside of the process that records.

    Args:
        run: Files with a function that ran, relative to `src`.
        run_importing: Those of them whose functions ran only while modules were imported.
        imported: Files that were imported, those that ran among them.
        transactions: The transactions in the order in which they began.
        alone: Statements outside of a transaction.
        settings_read: How often the settings were opened for reading.
        engine_calls: Functions of the engine that other packages called, with how often.
        named_calls: `STEP` with how often it was called; None if it is not in the source.
    """

    run: list[str]
    run_importing: list[str]
    imported: list[str]
    transactions: list[Transaction]
    alone: list[Transaction]
    settings_read: int
    engine_calls: dict[str, int]
    named_calls: dict[str, int | None]


class Calls:
    """Hears of every call in a process, and notes those of the project's functions.

    Args:
        package: The directory of the project's package.
    """

    def __init__(self, package: Path) -> None:
        self._package = f"{package}{os.sep}"
        self._engine = f"{package / ENGINE}{os.sep}"
        self._importing = 0
        self.run: set[str] = set()
        self.run_later: set[str] = set()
        self.into_engine: Counter[str] = Counter()
        self.in_engine: Counter[str] = Counter()

    def start(self) -> None:
        """Listen from here on, in threads that start later too."""
        threading.setprofile(self._hear)
        sys.setprofile(self._hear)

    def stop(self) -> None:
        """Listen no more."""
        sys.setprofile(None)
        threading.setprofile(None)

    def _hear(self, frame: FrameType, what: str, _argument: object) -> None:
        code = frame.f_code
        if what not in {"call", "return"} or not code.co_filename.startswith(self._package):
            return
        if code.co_name == "<module>":
            if frame.f_globals["__name__"] != "__main__":  # or all would be done by an import
                self._importing += 1 if what == "call" else -1
        elif what == "call" and _is_function(code):
            self.run.add(code.co_filename)
            if not self._importing:
                self.run_later.add(code.co_filename)
                self._note_engine(frame)

    def _note_engine(self, frame: FrameType) -> None:
        code = frame.f_code
        if not code.co_filename.startswith(self._engine):
            return
        self.in_engine[code.co_qualname] += 1
        caller = frame.f_back.f_code.co_filename if frame.f_back else ""
        if caller.startswith(self._package) and not caller.startswith(self._engine):
            self.into_engine[code.co_qualname] += 1


class Files:
    """Counts from the interpreter's audit events how often the settings are read."""

    def __init__(self) -> None:
        self.settings_read = 0

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take one audit event; the file of one that opens it is a path or a descriptor."""
        if event != "open" or not isinstance(arguments[0], str | bytes):
            return
        path, mode, flags = arguments
        reads = "r" in mode or "+" in mode if mode else flags & os.O_ACCMODE != os.O_WRONLY
        if Path(os.fsdecode(path)).name == SETTINGS and reads:
            self.settings_read += 1


class Statements:
    """Divides the statements that SQLite executes into transactions."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self.alone: list[Transaction] = []

    def start(self) -> None:
        """Listen to every connection that is opened from here on."""
        connect = sqlite3.connect

        def connect_and_listen(*arguments: Any, **named: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **named)
            connection.set_trace_callback(Listener(self))
            return connection

        for module in (sqlite3, sqlite3.dbapi2):
            vars(module)["connect"] = connect_and_listen


@define
class Listener:
    """Hears the statements of one connection, and where its transactions begin and end."""

    statements: Statements
    current: Transaction | None = None

    def __call__(self, statement: str) -> None:
        """Take one statement."""
        word = statement.split(maxsplit=1)[0].rstrip(";").upper() if statement.strip() else ""
        match word:
            case "BEGIN":
                self.current = Transaction(statement)
                self.statements.transactions.append(self.current)
            case "COMMIT" | "END" | "ROLLBACK":
                if self.current is not None:
                    self.current.end = statement
                self.current = None
            case "" | "PRAGMA" | "--":
                pass
            case _:
                self._count(statement)

    def _count(self, statement: str) -> None:
        transaction = self.current
        if transaction is None:
            transaction = Transaction("")
            self.statements.alone.append(transaction)
        transaction.statements += 1
        transaction.writes |= _CHANGES.match(statement.lstrip()) is not None


@define
class Watch:
    """Everything that is watched in the process that records."""

    package: Path
    files: Files = Factory(Files)
    statements: Statements = Factory(Statements)

    def run(self, arguments: Sequence[str]) -> Watched:
        """Run the command line in this process, to its end, and return what was seen."""
        sys.addaudithook(self.files.hear)
        self.statements.start()
        sys.argv = [PROJECT, *arguments]
        calls = Calls(self.package)
        calls.start()
        try:
            runpy.run_module(PROJECT, run_name="__main__", alter_sys=True)
        except SystemExit as ending:
            if ending.code:
                raise
        finally:
            calls.stop()
        return self._watched(calls)

    def _watched(self, calls: Calls) -> Watched:
        imported = {
            str(module.__file__)
            for module in list(sys.modules.values())
            if str(getattr(module, "__file__", "")).startswith(f"{self.package}{os.sep}")
        }
        return Watched(
            run=self._relative(calls.run),
            run_importing=self._relative(calls.run - calls.run_later),
            imported=self._relative(imported | calls.run),
            transactions=self.statements.transactions,
            alone=self.statements.alone,
            settings_read=self.files.settings_read,
            engine_calls=dict(calls.into_engine.most_common()),
            named_calls={
                name: calls.in_engine[name] if name in known else None
                for known in [functions_of(self.package / ENGINE)]
                for name in (STEP,)
            },
        )

    def _relative(self, files: Iterable[str]) -> list[str]:
        return sorted(str(Path(file).relative_to(self.package.parent)) for file in files)


def functions_of(directory: Path) -> set[str]:
    """Return the functions and methods of a directory's modules, named as `Class.method`."""
    found = set()
    for path in directory.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.ClassDef):
                methods = (m.name for m in node.body if isinstance(m, ast.FunctionDef))
                found.update(f"{node.name}.{method}" for method in methods)
    return found


def measure(root: Path, runs: int = RUNS) -> tuple[Watched, float]:
    """Record one event in new workspaces.

    Args:
        root: The checkout that does it.
        runs: How many processes are timed.

    Returns:
        What was seen, and the milliseconds of its own imports.

    Raises:
        RuntimeError: A command fails; the text is what it printed.
    """
    with tempfile.TemporaryDirectory() as directory:
        first = Path(directory, "first")
        first.mkdir()
        environment = _environment(root / "src", Path(directory))
        for arguments in SET_UP:
            _run(["-m", PROJECT, *arguments], first, environment)
        package = root.absolute() / "src" / PROJECT
        answer = Path(directory, "answer.json")
        watched = [str(Path(__file__).absolute()), "--watch", str(package), str(answer)]
        _run(watched, _copy(first, "watched"), environment)
        timed = ["-X", "importtime", "-m", PROJECT, *MEASURED]
        imports = [
            own_milliseconds(_run(timed, _copy(first, f"timed-{n}"), environment))
            for n in range(runs)
        ]
        return _from_json(json.loads(answer.read_text(encoding="utf-8"))), min(imports)


def own_milliseconds(text: str) -> float:
    """Return how long the project's modules took, from what `-X importtime` printed."""
    times = _IMPORTED.findall(text)
    own = (int(us) for us, name in times if name.split(".")[0] == PROJECT)
    return sum(own) / 1000


def render(watched: Watched, milliseconds: float) -> str:
    """Return the measures as text, a line each."""
    importing, merely = len(watched.run_importing), len(watched.imported) - len(watched.run)
    begun, alone = watched.transactions, watched.alone
    calls = sum(watched.engine_calls.values())
    lines = [
        f"files of src/{PROJECT} with a function that runs: {len(watched.run)}",
        f"  only while modules are imported: {importing}",
        f"files that are merely imported: {merely} ({len(watched.imported)} imported in all)",
        f"transactions: {len(begun)}, {_writing(begun)} of them write",
        *(f"  {_transaction(t)}" for t in begun),
        f"  outside of one: {_count(len(alone), 'statement')}, {_writing(alone)} of them write",
        f"{SETTINGS} opened for reading: {_times(watched.settings_read)}",
        f"calls into {PROJECT}.{ENGINE} from other packages: {calls}",
        *(f"  {name}: {_times(count)}" for name, count in watched.engine_calls.items()),
        "runs of the engine:",
        *(f"  {name}: {_times(count)}" for name, count in watched.named_calls.items()),
        f"importing its own modules: {milliseconds:.0f} ms",
    ]
    return "\n".join(lines)


def _is_function(code: CodeType) -> bool:
    """Whether code is the body of a function: not of a class, nor part of another body."""
    return bool(code.co_flags & 1) and code.co_name not in _OWN  # 1: it has fast local names


def _writing(transactions: Iterable[Transaction]) -> int:
    return sum(t.writes for t in transactions)


def _transaction(transaction: Transaction) -> str:
    what = "writes" if transaction.writes else "reads"
    end = transaction.end or "left open"
    return f"{transaction.begin} … {end}: {what}, {_count(transaction.statements, 'statement')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _times(count: int | None) -> str:
    if count is None:
        return "no such function in the source"
    return "once" if count == 1 else f"{count} times"


def _environment(src: Path, home: Path) -> dict[str, str]:
    """Return an environment without the tester's settings, in which a checkout is imported."""
    mine = (f"{PROJECT.upper()}_", "PYTHON", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return kept | {"HOME": str(home), "PYTHONPATH": str(src.absolute()), "PYTHONUTF8": "1"}


def _run(arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> str:
    """Run Python and return what it printed on standard error."""
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stderr


def _copy(workspace: Path, name: str) -> Path:
    """Copy a workspace, so that every run records the same event on the same state."""
    return shutil.copytree(workspace, workspace.with_name(name))


def _from_json(seen: dict[str, Any]) -> Watched:
    transactions = {
        name: [Transaction(**t) for t in seen[name]] for name in ("transactions", "alone")
    }
    return Watched(**{**seen, **transactions})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one record and print what was found."""
    parser = argparse.ArgumentParser(description="Measure what one `funnelflow record` takes.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout that records")
    parser.add_argument("--json", action="store_true", help="print JSON, every file in it")
    parser.add_argument("--watch", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.watch:
        package, answer = options.watch
        seen = Watch(package).run(MEASURED)
        answer.write_text(json.dumps(asdict(seen)), encoding="utf-8")
        return 0
    watched, milliseconds = measure(options.root)
    if options.json:
        print(json.dumps({**asdict(watched), "own_import_ms": milliseconds}, indent=2))
    else:
        print(render(watched, milliseconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
