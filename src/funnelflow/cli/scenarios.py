"""``funnelflow test``: the scenarios of definitions, run."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from funnelflow.cli.complete import complete_definition
from funnelflow.cli.find import definitions_here, library_here, linked_from
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import counted, note, page_for, say, write_json
from funnelflow.cli.render_scenarios import scenarios_lines
from funnelflow.cli.session import current
from funnelflow.definition import Linked
from funnelflow.engine import Coverage, Funnel, ScenarioResult, coverage_of, run_scenario

__all__ = ["test"]


@command(
    "test",
    "funnelflow test",
    "funnelflow test dialogue",
    "funnelflow test definitions/standard.yaml",
)
@click.argument(
    "definitions", nargs=-1, metavar="[DEFINITION]...", shell_complete=complete_definition
)
@as_json
def test(definitions: tuple[str, ...]) -> int:
    """Run the scenarios of definitions.

    DEFINITION is a file or the name of a definition; without any, all of the
    workspace's are tested. Says which transitions and criteria no scenario
    exercises. Exits 1 if a story ends in another stage than it must.
    """
    session = current()
    library = library_here(session)
    loaded = [linked_from(source, library) for source in definitions_here(definitions, session)]
    ran = [(linked, _run(linked)) for linked in loaded]
    if session.json:
        write_json([_data(linked, results) for linked, results in ran])
    else:
        page = page_for(sys.stdout)
        for linked, results in ran:
            say([*scenarios_lines(linked, results, page), ()])
    flat = [result for _, results in ran for result in results]
    failed = sum(not result.passed for result in flat)
    note(f"{counted(len(flat), 'scenario')}: {len(flat) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _run(linked: Linked) -> list[ScenarioResult]:
    funnel = Funnel(linked)
    return [run_scenario(funnel, scenario) for scenario in linked.definition.scenarios]


def _data(linked: Linked, results: Sequence[ScenarioResult]) -> dict[str, Any]:
    return {
        "definition": linked.definition.name,
        "version": linked.definition.version,
        "scenarios": [
            {
                "story": result.scenario.story,
                "passed": result.passed,
                "expected": result.expected,
                "actual": result.actual,
                "error": result.error,
            }
            for result in results
        ],
        "coverage": _coverage_data(coverage_of(linked, results)),
    }


def _coverage_data(coverage: Coverage) -> dict[str, Any]:
    return {
        "transitions": coverage.transitions,
        "untaken": [_transition(t.transition.sources, t.to) for t in coverage.untaken],
        "criteria": coverage.criteria,
        "unseen": [
            {**_transition(t.transition.sources, t.to), "criterion": label}
            for t, label in coverage.unseen
        ],
    }


def _transition(sources: Sequence[str], to: str) -> dict[str, Any]:
    return {"from": list(sources), "to": to}
