"""Running pytest in a project of its own, as a company does."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Ran(NamedTuple):
    """What a run of pytest said."""

    code: int
    out: str

    def counts(self) -> dict[str, int]:
        """Return how many tests passed, failed and so on."""
        last = self.out.strip().splitlines()[-1]
        return {what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|error)", last)}


def run_apart(directory: Path, *arguments: str) -> Ran:
    """Run pytest in a directory and in a process of its own, with the plugins installed."""
    (directory / "pytest.ini").touch()
    hidden = {"PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "FUNNELFLOW_NO_PLUGINS"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout + done.stderr)
