"""What `docs/scale.md` shows is what happens: its blocks are run, in order, as one program."""

from pathlib import Path

from .test_python_document import BLOCK, run

DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"


def test_the_blocks_print_what_is_shown():
    text = DOCUMENT.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "document"}
    printed = ""
    shown = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if block["language"] == "python":
            assert not printed, f"line {line}: what is printed before is not shown"
            printed = run(block["body"], line, names)
        elif block["language"] == "text":
            assert printed == block["body"], f"line {line}"
            shown.append(printed)
            printed = ""
    assert len(shown) == 2
