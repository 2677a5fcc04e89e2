"""Change the code of one package at random places, and see whether its tests notice.

    python tools/mutate.py PACKAGE [--count 100] [--seed 1] [--jobs 2] [--tests PATH ...]

`mutants.py` says which small changes there are. The sample is drawn so: all changes of all files
of `src/*/PACKAGE`, in the order of path and place, are shuffled by a generator that starts from
the seed, and the first COUNT that are Python, and another program than before, are taken. Every
change is as likely as any other, so kinds that the code offers often come often. The same seed on
the same source gives the same sample.

For each the tests run in one new process, `tests/PACKAGE` if no others are named, and stop at the
first that fails: files that noticed most so far go first, quick ones before slow ones. That is done
in private copies of the tree, each with an environment in which the copy is what is imported, also
by processes that tests start. Before anything is changed the tests must pass. Property-based tests
try the same examples in every run, and do not look for a smaller one.

A change is *noticed* when the tests fail, or run out of time (those are named), and *survives*
otherwise. A survivor is a question, not a fault: some changes make a program that behaves the same,
and which do is for a reader to say.

Why not a tool that exists: mutmut 3 changes functions only, and has no sample and no seed;
cosmic-ray changes the tree that it is started in, and wants a server for each parallel copy.
"""

import argparse
import contextlib
import difflib
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final, Literal, TypeAlias

from attrs import define, field, frozen
from mutants import Change, changes_in, mutate

ROOT: Final = Path(__file__).parents[1]
GRACE_SECONDS: Final = 10
"""How long tests that ran out of time may take to clean up."""
MEMORY: Final = 4 * 1024**3
"""How many bytes the tests of one change may take: a loop without an end may fill a list."""
PLUGIN: Final = "mutation_profile"
PROFILE: Final = f"""\
import resource

from hypothesis import Phase, settings

resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
settings.register_profile(
    "{PLUGIN}",
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
"""
OPTIONS: Final = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", PLUGIN)

_NOT_COPIED: Final = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) ([^\s:]+)", re.MULTILINE)
_DURATION: Final = re.compile(r"^(\d+\.\d+)s \w+ +([^\s:]+)::", re.MULTILINE)

Outcome: TypeAlias = Literal["noticed", "timed out", "survived"]


class BaselineError(Exception):
    """The tests do not pass before anything is changed; the text is what they print."""


@frozen
class Mutant:
    """A change that is tried, and the file with it.

    Args:
        change: The change.
        text: The file with the change.
        number: Which of the sample it is, from 1.
    """

    change: Change
    text: bytes
    number: int


@frozen
class Result:
    """What the tests made of a change."""

    mutant: Mutant
    outcome: Outcome
    by: str
    """The file with the test that failed; empty when none did, or none can be named."""


@define
class Order:
    """In which order files of tests run: by how often they noticed, then by how quick they are.

    Args:
        files: The files, relative to the top of the tree.
        seconds: How long each takes.
    """

    files: Sequence[str]
    seconds: Mapping[str, float] = field(factory=dict)
    _noticed: Counter[str] = field(factory=Counter)
    _lock: threading.Lock = field(factory=threading.Lock)

    def note(self, file: str) -> None:
        """Take down that a file has noticed a change."""
        with self._lock:
            self._noticed[file] += 1

    def now(self) -> list[str]:
        """Return the files in the order of this moment."""
        with self._lock:
            noticed = dict(self._noticed)
        return sorted(self.files, key=lambda f: (-noticed.get(f, 0), self.seconds.get(f, 0.0), f))


