"""The small changes that a mutation run makes: where each is, and what stands there instead.

A change is found in the syntax tree and made in the text, so that everything else in the file
stays as it is. What is changed, by kind:

- `comparison`: an operator becomes its opposite, and an order takes in its boundary or leaves it
- `boolean`: `and` becomes `or`, and the reverse
- `not`: it is left out; `condition`: one is put before what `if` and its kin ask
- `constant`: a number is one more or one less, `True` is `False`
- `default`: a parameter's default text is empty, or is not
- `arithmetic`: `+` becomes `-`, `*` becomes `//`, and the reverse; `/` becomes `*`
- `function`: `min` becomes `max`, `any` becomes `all`, and the reverse
- `return`: `None` is returned, but not for `False`, which mostly means the same
- `loop`: `break` becomes `continue`, and the reverse
- `statement`: a call, an assignment to a part of something, a deletion or a `raise` is left out

Left alone is what no test should notice: docstrings, `__all__`, annotations and aliases of types,
blocks for a type checker or for `__main__`, assertions (they state what the types cannot), texts,
and what makes up an error or an f-string.
"""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

__all__ = ["Change", "changes_in", "mutate"]

COMPARISONS: Final[Mapping[str, tuple[str, ...]]] = {
    "==": ("!=",),
    "!=": ("==",),
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "is": ("is not",),
    "is not": ("is",),
    "in": ("not in",),
    "not in": ("in",),
}
ARITHMETIC: Final = {"+": "-", "-": "+", "*": "//", "//": "*", "/": "*"}
FUNCTIONS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
BOOLEANS: Final = {"and": "or", "or": "and"}
_COMPARISON: Final = re.compile(rb"is\s+not\b|is\b|not\s+in\b|in\b|[=!<>]=|[<>]")
_ARITHMETIC: Final = re.compile(rb"//|[+\-*/]")
_NOT: Final = re.compile(rb"not\b\s*")
_BOOLEAN: Final = re.compile(rb"and\b|or\b")
_ALIASES: Final = frozenset({"TypeAlias", "TypeVar", "NewType", "ParamSpec"})
_NO_BLOCKS: Final = frozenset({"TYPE_CHECKING", "__name__"})


@frozen(order=True)
class Change:
    """One small change of one file.

    Args:
        path: The file.
        start: The first byte that is replaced.
        end: The byte after the last one that is.
        replacement: What stands there instead.
        kind: What sort of change it is, see above.
        line: The line on which it begins, from 1.
    """

    path: Path
    start: int
    end: int
    replacement: str
    kind: str
    line: int


def changes_in(path: Path, source: bytes) -> list[Change]:
    """Return every change of a file, in the order of the text.

    Args:
        path: What the file is called in the changes.
        source: What is in it, in UTF-8.

    Raises:
        SyntaxError: It is not Python.
    """
    return sorted(set(_Finder(path, source).found()))


