"""Problems for programs: JSON, the commands of GitHub's workflows, and SARIF."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from funnelflow.criteria import Position
from funnelflow.definition.codes import CODES
from funnelflow.definition.problems import Problem
from funnelflow.definition.shown.people import safe, where

__all__ = ["github", "json_text", "problem_to_json", "sarif"]

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def json_text(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Give a JSON list with an object for each problem."""
    return json.dumps([problem_to_json(problem) for problem in problems], indent=2) + "\n"


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Give a problem as JSON values; line and column are null where there is no file."""
    position = problem.position
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "path": problem.path,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "end_column": problem.end_column,
        "help": problem.help,
    }


def github(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Give a workflow command for each problem, which GitHub shows beside the line.

    See https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
    """
    return "".join(_command(problem) for problem in problems)


def _command(problem: Problem) -> str:
    properties = {"title": problem.code}
    position = problem.position
    if position:
        properties = {"file": position.path, "line": str(position.line)}
        properties |= {"col": str(position.column)}
        if problem.end_column:
            properties |= {"endColumn": str(problem.end_column)}
        properties |= {"title": problem.code}
    text = problem.message + (f" ({problem.help})" if problem.help else "")
    named = "" if position else f"{where(problem)}: "
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{problem.severity} {listed}::{_data(safe(named + text))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(safe(text)).replace(":", "%3A").replace(",", "%2C")


def sarif(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Give a SARIF 2.1.0 log with one run.

    See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
    """
    used = sorted({problem.code for problem in problems})
    rules = [_rule(code) for code in used]
    results = [_result(problem, used.index(problem.code)) for problem in problems]
    driver = {"name": "funnelflow", "informationUri": "https://pypi.org/project/funnelflow/"}
    run = {
        "tool": {"driver": {**driver, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.explanation},
        "defaultConfiguration": {"level": known.severity},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    text = problem.message + (f" ({problem.help})" if problem.help else "")
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": text},
    }
    if problem.position:
        return {**result, "locations": [{"physicalLocation": _location(problem, problem.position)}]}
    name = {"fullyQualifiedName": problem.name}
    return {**result, "locations": [{"logicalLocations": [name]}]}


def _location(problem: Problem, position: Position) -> dict[str, Any]:
    region = {"startLine": position.line, "startColumn": position.column}
    if problem.end_column:
        region |= {"endColumn": problem.end_column}
    return {"artifactLocation": {"uri": _uri(position.path)}, "region": region}


def _uri(path: str) -> str:
    """Give a path as a URI: absolute ones with their scheme, relative ones as they are."""
    pure = PurePath(path)
    return pure.as_uri() if pure.is_absolute() else _quoted(pure.as_posix())


def _quoted(path: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415  # used by this format alone

    return quote(path)
