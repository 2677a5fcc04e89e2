"""The small changes of a mutation run: what is changed, into what, and what is left alone."""

import ast
from pathlib import Path

import mutants
import pytest

PATH = Path("module.py")


def changed(source: str, kind: str | None = None) -> list[str]:
    """Return every text that one change makes of another."""
    found = mutants.changes_in(PATH, source.encode())
    texts = [mutants.mutate(source.encode(), c) for c in found if kind in {None, c.kind}]
    return [text.decode() for text in texts if text is not None]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a <= b", "a >= b"]),
        ("a == b", ["a != b"]),
        ("a is  not b", ["a is b"]),
        ("a not in b", ["a in b"]),
        ("(a) in (b)", ["(a) not in (b)"]),
        ("a <= b == c", ["a < b == c", "a > b == c", "a <= b != c"]),
        ("a and b or c", ["a or b or c", "a and b and c"]),
        ("android and organ", ["android or organ"]),
        ("not a", ["a"]),
        ("not(a or b)", ["(a or b)", "not(a and b)"]),
        ("7", ["8", "6"]),
        ("0", ["1", "(-1)"]),
        ("2.5", ["3.5", "1.5"]),
        ("True", ["False"]),
        ("a + b", ["a - b"]),
        ("a // b", ["a * b"]),
        ("a / b", ["a * b"]),
        ("x = min(a)", ["x = max(a)"]),
        ("x = all(a)", ["x = any(a)"]),
        ("x = y.min(a)", []),
        ("a if b else c", ["a if (not (b)) else c"]),
        ("[a for a in b if c]", ["[a for a in b if (not (c))]"]),
        ('"é" < b', ['"é" <= b', '"é" >= b']),
    ],
)
def test_an_expression_is_changed_where_its_operator_stands(source, expected):
    assert sorted(changed(source)) == sorted(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return 'x'\n", ["def f():\n    return None\n"]),
        ("def f():\n    return None\n", []),
        ("def f():\n    return False\n", ["def f():\n    return True\n"]),
        ("for a in b:\n    break\n", ["for a in b:\n    continue\n"]),
        ("for a in b:\n    continue\n", ["for a in b:\n    break\n"]),
        ("f()\n", ["pass\n"]),
        ("a.b = c\n", ["pass\n"]),
        ("a = b\n", []),
        ("a += b\n", ["pass\n"]),
        ("raise E(1, a < b)\n", ["pass\n"]),
        ("def f(a, b='', *, c='d'): ...\n", None),
    ],
)
def test_a_statement_is_left_out_or_turned(source, expected):
    if expected is None:
        expected = [source.replace("''", '"x"'), source.replace("'d'", '""')]
    assert sorted(changed(source)) == sorted(expected)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring, 1 < 2."""\n',
        "__all__ = [f(1)]\n",
        "a: Literal[1] = b\n",
        "def f(a: L[1]) -> L[2]: ...\n",
        "X: TypeAlias = a + b\n",
        "T = TypeVar('T', bound=f(1))\n",
        "if TYPE_CHECKING:\n    f(1)\n",
        "if __name__ == '__main__':\n    f(1)\n",
        "assert a < 1\n",
        "x = f'{a < 1}'\n",
        "x = isinstance(a, 1)\n",
        "x = (a  # and so on\n     and b)\n",
    ],
)
def test_what_no_test_should_notice_is_left_alone(source):
    assert changed(source) == []


def test_a_change_knows_its_line():
    (change, _) = mutants.changes_in(PATH, b"a = b\n\nc = (d\n  < e)\n")
    assert (change.line, change.kind) == (4, "comparison")


def test_a_change_that_is_no_python_is_none():
    change = mutants.Change(PATH, 0, 1, "(", "comparison", 1)
    assert mutants.mutate(b"a\n", change) is None


def test_a_change_that_changes_nothing_is_none():
    change = mutants.Change(PATH, 0, 1, "(a)", "comparison", 1)
    assert mutants.mutate(b"a\n", change) is None


def test_every_change_of_a_real_file_changes_one_place():
    source = Path(mutants.__file__).read_bytes()
    found = mutants.changes_in(PATH, source)
    assert len(found) > 50
    for change in found:
        text = mutants.mutate(source, change)
        assert text is not None, change
        assert text.startswith(source[: change.start])
        assert text.endswith(source[change.end :])
        ast.parse(text)
