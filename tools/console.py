"""Run the console sessions of a document, and hold what it shows to what really happens.

    python tools/console.py README.md              says where the document differs
    python tools/console.py --update README.md     writes the real output into it, but for
                                                   outputs with a line ``…``, which are yours
    python tools/console.py --with plugins/NAME …  runs it as if that package were installed

A session is a block marked ``console``: lines that begin with ``$`` are commands, what
follows each is its output, standard error included. ``funnelflow``, ``cd`` and ``export`` are
run, in one temporary directory per document and in the document's order, with ``&&`` between
them if need be; ``pip`` and ``pytest`` are left to ``.ci/run``; anything else is an error, so
that nothing is shown that nobody tries. A line ``…`` stands for any lines. Durations are
compared as if they were all the same. In a document it is always Monday, 2 March 2026, 09:30
UTC: times that are now, or whole days from now, are shifted there.

A block after a comment ``<!-- file: NAME -->`` is written to that file before what follows.
"""

import argparse
import datetime as dt
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from forks import Start, start
from packages import build_wheel, unpack

BLOCK = re.compile(
    r"^(?:<!-- file: (?P<file>[\w./-]+) -->\n\n?)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
DURATION = re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|seconds?|minutes?)\b")
RATE = re.compile(r"\b[\d,]+ (?:events|rows)(?: a second|/s)")
TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)([ T])(\d\d:\d\d)(:\d\d(?:\.\d+)?)?(?=Z|\b)")
DOCUMENT_TIME = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
A_MOMENT = dt.timedelta(minutes=10)
DAY = dt.timedelta(days=1)
ANY_LINES = "…"
LEFT_TO_CI = {"pip", "pytest"}


class Command(NamedTuple):
    """A command of a session: where its output stands in the document, and what it is."""

    line: int
    source: str
    shown: str
    start: int
    end: int


class File(NamedTuple):
    """A file that the document shows in full."""

    name: str
    body: str


class Difference(NamedTuple):
    """A command whose output is not what the document shows."""

    command: Command
    real: str


def read(text: str) -> Iterator[Command | File]:
    """Yield the files and the commands of a document, in order."""
    for block in BLOCK.finditer(text):
        if block["file"]:
            yield File(block["file"], block["body"])
        elif block["language"] == "console":
            yield from _commands(text, block.start("body"), block.end("body"))


def _commands(text: str, start: int, end: int) -> Iterator[Command]:
    """Split one session into its commands; each one's output ends where the next begins."""
    starts = [m.start() for m in re.compile(r"^\$ ", re.MULTILINE).finditer(text, start, end)]
    for begin, stop in zip(starts, [*starts[1:], end], strict=True):
        source_end = begin
        while True:
            source_end = text.index("\n", source_end) + 1
            if not text[begin:source_end].endswith("\\\n"):
                break
        source = text[begin + 2 : source_end].replace("\\\n", " ").strip()
        line = text.count("\n", 0, begin) + 1
        yield Command(line, source, text[source_end:stop], source_end, stop)


class Place:
    """The temporary directory in which a document's commands run.

    Args:
        directory: Where it begins; everything is written below it.
        site: A directory of packages that are installed too.
        run_funnelflow: What runs it; in a new process unless said otherwise.
    """

    def __init__(
        self, directory: Path, site: Path | None = None, *, run_funnelflow: Start = start
    ) -> None:
        self._root = directory
        self._here = directory
        self._run_funnelflow = run_funnelflow
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("FUNNELFLOW_", "PYTHON"))}
        self._environment = kept | {
            "COLUMNS": "100",
            "FUNNELFLOW_ACTOR": "you",
            "HOME": str(directory),
            "NO_COLOR": "1",
            "TZ": "UTC",
        }
        if site is not None:
            self._environment["PYTHONPATH"] = str(site)

    def write(self, file: File) -> None:
        """Write a file that the document shows."""
        target = self._here / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.body, encoding="utf-8")

    def run(self, source: str) -> str:
        """Run a line of commands, and give what they print, without the directory's own name.

        Raises:
            ValueError: A command is none that may stand in a document.
        """
        words = shlex.split(source)
        ends = [i for i, word in enumerate(words) if word == "&&"]
        starts = [0, *(end + 1 for end in ends)]
        parts = zip(starts, [*ends, len(words)], strict=True)
        return "".join(self._run(*words[start:end]) for start, end in parts)

    def _run(self, name: str, *arguments: str) -> str:
        if name in LEFT_TO_CI:
            return ""
        if name == "cd":
            return self._enter(self._here / arguments[0])
        if name == "export":
            self._environment |= dict([arguments[0].split("=", 1)])
            return ""
        if name != "funnelflow":
            raise ValueError(f"a document may show funnelflow, cd and export, not {name}")
        printed = self._run_funnelflow(arguments, self._here, self._environment)
        real = printed.replace(f"{self._here}{os.sep}", "").replace(str(self._root), "")
        return in_document_time(real, dt.datetime.now(dt.UTC))

    def _enter(self, directory: Path) -> str:
        if not directory.is_dir():
            return f"there is no directory {directory.name}\n"
        self._here = directory
        return ""


