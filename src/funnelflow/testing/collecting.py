"""Scenarios as tests: each is an item of pytest, and so is that its file is sound."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from funnelflow.definition import (
    Library,
    Linked,
    LinkedTransition,
    LoadedFile,
    Scenario,
    read_definition,
    render_problems,
)
from funnelflow.engine import Decision, Funnel, ScenarioResult, coverage_of, run_scenario
from funnelflow.plugins import PluginHost, load_plugins
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.workspace.settings import library_of

MOST = 10
"""How many of the things that no scenario exercises are named."""


@define
class Memory:
    """What one session of pytest has loaded and run."""

    hosts: dict[Path | None, PluginHost] = field(factory=dict)
    ran: dict[Path, tuple[Linked, list[ScenarioResult]]] = field(factory=dict)


_MEMORY = pytest.StashKey[Memory]()


class DefinitionFile(pytest.File):
    """A file with a definition.

    Args:
        modules: Modules that are plugins too.
    """

    def __init__(self, *, modules: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._modules = modules

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test that the file is sound, and one for each of its scenarios."""
        reading = read_definition(self.path, _library(self.path, self.config, self._modules))
        yield SoundItem.from_parent(self, name="is sound", reading=reading)
        linked = reading.linked
        if linked is None:
            return
        funnel = Funnel(linked)
        for name, scenario in _named(linked.definition.scenarios):
            yield ScenarioItem.from_parent(self, name=name, funnel=funnel, scenario=scenario)


class SoundItem(pytest.Item):
    """That nothing is wrong with a definition."""

    def __init__(self, *, reading: LoadedFile, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._reading = reading

    def runtest(self) -> None:
        """Fail with everything that is wrong; a warning is nothing wrong."""
        if self._reading.linked is None:
            text = render_problems(self._reading.problems, self._reading.sources, "full")
            pytest.fail(text, pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the test stands."""
        return self.path, 0, f"{self.path.name}: is sound"


class ScenarioItem(pytest.Item):
    """That a story ends in the stage in which it must."""

    def __init__(self, *, funnel: Funnel, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._funnel = funnel
        self._scenario = scenario

    def runtest(self) -> None:
        """Run the story; fail with its steps."""
        result = run_scenario(self._funnel, self._scenario)
        ran = _memory(self.config).ran
        ran.setdefault(self.path, (self._funnel.linked, []))[1].append(result)
        if not result.passed:
            pytest.fail(_failure(result), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the scenario stands."""
        position = self._scenario.position
        line = position.line - 1 if position is not None else None
        return self.path, line, f"{self.path.name}: {self._scenario.story}"


def write_coverage(terminal: Any, config: pytest.Config) -> None:
    """Write, for every definition whose scenarios all ran, what none of them exercises."""
    ran = _memory(config).ran
    whole = [
        (linked, results)
        for linked, results in ran.values()
        if len(results) == len(linked.definition.scenarios)
    ]
    if whole:
        terminal.section("funnelflow: what no scenario exercises")
    for linked, results in whole:
        for line in _coverage(linked, results):
            terminal.write_line(line)


def _coverage(linked: Linked, results: list[ScenarioResult]) -> Iterator[str]:
    """Yield in one line what is exercised, then name what is not."""
    found = coverage_of(linked, results)
    taken = found.transitions - len(found.untaken)
    seen = found.criteria - len(found.unseen)
    yield (
        f"{linked.definition.name}: {taken} of {found.transitions} transitions are taken, "
        f"{seen} of {found.criteria} criteria are looked at"
    )
    named = [f"  never taken: {_arrow(transition)}" for transition in found.untaken]
    named += [f"  never looked at: {label} ({_arrow(t)})" for t, label in found.unseen]
    yield from named[:MOST]
    if len(named) > MOST:
        yield f"  and {len(named) - MOST} more"


def _arrow(linked: LinkedTransition) -> str:
    on = ", ".join(linked.transition.on)
    return f"{', '.join(linked.transition.sources)} to {linked.transition.to}" + (
        f" on {on}" if on else ""
    )


def _failure(result: ScenarioResult) -> str:
    """Return a story that went another way, step by step."""
    head = result.error or f"it ended in {result.actual}, and must end in {result.expected}"
    return "\n".join([f"{result.scenario.story}: {head}", *map(_step, result.decisions)])


def _step(decision: Decision) -> str:
    event = f"{decision.event.name} {decision.event.to}".strip()
    lines = [f"  {event}: {decision.outcome}, {decision.after}"]
    for considered in decision.blocking:
        reasons = [
            f"{leaf.label} ({leaf.words})"
            for leaf in considered.leaves()
            if leaf.verdict.value != "met"
        ]
        if reasons:
            lines.append(f"    not to {considered.to}: {'; '.join(reasons)}")
    return "\n".join(lines)


def _named(scenarios: Iterable[Scenario]) -> Iterator[tuple[str, Scenario]]:
    """Yield scenarios with names of their own: a story that comes twice is numbered."""
    counts: dict[str, int] = {}
    for scenario in scenarios:
        count = counts[scenario.story] = counts.get(scenario.story, 0) + 1
        yield (scenario.story if count == 1 else f"{scenario.story} ({count})"), scenario


def _memory(config: pytest.Config) -> Memory:
    return config.stash.setdefault(_MEMORY, Memory())


def _library(path: Path, config: pytest.Config, modules: Sequence[str]) -> Library:
    """Return where a file's names are looked up: its workspace, plugins, and what ships."""
    memory = _memory(config)
    root = next((place for place in path.parents if (place / CONFIG_FILE).is_file()), None)
    if root not in memory.hosts:
        memory.hosts[root] = load_plugins(root, modules=modules)
    library = Library() if root is None else library_of(root)
    return memory.hosts[root].library(library)
