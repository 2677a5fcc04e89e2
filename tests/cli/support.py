"""What the tests of the command line share: running it, in a pipe or in a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

COMMAND = [sys.executable, "-m", "funnelflow"]
CLEAN = ("NO_COLOR", "COLUMNS", "FUNNELFLOW_ACTOR", "FUNNELFLOW_DATABASE", "PYTHONIOENCODING")


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that says nothing to funnelflow but what is asked for."""
    kept = {name: value for name, value in os.environ.items() if name not in CLEAN}
    return {**kept, "TERM": "xterm", **(extra or {})}


def run(
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> Ran:
    """Run funnelflow as a process of its own, its outputs in pipes."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(env),
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_in_terminal(
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: str = "",
) -> tuple[int, str]:
    """Run funnelflow in a pseudo terminal; give the exit code and all that it showed."""
    outer, inner = pty.openpty()
    os.write(outer, given.encode())
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(env),
        stdin=inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    shown = b"".join(iter(lambda: _read(outer), b""))
    os.close(outer)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    """Read from a terminal; its end is an error on Linux and nothing elsewhere."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