def in_document_time(output: str, now: dt.datetime) -> str:
    """Shift the times in an output that are now, or whole days from now."""
    return TIME.sub(lambda time: _shifted(time, now), output)


def _shifted(time: re.Match[str], now: dt.datetime) -> str:
    """Give one time as it stands in a document, to the second if it had seconds."""
    day, between, clock, seconds = time.groups()
    distance = dt.datetime.fromisoformat(f"{day}T{clock}+00:00") - now
    days = round(distance / DAY)
    if days < 0 or abs(distance - days * DAY) > A_MOMENT:
        return time[0]
    then = DOCUMENT_TIME + days * DAY
    return then.strftime(f"%Y-%m-%d{between}%H:%M") + (":00" if seconds else "")


def same(shown: str, real: str) -> bool:
    """Tell whether an output is what the document shows, durations apart."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANY_LINES else re.escape(line) + r"\n"
        for line in _plain(shown).splitlines()
    )
    return re.fullmatch(pattern, _plain(real)) is not None


def _plain(output: str) -> str:
    """Make alike what may differ from run to run, and drop empty lines at the end."""
    output = DURATION.sub("1 s", RATE.sub("1,000 events a second", output))
    lines = [line.rstrip() for line in output.rstrip().splitlines()]
    return "".join(f"{line}\n" for line in lines)


def differences(text: str, place: Place) -> Iterator[Difference]:
    """Run all of a document, and yield each command whose output differs."""
    for item in read(text):
        if isinstance(item, File):
            place.write(item)
        elif not same(item.shown, real := place.run(item.source)):
            yield Difference(item, real)


def updated(text: str, found: list[Difference]) -> str:
    """Write the real outputs into a document."""
    for command, real in reversed(found):
        text = text[: command.start] + _tidy(real, command.shown) + text[command.end :]
    return text


def _tidy(real: str, shown: str) -> str:
    """Give an output the empty line before the next command that the document had."""
    gap = "\n" if shown.endswith("\n\n") or shown == "\n" else ""
    return "".join(f"{line.rstrip()}\n" for line in real.rstrip().splitlines()) + gap


def main(arguments: list[str] | None = None) -> int:
    """Check or update the documents named; 1 when one of them differs."""
    parser = argparse.ArgumentParser(description="Run the console sessions of documents.")
    parser.add_argument("--update", action="store_true", help="write the real output")
    parser.add_argument(
        "--with", action="append", type=Path, default=[], dest="packages", metavar="PACKAGE"
    )
    parser.add_argument("documents", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory)
        for package in options.packages:
            with tempfile.TemporaryDirectory() as wheels:
                unpack(build_wheel(package, Path(wheels)), site)
        wrong = [_look(document, site, update=options.update) for document in options.documents]
    return 1 if any(wrong) else 0


def _look(document: Path, site: Path, *, update: bool) -> int:
    """Say where a document differs, and give how many differences are left in it."""
    text = document.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        found = list(differences(text, Place(Path(directory).resolve(), site)))
    for command, real in found:
        print(f"{document}:{command.line}: $ {command.source}\n{real}")
    if not update:
        return len(found)
    written = [one for one in found if ANY_LINES not in one.command.shown.splitlines()]
    document.write_text(updated(text, written), encoding="utf-8")
    return len(found) - len(written)


if __name__ == "__main__":
    sys.exit(main())
