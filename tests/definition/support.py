"""Reading a definition from text in a test, and its problems in few words."""

import textwrap
from pathlib import Path

from funnelflow.definition import Library, LoadedFile, Problem, read_definition

HEAD = """\
funnel: small
fields: {budget: number, score: integer, authority: text, fits: boolean, tags: list of text}
events: {form: {}, call: {fields: {way: text}}, quiet: {}}
initial: lead
"""
"""The beginning of a definition; seven lines are left to say what a test is about."""


def read(directory: Path, text: str, library: Library | None = None) -> LoadedFile:
    """Write text into a file of a directory and read it."""
    path = directory / "small.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8", newline="")
    return read_definition(path, library)


def told(problem: Problem) -> str:
    """Return a problem as ``line:column-end CODE``."""
    position = problem.position
    assert position is not None
    end = "" if problem.end_column is None else problem.end_column
    return f"{position.line}:{position.column}-{end} {problem.code}"


def codes(reading: LoadedFile) -> list[str]:
    """Return the codes of a reading's problems."""
    return [problem.code for problem in reading.problems]


def only(reading: LoadedFile) -> Problem:
    """Return the one problem of a reading."""
    (problem,) = reading.problems
    return problem
