"""Holding the criteria language to CEL: run conformance cases and count the answers.

    python -m funnelflow.testing.cel_conformance DIRECTORY

reads every ``*.json`` of a directory: arrays of cases, each with ``expr``, optional
``bindings`` (variable to value) and ``expect``. A value is an object with one key, its CEL
type: ``{"int": 1}``, ``{"double": "1.5"}``, ``{"string": "x"}``, ``{"bool": true}``,
``{"list": […]}``, ``{"timestamp": "RFC 3339"}``, ``{"duration": "1.5s"}``, and so on;
``{"error": true}`` means that evaluation must fail.

A case is *accepted* if it compiles and gives exactly the value (for an error: unknown),
*rejected* if it does not compile and the message has a place, and *wrong* otherwise. The
language is a strict subset of CEL, so rejecting is fine and wrong is not: the command
exits 1 if any case is wrong.

Variables of a case are read as ``contact.NAME``, since criteria have no bare variables.
"""

import datetime as dt
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from attrs import frozen

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    CriterionError,
    Field,
    Scope,
    Type,
    Value,
    compile_expression,
    list_of,
)
from funnelflow.criteria.lexer import SyntaxProblem, tokenize
from funnelflow.errors import FieldError

Verdict: TypeAlias = Literal["accepted", "rejected", "wrong"]

_TYPES: Final = {
    "bool": BOOLEAN,
    "int": INTEGER,
    "double": NUMBER,
    "string": TEXT,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
}
_IN_DAYS: Final = re.compile(r"duration\(\s*['\"][^'\"]*[0-9][dw]")
"""What criteria take beyond CEL, so that ``after: 30d`` and ``duration("30d")`` read alike."""
_NOW: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class _Unreadable(Exception):  # noqa: N818  # an answer, not an error
    """A value of a type that criteria do not have."""


@frozen
class CaseOutcome:
    """What became of a case: the verdict, and in words how it came about."""

    verdict: Verdict
    words: str


def run_case(case: Mapping[str, Any]) -> CaseOutcome:
    """Run one case."""
    facts, fields = _bound(case.get("bindings", {}))
    source = _renamed(case["expr"], fields)
    try:
        expression = compile_expression(source, Scope(fields), expect=None)
    except CriterionError as error:
        return _rejected(source, error)
    if _IN_DAYS.search(source):
        return CaseOutcome("rejected", "a duration in days, which CEL has not and criteria have")
    given = expression.value(facts, {}, _NOW)
    if expression.holds(facts, {}, _NOW) is not (given is True):
        return CaseOutcome("wrong", f"gave {given!r}, and holds differs")
    if case["expect"].get("error"):
        verdict: Verdict = "accepted" if given is None else "wrong"
        return CaseOutcome(verdict, f"gave {given!r}, wanted an error")
    try:
        wanted = read_value(case["expect"])
    except (_Unreadable, FieldError) as odd:
        return CaseOutcome("wrong", f"gave {given!r}, wanted {odd}")
    right = _same(given, wanted)
    return CaseOutcome("accepted" if right else "wrong", f"gave {given!r}, wanted {wanted!r}")


def read_value(value: Mapping[str, Any]) -> Value:
    """Read the value of a case."""
    kind, raw = next(iter(value.items()))
    match kind:
        case "double":
            return float(raw)
        case "timestamp":
            return _read_time(raw)
        case "duration":
            return _read_duration(raw)
        case "list":
            return tuple([_single(read_value(item)) for item in raw])
        case "bool" | "int" | "string":
            scalar: Value = raw
            return scalar
    raise _Unreadable(kind)


def main(arguments: Sequence[str]) -> int:
    """Run every case of a directory, print the counts, and give the exit code."""
    if len(arguments) != 1 or not (directory := Path(arguments[0])).is_dir():
        sys.stderr.write("usage: python -m funnelflow.testing.cel_conformance DIRECTORY\n")
        return 2
    files = sorted(directory.glob("*.json"))
    if not files:
        sys.stderr.write(f"{directory} holds no .json file\n")
        return 2
    total: Counter[Verdict] = Counter()
    for file in files:
        total += _run_file(file)
    _print("total", total)
    return 1 if total["wrong"] else 0


