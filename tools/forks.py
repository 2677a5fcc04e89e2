"""Many runs of funnelflow, each in a fork of one process that has imported it.

Starting Python and importing SQLAlchemy costs most of what a small command does. A fork is a
process of its own all the same: with its directory, its environment, and its end. What the
start itself does, the tests of the command line see to in processes that are really new.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, TypeAlias

import click

__all__ = ["Start", "forks", "start"]

Start: TypeAlias = Callable[[Sequence[str], Path, Mapping[str, str]], str]
"""Runs funnelflow with arguments, in a directory and an environment; gives what it prints,
standard error included."""
_ENCODING: Final = {"PYTHONUTF8": "1"}


def start(arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> str:
    """Run funnelflow in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "funnelflow", *arguments],
        cwd=directory,
        env={**environment, **_ENCODING},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
    )
    return done.stdout


@contextmanager
def forks() -> Iterator[Start]:
    """Give what runs funnelflow in a fork, for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, **_ENCODING},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        asks, answers = process.stdin, process.stdout
        assert asks is not None
        assert answers is not None

        def start_fork(
            arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
        ) -> str:
            asked = [list(arguments), str(directory), dict(environment)]
            asks.write(json.dumps(asked) + "\n")
            asks.flush()
            return str(json.loads(answers.readline()))

        yield start_fork


def serve() -> None:
    """Fork for every line that asks for it, and answer with what was printed."""
    from funnelflow.cli.app import app, main  # noqa: PLC0415  # not in the process that asks

    _import_all(app)
    gc.collect()
    gc.freeze()  # or every fork goes through all of this again when it ends
    for line in sys.stdin:
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if child == 0:
                _become(output, *json.loads(line))
                main()
            os.waitpid(child, 0)
            output.seek(0)
            print(json.dumps(output.read().decode("utf-8")), flush=True)


def _import_all(group: click.Group) -> None:
    """Import every command, and those of groups."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            _import_all(command)


def _become(
    output: IO[bytes], arguments: list[str], directory: str, environment: dict[str, str]
) -> None:
    """Make this process one that has been started as asked."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output.fileno(), 1), (output.fileno(), 2)):
        os.dup2(source, target)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[1:1] = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.argv = ["funnelflow", *arguments]


if __name__ == "__main__":
    serve()
