"""Runs of pytest within pytest: a project of its own, in the same process because it is faster."""

from collections.abc import Callable
from pathlib import Path

import pytest

import funnelflow.testing.collecting  # imported before a run inside could be the first to do it
import funnelflow.testing.contracts
import funnelflow.testing.fixtures  # noqa: F401

from .support import Ran


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Return what runs pytest in a directory."""

    def run(directory: Path, *arguments: str) -> Ran:
        (directory / "pytest.ini").touch()
        monkeypatch.chdir(directory)
        done = pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)
        return Ran(int(done.ret), done.stdout.str() + done.stderr.str())

    return run
