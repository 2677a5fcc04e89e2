"""Draw the picture of the README: the ways that the contacts of the demo took.

    python tools/draw_readme_picture.py            writes docs/flow.svg
    python tools/draw_readme_picture.py FILE       writes FILE

The same picture comes out every time: it holds counts of the demo alone, and no times.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).parents[1] / "docs" / "flow.svg"
COMMANDS = (("demo", "demo"), ("--workspace", "demo", "report", "--svg", "pictures"))


def render() -> str:
    """Make the demo in a temporary directory, and return the picture of its flow."""
    with tempfile.TemporaryDirectory() as directory:
        for command in COMMANDS:
            subprocess.run(
                [sys.executable, "-m", "funnelflow", *command],
                cwd=directory,
                check=True,
                capture_output=True,
            )
        return (Path(directory) / "pictures" / "flow.svg").read_text(encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.write_text(render(), encoding="utf-8")
