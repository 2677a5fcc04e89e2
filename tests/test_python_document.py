"""What `docs/python.md` shows is what happens: its blocks are run, in order, as one program."""

import contextlib
import io
import re
from pathlib import Path

import funnelflow

DOCUMENT = Path(__file__).parents[1] / "docs" / "python.md"
BLOCK = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n\n?)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def test_the_blocks_print_what_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "document"}
    printed, ran = "", 0
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if block["file"]:
            Path(block["file"]).write_text(block["body"], encoding="utf-8")
        elif block["language"] == "python":
            assert not printed, f"line {line}: what is printed before is not shown:\n{printed}"
            printed = run(block["body"], line, names)
            ran += 1
        elif block["language"] == "text":
            assert printed == block["body"], f"line {line}"
            printed = ""
    assert ran > 8
    shop = names["shop"]
    assert isinstance(shop, funnelflow.Workspace)
    assert shop.verify().is_sound
    shop.close()


def run(source: str, line: int, names: dict[str, object]) -> str:
    """Run a block, and give what it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile("\n" * line + source, str(DOCUMENT), "exec"), names)
    return said.getvalue()


def test_the_table_of_errors_is_that_of_the_errors():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\d+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    for name, code, status in rows:
        kind = getattr(funnelflow, name)
        assert (kind.code, kind.http_status) == (code, int(status)), name
    assert len(rows) > 6


def test_the_service_takes_twenty_lines():
    service = next(b for b in BLOCK.finditer(DOCUMENT.read_text()) if "def record" in b["body"])
    assert len([line for line in service["body"].splitlines() if line.strip()]) <= 20
