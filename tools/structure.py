"""Measure how the source is arranged: files, lines and importers, read off the text alone.

    python tools/structure.py [--root DIR] [--json]

Nothing is imported or run, so `--root` measures any checkout, an old one too. Packages are the
directories that are found below `src/NAME`, and the counts are these:

- *lines by kind*: every line of every file has one kind. A string that stands by itself is a
  docstring, whatever it documents; a statement that imports, or that assigns `__all__`, has its
  lines to the last; of the others a line with nothing but a comment is one.
- *importers* of a module are the modules of the same source with an import statement that leads
  to it, wherever that stands. What is imported by its name at run time is not seen, and an
  `__init__.py` is never counted as imported, only as an importer.
- *names that stand twice*: of files below `cli` and of files anywhere, `__init__.py` left out,
  and of public classes at the top of a module.
- *tests*: functions named `test…` and lines of all Python files, by directory below `tests`.
"""

import argparse
import ast
import io
import json
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from attrs import asdict, frozen

ROOT: Final = Path(__file__).parents[1]
SHORT: Final = 100
"""Below how many lines a module with one importer is short."""
TWICE_BELOW: Final = "cli"
"""The package in which a file's name should say enough by itself."""

Kind: TypeAlias = Literal["code", "docstring", "comment", "blank", "__all__", "imports"]
_LAYOUT: Final = frozenset(
    {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


@frozen
class Module:
    """One file of Python below `src`.

    Args:
        path: The file, relative to `src`.
        text: What is in it.
        tree: The same, parsed.
    """

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The dotted name under which it is imported."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if self.is_init else parts)

    @property
    def is_init(self) -> bool:
        """Whether it is the `__init__.py` of a package."""
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package right below the project's own, or `.` for a file of that one."""
        return self.path.parts[1] if len(self.path.parts) > 2 else "."  # noqa: PLR2004


@frozen
class Size:
    """How much Python there is in one place."""

    files: int
    lines: int


@frozen
class Tests:
    """How many tests there are for one package."""

    functions: int
    lines: int


@frozen
class Structure:
    """What is measured of one checkout.

    Args:
        packages: Files and lines by package.
        kinds: Lines of the source by kind.
        one_importer: The modules that one other imports, by name.
        short_one_importer: Those of them that are shorter than `SHORT` lines.
        files_twice_below_cli: File names that stand twice below `TWICE_BELOW`, with their places.
        files_twice: The same in the whole source.
        classes_twice: Public classes of one name, with their places.
        tests: Tests by directory below `tests`.
    """

    packages: dict[str, Size]
    kinds: dict[Kind, int]
    one_importer: list[str]
    short_one_importer: list[str]
    files_twice_below_cli: dict[str, list[str]]
    files_twice: dict[str, list[str]]
    classes_twice: dict[str, list[str]]
    tests: dict[str, Tests]


def measure(root: Path) -> Structure:
    """Measure a checkout.

    Args:
        root: Its top directory.

    Raises:
        FileNotFoundError: There is no Python below `src`.
        SyntaxError: A file is not Python of the version that runs this.
    """
    modules = read_modules(root / "src")
    if not modules:
        raise FileNotFoundError(f"there is no Python below {root / 'src'}")
    imported_by = importers(modules)
    single = [m for m in modules if len(imported_by.get(m.name, ())) == 1]
    kinds: Counter[Kind] = Counter()
    for module in modules:
        kinds.update(line_kinds(module.text))
    return Structure(
        packages=_sizes(modules),
        kinds={kind: kinds[kind] for kind in get_args(Kind)},
        one_importer=[m.name for m in single],
        short_one_importer=[m.name for m in single if _lines(m.text) < SHORT],
        files_twice_below_cli=_files_twice(m for m in modules if m.package == TWICE_BELOW),
        files_twice=_files_twice(modules),
        classes_twice=_classes_twice(modules),
        tests=_tests(root / "tests"),
    )


def read_modules(src: Path) -> list[Module]:
    """Read and parse every file of Python below a directory, in the order of their paths."""
    found = []
    for path in sorted(src.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path.relative_to(src), text, ast.parse(text, str(path))))
    return found


def line_kinds(text: str) -> list[Kind]:
    """Return the kind of each line of a file, in order."""
    kinds: list[Kind] = ["blank"] * _lines(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _LAYOUT:
            continue
        kind: Kind = "comment" if token.type == tokenize.COMMENT else "code"
        for number in range(token.start[0] - 1, token.end[0]):
            if kinds[number] != "code":
                kinds[number] = kind
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and (special := _special_kind(node)) is not None:
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            kinds[first:last] = [special] * (last - first)
    return kinds


def importers(modules: Sequence[Module]) -> dict[str, set[str]]:
    """Return for each module, `__init__.py` left out, the names of those that import it."""
    plain = {m.name for m in modules if not m.is_init}
    found = defaultdict(set)
    for module in modules:
        for name in _imported(module.tree):
            if name in plain and name != module.name:
                found[name].add(module.name)
    return dict(found)


def render(structure: Structure) -> str:
    """Return the measures as text, a section each."""
    packages, tests = structure.packages, structure.tests
    lines = sum(size.lines for size in packages.values())
    test_lines = sum(found.lines for found in tests.values())
    sections = [
        _table(
            ("package", "files", "lines"),
            [(name, size.files, size.lines) for name, size in packages.items()],
            ("all", sum(size.files for size in packages.values()), lines),
        ),
        _table(("kind", "lines"), list(structure.kinds.items()), ("all", lines)),
        _single(structure),
        _twice(f"file names twice below {TWICE_BELOW}", structure.files_twice_below_cli),
        _twice("file names twice in the source", structure.files_twice),
        _twice("public class names twice", structure.classes_twice),
        _table(
            ("tests", "functions", "lines"),
            [(name, found.functions, found.lines) for name, found in tests.items()],
            ("all", sum(found.functions for found in tests.values()), test_lines),
        ),
        f"lines of tests to lines of source: {test_lines / lines:.2f}",
    ]
    return "\n\n".join(sections)


def _special_kind(node: ast.stmt) -> Kind | None:
    """Return the kind of a statement that is no code like any other."""
    match node:
        case ast.Import() | ast.ImportFrom():
            return "imports"
        case ast.Expr(value=ast.Constant(value=str())):
            return "docstring"
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return "__all__"
        case ast.AugAssign(target=ast.Name(id="__all__")):
            return "__all__"
        case ast.AnnAssign(target=ast.Name(id="__all__")):
            return "__all__"
        case _:
            return None


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield every name that an import statement may lead to a module by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _lines(text: str) -> int:
    return len(io.StringIO(text).readlines())


def _sizes(modules: Iterable[Module]) -> dict[str, Size]:
    lines = defaultdict(list)
    for module in modules:
        lines[module.package].append(_lines(module.text))
    return {name: Size(len(counts), sum(counts)) for name, counts in sorted(lines.items())}


def _files_twice(modules: Iterable[Module]) -> dict[str, list[str]]:
    return _repeated((m.path.name, m.path.as_posix()) for m in modules if not m.is_init)


def _classes_twice(modules: Iterable[Module]) -> dict[str, list[str]]:
    return _repeated(
        (node.name, f"{module.path.as_posix()}:{node.lineno}")
        for module in modules
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )


def _repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names that come twice, each with its places."""
    places = defaultdict(list)
    for name, place in pairs:
        places[name].append(place)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def _tests(directory: Path) -> dict[str, Tests]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for module in read_modules(directory):
        count = counts[module.path.parts[0] if len(module.path.parts) > 1 else "."]
        count[0] += sum(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test")
            for node in ast.walk(module.tree)
        )
        count[1] += _lines(module.text)
    return {name: Tests(*count) for name, count in sorted(counts.items())}


def _table(
    head: tuple[str, ...], rows: Sequence[tuple[str | int, ...]], last: tuple[str | int, ...]
) -> str:
    """Return rows as aligned text: the first column to the left, numbers to the right."""
    texts = [
        [cell if isinstance(cell, str) else f"{cell:,}" for cell in row]
        for row in [head, *rows, last]
    ]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in texts
    )


def _single(structure: Structure) -> str:
    count, short = len(structure.one_importer), len(structure.short_one_importer)
    return f"modules with exactly one importer: {count}, {short} of them under {SHORT} lines"


def _twice(title: str, places: Mapping[str, Sequence[str]]) -> str:
    lines = [f"  {name}: {', '.join(found)}" for name, found in places.items()]
    return "\n".join([f"{title}: {len(places)}", *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a checkout and print what was found; 2 when it holds no source."""
    parser = argparse.ArgumentParser(description="Measure how the source is arranged.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to measure")
    parser.add_argument("--json", action="store_true", help="print JSON, every name in it")
    options = parser.parse_args(arguments)
    try:
        structure = measure(options.root)
    except FileNotFoundError as error:
        parser.error(str(error))
    print(json.dumps(asdict(structure), indent=2) if options.json else render(structure))
    return 0


if __name__ == "__main__":
    sys.exit(main())
