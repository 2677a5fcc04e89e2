"""The checker of documents: what it finds, and where."""

from pathlib import Path

import check_docs
import pytest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# One `two` three!\n", encoding="utf-8")
    return tmp_path


def check(tree: Path, text: str) -> list[str]:
    document = tree / "README.md"
    document.write_text(text, encoding="utf-8")
    return list(check_docs.faults(document, tree))


def test_links_that_lead_somewhere_are_fine(tree):
    assert check(tree, "[a](docs/other.md) [b](docs/other.md#one-two-three) [c](#x)\n# X\n") == []


def test_a_link_to_nothing_is_named_with_its_line(tree):
    assert check(tree, "text\n[a](gone.md)\n") == [
        "README.md:2: the link leads to gone.md, which does not exist"
    ]


def test_a_link_to_a_heading_that_is_not_there_is_named(tree):
    (fault,) = check(tree, "[a](docs/other.md#four)\n")
    assert fault.endswith("#four, and there is no such heading")


def test_other_sites_are_not_asked(tree):
    assert check(tree, "[a](https://example.com/gone)\n") == []


def test_a_quoted_path_must_exist(tree):
    assert check(tree, "see `tools/gone.py`\n") == ["README.md:1: there is no tools/gone.py"]


def test_code_blocks_are_left_alone_and_keep_the_line_numbers(tree):
    text = "```python\n[a](gone.md)\n```\n[b](gone.md)\n"
    assert [fault.split(":")[1] for fault in check(tree, text)] == ["4"]


def test_the_documents_here_are_sound(capsys):
    assert check_docs.main() == 0, capsys.readouterr().out


def test_a_fault_anywhere_in_a_tree_fails(tree, capsys):
    check(tree, "[a](gone.md)\n")
    assert check_docs.main(tree) == 1
    assert "gone.md" in capsys.readouterr().out
