"""Check what the documents point at: files, headings, and the code they quote by name.

    python tools/check_docs.py

Prints each fault as `path:line: message`, and exits 1 when there is one. What the documents'
commands print is checked by the tests, see `console.py`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
QUOTED_PATH = re.compile(
    r"`(?P<path>(?:src|tests|tools|definitions|benchmarks|examples|\.ci)/[\w./-]+)`"
)
"""A path of this repository; `plugins/…` is as often one of a workspace."""
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def documents(root: Path) -> list[Path]:
    """List the Markdown files of a tree, those that tools put there left out."""
    skipped = {"build", "dist", "node_modules"}
    return sorted(
        path
        for path in root.rglob("*.md")
        if not any(p in skipped or p.startswith(".") for p in path.relative_to(root).parts)
    )


def faults(document: Path, root: Path) -> Iterator[str]:
    """Yield what is wrong with one document, each with its place."""
    text = document.read_text(encoding="utf-8")
    prose = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    name = document.relative_to(root)
    for link in LINK.finditer(prose):
        if problem := _broken(link["target"], document):
            yield f"{name}:{_line(prose, link.start())}: {problem}"
    for quoted in QUOTED_PATH.finditer(prose):
        if not (root / quoted["path"]).exists():
            line = _line(prose, quoted.start())
            yield f"{name}:{line}: there is no {quoted['path']}"


def _broken(target: str, document: Path) -> str:
    """Say what is wrong with a link; empty when nothing is. Other sites are not asked."""
    if re.match(r"https?:|mailto:", target):
        return ""
    path, _, anchor = target.partition("#")
    file = document.parent / path if path else document
    if not file.exists():
        return f"the link leads to {path}, which does not exist"
    if anchor and anchor not in _anchors(file.read_text(encoding="utf-8")):
        return f"the link leads to #{anchor}, and there is no such heading"
    return ""


def _anchors(text: str) -> set[str]:
    """Give the anchors of a document's headings, as the usual sites form them."""
    titles = (heading["title"] for heading in HEADING.finditer(FENCE.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _line(text: str, offset: int) -> int:
    """Give the line of an offset, from 1."""
    return text.count("\n", 0, offset) + 1


def main(root: Path = ROOT) -> int:
    """Check every document of the tree; 1 when there is a fault."""
    found = [fault for document in documents(root) for fault in faults(document, root)]
    print("\n".join(found) or f"{len(documents(root))} documents, all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
