"""The command of the benchmarks: which there are, and what they need."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(before: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command in a process of its own, after some preparation."""
    program = (
        f"import sys; {before}; from benchmarks.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_a_benchmark_lacks_is_said_in_one_line():
    done = run("sys.modules['funnelflow_webhook'] = None", "notify")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "notify needs funnelflow_webhook: pip install -e plugins/funnelflow-webhook\n"
    )


def test_an_unknown_benchmark_is_answered_with_those_there_are():
    done = run("pass", "notfy")
    assert done.returncode == 2
    assert "python -m benchmarks notify" in done.stdout