def _run_file(file: Path) -> "Counter[Verdict]":
    """Run the cases of a file, print its counts and what is wrong."""
    counts: Counter[Verdict] = Counter()
    wrong = []
    for case in json.loads(file.read_text(encoding="utf-8")):
        outcome = run_case(case)
        counts[outcome.verdict] += 1
        if outcome.verdict == "wrong":
            wrong.append(f"  wrong: {case['expr']!r}: {outcome.words}\n")
    _print(file.name, counts)
    sys.stdout.writelines(wrong)
    return counts


def _print(name: str, counts: "Counter[Verdict]") -> None:
    """Print one row of counts."""
    row = f"{counts['accepted']:5} accepted {counts['rejected']:5} rejected"
    sys.stdout.write(f"{name:28} {row} {counts['wrong']:5} wrong\n")


def _rejected(source: str, error: CriterionError) -> CaseOutcome:
    """Look at a rejection: it must say where."""
    for problem in error.problems:
        if not (0 <= problem.start <= problem.end <= len(source) and problem.message):
            return CaseOutcome("wrong", f"a message without a place: {problem}")
    return CaseOutcome("rejected", error.message)


def _bound(bindings: Mapping[str, Any]) -> tuple[dict[str, Value], dict[str, Field]]:
    """Return the variables of a case as facts and as fields; those that cannot be are left out."""
    facts: dict[str, Value] = {}
    fields: dict[str, Field] = {}
    for name, raw in bindings.items():
        try:
            kind, facts[name] = _kind(raw), read_value(raw)
        except (_Unreadable, FieldError):
            continue
        fields[name] = Field(name, kind)
    return facts, fields


def _kind(value: Mapping[str, Any]) -> Type:
    """Return the type of the value of a case."""
    kind, raw = next(iter(value.items()))
    if kind != "list" or not raw:
        return _TYPES.get(kind, list_of(TEXT))
    items = {_kind(item) for item in raw}
    if len(items) != 1 or (only := items.pop()).is_list:
        raise _Unreadable(kind)
    return list_of(only)


def _renamed(source: str, fields: Mapping[str, Field]) -> str:
    """Write ``contact.`` before every variable."""
    try:
        tokens = tokenize(source, [])
    except SyntaxProblem:
        return source
    for before, token in reversed(list(zip([None, *tokens], tokens, strict=False))):
        selected = before is not None and before.text == "."
        variable = token.kind == "name" and token.text not in ("true", "false", "null")
        if variable and token.text in fields and not selected:
            source = f"{source[: token.start]}contact.{source[token.start :]}"
    return source


def _read_time(raw: str) -> dt.datetime:
    """Read a timestamp; one that is finer than a microsecond can be no answer of ours."""
    value = Field("x", TIMESTAMP).normalise(raw)
    assert isinstance(value, dt.datetime)
    return value


def _read_duration(raw: str) -> dt.timedelta:
    """Read a duration."""
    value = Field("x", DURATION).normalise(raw)
    assert isinstance(value, dt.timedelta)
    return value


def _single(value: Value) -> Any:
    """Refuse a list in a list."""
    if isinstance(value, tuple):
        raise _Unreadable("a list of lists")
    return value


def _same(given: Value | None, wanted: Value) -> bool:
    """Whether two values are the same, type included; NaN is NaN."""
    if isinstance(given, tuple) and isinstance(wanted, tuple):
        return len(given) == len(wanted) and all(map(_same, given, wanted))
    if type(given) is not type(wanted):
        return False
    if isinstance(given, float) and isinstance(wanted, float):
        return given == wanted or (math.isnan(given) and math.isnan(wanted))
    return given == wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