def mutate(source: bytes, change: Change) -> bytes | None:
    """Return the text with a change; None if that is not Python, or the same program."""
    changed = source[: change.start] + change.replacement.encode() + source[change.end :]
    try:
        compile(changed, str(change.path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return None if ast.dump(ast.parse(changed)) == ast.dump(ast.parse(source)) else changed


class _Finder:
    """Walks the tree of one file, and knows where its nodes are in the text."""

    def __init__(self, path: Path, source: bytes) -> None:
        self._path = path
        self._source = source
        lengths = (len(line) for line in source.splitlines(keepends=True))
        self._lines = list(itertools.accumulate(lengths, initial=0))

    def found(self) -> Iterator[Change]:
        for node in _walk(ast.parse(self._source)):
            yield from self._changes(node)

    def _changes(self, node: ast.AST) -> Iterator[Change]:
        """Yield the changes of one node, without those of its parts."""
        if isinstance(node, ast.stmt):
            yield from self._statement(node)
        elif isinstance(node, ast.arguments):
            yield from self._defaults(node)
        elif isinstance(node, ast.Constant):
            yield from self._constant(node, node.value)
        elif isinstance(node, ast.expr):
            yield from self._expression(node)
        yield from self._conditions(node)

    def _expression(self, node: ast.expr) -> Iterator[Change]:
        match node:
            case ast.Compare(left=left, comparators=comparators):
                for one, two in itertools.pairwise([left, *comparators]):
                    yield from self._between("comparison", _COMPARISON, one, two, COMPARISONS)
            case ast.BoolOp(values=values):
                for one, two in itertools.pairwise(values):
                    yield from self._between("boolean", _BOOLEAN, one, two, BOOLEANS)
            case ast.BinOp(left=left, right=right):
                yield from self._between("arithmetic", _ARITHMETIC, left, right, ARITHMETIC)
            case ast.UnaryOp(op=ast.Not()):
                found = _NOT.match(self._source, self._start(node))
                if found is not None:
                    yield self._change("not", found.start(), found.end(), "")
            case ast.Call(func=ast.Name(id=name) as function) if name in FUNCTIONS:
                yield self._replace("function", function, FUNCTIONS[name])

    def _statement(self, node: ast.stmt) -> Iterator[Change]:
        match node:
            case ast.Return(value=ast.expr() as value) if not _is_no(value):
                yield self._replace("return", value, "None")
            case ast.Break():
                yield self._replace("loop", node, "continue")
            case ast.Continue():
                yield self._replace("loop", node, "break")
        if _can_go(node):
            yield self._replace("statement", node, "pass")

    def _conditions(self, node: ast.AST) -> Iterator[Change]:
        tests: list[ast.expr] = []
        if isinstance(node, ast.If | ast.IfExp):
            tests = [node.test]
        elif isinstance(node, ast.comprehension):
            tests = node.ifs
        for test in tests:
            if not isinstance(test, ast.Compare | ast.UnaryOp):  # those have their opposite
                yield self._replace("condition", test, f"(not ({self._text(test)}))")

    def _constant(self, node: ast.Constant, value: object) -> Iterator[Change]:
        if isinstance(value, bool):
            yield self._replace("constant", node, str(not value))
        elif isinstance(value, int | float):
            for other in (value + 1, value - 1):
                yield self._replace("constant", node, f"({other!r})" if other < 0 else repr(other))

    def _defaults(self, node: ast.arguments) -> Iterator[Change]:
        for default in [*node.defaults, *node.kw_defaults]:
            match default:
                case ast.Constant(value=str() as text):
                    yield self._replace("default", default, '""' if text else '"x"')

    def _between(
        self,
        kind: str,
        operator: re.Pattern[bytes],
        left: ast.expr,
        right: ast.expr,
        others: Mapping[str, tuple[str, ...] | str],
    ) -> Iterator[Change]:
        """Yield the changes of the operator between two operands, which parentheses may hold."""
        begin, end = self._end(left), self._start(right)
        if b"#" in self._source[begin:end]:
            return  # a comment may look like an operator
        found = operator.search(self._source, begin, end)
        if found is None:
            return
        instead = others[" ".join(found[0].decode().split())]
        for other in [instead] if isinstance(instead, str) else instead:
            yield self._change(kind, found.start(), found.end(), other)

    def _replace(self, kind: str, node: ast.expr | ast.stmt, replacement: str) -> Change:
        return self._change(kind, self._start(node), self._end(node), replacement)

    def _change(self, kind: str, start: int, end: int, replacement: str) -> Change:
        line = self._source.count(b"\n", 0, start) + 1
        return Change(self._path, start, end, replacement, kind, line)

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr) -> str:
        return self._source[self._start(node) : self._end(node)].decode()


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and its parts, without those that are left alone."""
    yield node
    if isinstance(node, ast.Raise):
        return  # it can be left out as a whole; what it says is no matter of tests
    for part in _parts(node):
        if not _left_alone(part):
            yield from _walk(part)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield part


def _left_alone(node: ast.AST) -> bool:
    """Whether nothing within a node is changed."""
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assert() | ast.JoinedStr():
            return True
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "cast")):
            return True
        case ast.AnnAssign(annotation=said) | ast.Assign(value=ast.Call(func=said)):
            return bool(_names(said) & _ALIASES)
        case ast.If(test=said):
            return bool(_names(said) & _NO_BLOCKS)
        case _:
            return False


def _names(node: ast.AST) -> set[str]:
    return {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }


def _can_go(node: ast.stmt) -> bool:
    """Whether a program without a statement is another one that may well run."""
    match node:
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()):
            return True
        case ast.Assign(targets=targets):
            return not any(isinstance(target, ast.Name | ast.Tuple) for target in targets)
        case ast.AugAssign() | ast.Delete() | ast.Raise():
            return True
        case _:
            return False


def _is_no(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)
