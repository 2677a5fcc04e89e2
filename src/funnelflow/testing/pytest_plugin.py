"""The pytest plugin: fixtures for those who build on funnelflow, and scenarios as tests.

It is loaded in every project of an environment in which funnelflow is installed, so it
imports nothing before it is used.

Fixtures, in the order in which one needs the other:

* `funnelflow_clock`: a clock that stands still.
* `funnelflow_workspace`: makes temporary workspaces; call it with a definition.
* `funnelflow_register`: uses a plugin until the end of the test.
* `funnelflow_receiver`: a server on this machine that records webhooks.

Scenarios: ``pytest definitions/`` makes every scenario of the definition files in it a test,
and says in the end which transitions and criteria no scenario exercises. YAML files are taken
for definitions in directories of these names, or wherever they are named on the command line::

    [tool.pytest.ini_options]
    funnelflow_definitions = ["definitions"]
    funnelflow_plugins = ["my_package"]      # modules that are plugins too, as with -p
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from funnelflow.plugins import Plugin
    from funnelflow.testing.fixtures import FrozenClock, Receiver, WorkspaceMaker

DIRECTORIES = "funnelflow_definitions"
MODULES = "funnelflow_plugins"
SUFFIXES = (".yaml", ".yml")
RESET = frozenset({"funnelflow_workspace", "funnelflow_register", "funnelflow_clock"})
"""Fixtures that begin anew with each example of a test with ``@given``."""
_HEAD = 65_536
_HYPOTHESIS_SETTINGS = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a test, and its own plugin looks for them."""

pytest.register_assert_rewrite("funnelflow.testing.contracts")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that says where definitions are."""
    parser.addini(
        DIRECTORIES,
        "names of the directories whose YAML files are funnel definitions",
        type="args",
        default=["definitions"],
    )
    parser.addini(MODULES, "modules that are funnelflow plugins", type="args", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a YAML file for a definition, if it is where definitions are and looks like one."""
    if file_path.suffix not in SUFFIXES:
        return None
    named = parent.session.isinitpath(file_path)
    if not named and file_path.parent.name not in parent.config.getini(DIRECTORIES):
        return None
    if not _speaks_of_a_funnel(file_path):
        return None
    from funnelflow.testing.collecting import DefinitionFile  # noqa: PLC0415  # only if it is one

    modules = parent.config.getini(MODULES)
    return DefinitionFile.from_parent(parent, path=file_path, modules=modules)


def _speaks_of_a_funnel(path: Path) -> bool:
    """Whether a file could be a definition, whatever else is in a directory of that name."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return any(line.startswith("funnel:") for line in file.read(_HEAD).splitlines())
    except OSError:
        return False


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let tests with ``@given`` use the fixtures that begin anew with each example.

    Of all others hypothesis says that they do not, and so it does of ours beside them.
    """
    function = getattr(item, "obj", None)
    if not getattr(function, "is_hypothesis_test", False):
        return
    import inspect  # noqa: PLC0415  # as above

    taken = set(inspect.signature(item.function).parameters) - {"self"}  # type: ignore[attr-defined]
    if taken and taken <= RESET:
        from hypothesis import HealthCheck, settings  # noqa: PLC0415  # it is there: it made the test

        inner = getattr(function, "__func__", function)
        usual = settings()
        own = getattr(inner, _HYPOTHESIS_SETTINGS, usual)
        suppressed = [*own.suppress_health_check, HealthCheck.function_scoped_fixture]
        deadline = None if own.deadline == usual.deadline else own.deadline  # of making a workspace
        adapted = settings(own, suppress_health_check=suppressed, deadline=deadline)
        setattr(inner, _HYPOTHESIS_SETTINGS, adapted)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write what no scenario exercises, if any scenario was run."""
    import sys  # noqa: PLC0415  # as above

    collecting = sys.modules.get("funnelflow.testing.collecting")
    if collecting is not None:
        collecting.write_coverage(terminalreporter, config)


@pytest.fixture
def funnelflow_clock() -> FrozenClock:
    """A clock that stands still at a Monday morning until `advance` moves it."""
    from funnelflow.testing.fixtures import FrozenClock  # noqa: PLC0415  # as above

    return FrozenClock()


@pytest.fixture
def funnelflow_workspace(tmp_path: Path, funnelflow_clock: FrozenClock) -> Iterator[WorkspaceMaker]:
    """Makes temporary workspaces: ``funnelflow_workspace("standard")`` gives one."""
    from funnelflow.testing.fixtures import WorkspaceMaker  # noqa: PLC0415  # as above

    maker = WorkspaceMaker(tmp_path / "funnelflow", funnelflow_clock)
    try:
        yield maker
    finally:
        maker.close()


@pytest.fixture
def funnelflow_register(funnelflow_workspace: WorkspaceMaker) -> Callable[..., Plugin]:
    """Uses a plugin until the end of the test, whatever becomes of the test."""
    return funnelflow_workspace.register


@pytest.fixture
def funnelflow_receiver() -> Iterator[Receiver]:
    """A server on this machine that records the requests it gets."""
    from funnelflow.testing.fixtures import Receiver  # noqa: PLC0415  # as above

    with Receiver() as receiver:
        yield receiver
