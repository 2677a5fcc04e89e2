"""The funnel built in Python: its example runs, and says what it should."""

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "python_definition.py"


def test_the_example_tells_its_story(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == [
        "add: ada stayed, now visitor",
        "inquired: ada moved, now inquiry",
        "visited: ada stayed, now inquiry",
        "  met      We can call them: phone is +44 20 7946 0000",
        "  not met  Budget is at least 8,000: budget is 6,000 EUR; needs at least 8,000 EUR",
        "  not met  The room is measured: width is not known",
        "  to ask: When can we come and measure?",
        "visited: ada moved, now planning",
    ]
