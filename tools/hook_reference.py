"""Write the reference of the hooks into plugins/README.md, from their own documentation.

python tools/hook_reference.py          rewrites it
python tools/hook_reference.py --check  exits 1 if it is not what the hooks say
"""

import inspect
import re
import sys
import textwrap
from pathlib import Path

from funnelflow.plugins import hookspecs

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "plugins" / "README.md"
BEGIN = "<!-- the hooks: written by tools/hook_reference.py -->\n"
END = "<!-- the end of the hooks -->\n"

ADDED = re.compile(r"^Added in: (\d+\.\d+)$", re.MULTILINE)
PARTS = re.compile(r"^(?!@)(.*)\n(?=@|def |class )(.*)$", re.MULTILINE)
"""A line before a new part of a program, which is no decorator of it."""
HEADINGS = re.compile(r"^(Args|Added in|Example):", re.MULTILINE)


def reference() -> str:
    """Give the reference as Markdown, every hook in the order of `HOOKS`."""
    return "\n".join(entry(name) for name in hookspecs.HOOKS)


def entry(name: str) -> str:
    """Give what is said about one hook."""
    hook = getattr(hookspecs, name)
    parameters = ", ".join(inspect.signature(hook).parameters)
    doc = inspect.getdoc(hook) or ""
    prose = doc[: first.start()] if (first := HEADINGS.search(doc)) else doc
    body = f"```python\n{example(doc)}\n```\n"
    return f"### {name}({parameters})\n\nAdded in {added(doc)}. {_markdown(prose)}\n\n{body}"


def added(doc: str) -> str:
    """Give the version in which a hook was added; empty when its documentation does not say."""
    found = ADDED.search(doc)
    return found[1] if found else ""


def example(doc: str) -> str:
    """Give the example of a hook as a program."""
    _, _, session = doc.partition("Example:\n")
    lines = textwrap.dedent(session).strip().splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith((">>>", "...")))
    return PARTS.sub(r"\1\n\n\n\2", code)


def page_with(text: str, hooks: str) -> str:
    """Give the page with the reference between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{hooks}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Rewrite the page, or check it."""
    text = PAGE.read_text(encoding="utf-8")
    wanted = page_with(text, reference())
    if "--check" in arguments:
        return 0 if text == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def _markdown(prose: str) -> str:
    """Turn the marks of a docstring into those of Markdown, in paragraphs of their own."""
    return re.sub(r"``([^`]+)``", r"`\1`", prose).strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
