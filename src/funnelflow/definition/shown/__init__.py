"""Problems as people and programs want to read them."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from funnelflow.definition.problems import Problem
from funnelflow.definition.shown.machines import github, json_text, sarif
from funnelflow.definition.shown.people import concise, full

__all__ = ["FORMATS", "Format", "render_problems"]

Format: TypeAlias = Literal["full", "concise", "json", "github", "sarif"]

FORMATS = {"full": full, "concise": concise, "json": json_text, "github": github, "sarif": sarif}


def render_problems(
    problems: Iterable[Problem],
    sources: Mapping[str, str],
    format: Format = "full",  # noqa: A002
) -> str:
    """Give problems as text.

    Args:
        problems: The problems.
        sources: The text of the files they stand in, by path, for the lines that are shown.
        format: ``full`` for people, with the line and a caret; ``concise`` with one line a
            problem; ``json``; ``github`` for workflow commands; ``sarif`` for SARIF 2.1.0.

    Returns:
        The text, ending in a line break unless it is empty.
    """
    return FORMATS[format](tuple(problems), sources)
