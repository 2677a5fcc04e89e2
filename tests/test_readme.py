"""What the documents show is what happens: every session in them is run."""

from pathlib import Path

import console
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["README.md", "definitions/README.md"])
def test_the_sessions_show_what_really_happens(name: str, tmp_path: Path):
    text = (ROOT / name).read_text(encoding="utf-8")
    wrong = [
        f"{name}:{command.line}: $ {command.source}\n{real}"
        for command, real in console.differences(text, tmp_path.resolve())
    ]
    assert not wrong, "\n".join(wrong)


def test_the_two_commands_of_the_readme_are_those_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -e . && funnelflow demo" in readme
    assert "pip install -e '.[dev]' && pytest" in readme
    assert "\npip install -e '.[dev]' && pytest\n" in script