class Copy:
    """A private copy of a tree, with an environment in which its source is what is imported.

    Args:
        root: The tree.
        directory: Where the copy goes; it must not exist.
    """

    def __init__(self, root: Path, directory: Path) -> None:
        self.tree = directory / "tree"
        self._temporary = directory / "tmp"
        self._output = directory / "output.txt"
        shutil.copytree(root, self.tree, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        self._python = make_environment(directory / "env", self.tree / "src")

    def test(self, files: Sequence[str], *options: str, timeout: float | None = None) -> int | None:
        """Run files of tests until one fails.

        Args:
            files: The files, relative to the top of the tree, in the order in which they run.
            options: More options of pytest.
            timeout: After how many seconds to give up; None never does.

        Returns:
            The exit code of pytest; None if the time ran out.
        """
        command = [str(self._python), "-m", "pytest", *OPTIONS, f"--hypothesis-profile={PLUGIN}"]
        command += [f"--basetemp={self._temporary}", *options, *files]
        with self._output.open("wb") as output:  # a pipe might be held by what tests leave behind
            process = subprocess.Popen(
                command,
                cwd=self.tree,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)  # so that fixtures end what they started
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_SECONDS)
                return None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @property
    def output(self) -> str:
        """What the last run of the tests printed."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    @contextlib.contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """Have a change made for as long as the block lasts."""
        path = self.tree / mutant.change.path
        source, before = path.read_bytes(), path.stat()
        path.write_bytes(mutant.text)
        # Python takes a cached file for current that fits in size and second: each change gets a
        # second of its own.
        os.utime(path, (mutant.number, mutant.number))
        try:
            yield
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def make_environment(directory: Path, source: Path) -> Path:
    """Make an environment that has the packages of this one, and a source before all of them.

    Args:
        directory: Where it goes.
        source: The directory of packages that wins over those installed here.

    Returns:
        Its Python.
    """
    venv.EnvBuilder(symlinks=True, with_pip=False).create(directory)
    scripts = directory / Path(sys.executable).parent.name
    site = sysconfig.get_path("purelib", vars={"base": str(directory)})
    paths = [str(source), *_installed()]
    Path(site, "installed.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")
    Path(site, f"{PLUGIN}.py").write_text(PROFILE, encoding="utf-8")
    for tool in Path(sys.executable).parent.iterdir():
        if not (scripts / tool.name).exists() and _is_program(tool):
            (scripts / tool.name).symlink_to(tool)
    return scripts / "python"


def draw(sources: Mapping[Path, bytes], count: int, seed: int) -> tuple[list[Mutant], int]:
    """Draw a sample of changes.

    Args:
        sources: The files with what is in them.
        count: How many to draw; all if there are fewer.
        seed: What the random generator starts from.

    Returns:
        The sample in the order drawn, and how many changes there are.
    """
    changes = [c for path in sorted(sources) for c in changes_in(path, sources[path])]
    shuffled = random.Random(seed).sample(changes, len(changes))
    mutants: list[Mutant] = []
    for change in shuffled:
        if len(mutants) == count:
            break
        text = mutate(sources[change.path], change)
        if text is not None:
            mutants.append(Mutant(change, text, len(mutants) + 1))
    return mutants, len(changes)


def sources_of(root: Path, package: str) -> dict[Path, bytes]:
    """Read the files of a package or module, by their paths from the top of the tree.

    Raises:
        FileNotFoundError: There is no such package.
    """
    tops = [*root.glob(f"src/*/{package}"), *root.glob(f"src/*/{package}.py")]
    files = [f for top in tops for f in ([top] if top.is_file() else top.rglob("*.py"))]
    if not files:
        raise FileNotFoundError(f"there is no Python in src/*/{package}")
    return {file.relative_to(root): file.read_bytes() for file in files}


def tests_at(root: Path, paths: Iterable[Path]) -> list[str]:
    """Return the files of tests at paths from the top of a tree, those in directories too.

    Raises:
        FileNotFoundError: A path leads to none.
    """
    found: list[str] = []
    for path in paths:
        top = root / path
        files = [top] if top.is_file() else sorted(top.rglob("test_*.py"))
        if not files:
            raise FileNotFoundError(f"there are no tests in {path}; name others with --tests")
        found += [str(file.relative_to(root)) for file in files]
    return found


def baseline(copy: Copy, files: Sequence[str]) -> tuple[Order, float]:
    """Run the tests on the code as it is.

    Returns:
        The order in which to run them from now on, and how many seconds they took.

    Raises:
        BaselineError: They do not pass.
    """
    start = time.monotonic()
    if copy.test(files, "--durations=0"):
        raise BaselineError(copy.output)
    seconds: dict[str, float] = defaultdict(float)
    for duration, file in _DURATION.findall(copy.output):
        seconds[file] += float(duration)
    return Order(files, seconds), time.monotonic() - start


def run_one(copy: Copy, mutant: Mutant, order: Order, timeout: float) -> Result:
    """Make a change in a copy, run the tests, and take it back."""
    with copy.changed(mutant):
        code = copy.test(order.now(), timeout=timeout)
    if code is None:
        return Result(mutant, "timed out", "")
    if code == 0:
        return Result(mutant, "survived", "")
    failed = _FAILED.search(copy.output)
    by = failed[1] if failed and failed[1] in order.files else ""
    if by:
        order.note(by)
    return Result(mutant, "noticed", by)


def run_all(
    copies: Sequence[Copy], mutants: Sequence[Mutant], order: Order, timeout: float
) -> Iterator[Result]:
    """Yield the result of each change as it comes, with as many at a time as there are copies."""
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def run(mutant: Mutant) -> Result:
        copy = free.get()
        try:
            return run_one(copy, mutant, order, timeout)
        finally:
            free.put(copy)

    pool = ThreadPoolExecutor(len(copies))
    try:
        for future in as_completed([pool.submit(run, mutant) for mutant in mutants]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def render(results: Iterable[Result], sources: Mapping[Path, bytes]) -> str:
    """Return the report: the shares, what ran out of time, and each survivor with its change."""
    ordered = sorted(results, key=lambda r: r.mutant.change)
    slow = [r for r in ordered if r.outcome == "timed out"]
    survived = [r for r in ordered if r.outcome == "survived"]
    tried, noticed = len(ordered), len(ordered) - len(survived)
    share = f"{noticed / tried:.0%}" if tried else "no share"
    lines = [f"noticed: {noticed} of {tried} ({share}), {len(slow)} of them timed out"]
    lines += [f"  timed out: {_place(r)}" for r in slow]
    lines += [f"survived: {len(survived)}"]
    for result in survived:
        mutant = result.mutant
        lines += ["", _place(result), *_diff(sources[mutant.change.path], mutant.text)]
    return "\n".join(lines)


def _place(result: Result) -> str:
    change = result.mutant.change
    return f"{change.path}:{change.line}: {change.kind}"


def _diff(before: bytes, after: bytes) -> Iterator[str]:
    one, two = before.decode().splitlines(), after.decode().splitlines()
    changed = list(difflib.unified_diff(one, two, n=1, lineterm=""))
    yield from (f"  {line}".rstrip() for line in changed[2:])


def _installed() -> list[str]:
    """Return the directories of packages that Python looks through here, without its own."""
    own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    own |= {f"{path}/lib-dynload" for path in own} | {str(Path(__file__).parent)}
    return [path for path in sys.path if path not in own and Path(path).is_dir() and path]


def _is_program(path: Path) -> bool:
    """Whether a file is a program that is no script: that would run the Python it names."""
    if not path.is_file() or not os.access(path, os.X_OK) or path.name.startswith("python"):
        return False
    with path.open("rb") as file:
        return file.read(2) != b"#!"


def _environment() -> dict[str, str]:
    return {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "PYTEST_"))}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the changes and print the report; 1 when the tests do not pass without any."""
    parser = argparse.ArgumentParser(description="See whether tests notice changes of the code.")
    parser.add_argument("package", help="a package or module, as a path below src/*")
    parser.add_argument("--count", type=int, default=100, help="how many changes to try")
    parser.add_argument("--seed", type=int, default=1, help="what the sample starts from")
    parser.add_argument("--jobs", type=int, default=2, help="how many to try at a time")
    parser.add_argument(
        "--tests", type=Path, nargs="+", help="the tests; tests/PACKAGE if not given"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to try them on")
    options = parser.parse_args(arguments)
    root = options.root.absolute()
    try:
        sources = sources_of(root, options.package)
        files = tests_at(root, options.tests or [Path("tests", options.package)])
    except FileNotFoundError as error:
        parser.error(str(error))
    mutants, possible = draw(sources, options.count, options.seed)
    with tempfile.TemporaryDirectory(prefix="mutate-") as directory:
        copies = [Copy(root, Path(directory, str(number))) for number in range(options.jobs)]
        try:
            order, seconds = baseline(copies[0], files)
        except BaselineError as error:
            print(f"the tests fail before anything is changed:\n{error}", file=sys.stderr)
            return 1
        results = []
        for result in run_all(copies, mutants, order, timeout=10 + 5 * seconds):
            results.append(result)
            by = f" by {result.by}" if result.by else ""
            counted = f"{len(results)}/{len(mutants)}"
            print(f"{counted} {_place(result)}: {result.outcome}{by}", file=sys.stderr, flush=True)
    print(f"{options.package}: {possible:,} possible changes in {len(sources)} files")
    print(f"tried: {len(mutants)}, seed {options.seed}; all tests take {seconds:.0f} s")
    print(render(results, sources))
    return 0


if __name__ == "__main__":
    sys.exit(main())
