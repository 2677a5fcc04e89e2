"""Every hook is documented: what it is for, since when, and an example that runs."""

import doctest
import inspect
import re
from pathlib import Path

import hook_reference
import pytest

from funnelflow.plugins import hookspecs, load_plugins

from .support import committed, created, transition

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
HOOKS = hookspecs.HOOKS


def test_every_hook_there_is_is_listed():
    marked = [n for n, f in vars(hookspecs).items() if hasattr(f, "funnelflow_spec")]
    assert sorted(marked) == sorted(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_says_what_it_is_for_and_since_when(name):
    doc = inspect.getdoc(getattr(hookspecs, name))
    first = doc.splitlines()[0]
    assert first.endswith(".")
    assert re.fullmatch(r"\d+\.\d+", hook_reference.added(doc)), doc
    for parameter in inspect.signature(getattr(hookspecs, name)).parameters:
        assert f"\n    {parameter}: " in doc


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hook_runs_and_is_an_implementation_of_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    doc = inspect.getdoc(getattr(hookspecs, name))
    found = doctest.DocTestFinder().find(getattr(hookspecs, name), name, globs={})
    runner = doctest.DocTestRunner(verbose=False)
    for test in found:
        runner.run(test, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries >= 2
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "example.py").write_text(hook_reference.example(doc))
    (plugin,) = load_plugins(tmp_path, environment={}).plugins
    assert plugin.problems == []
    assert list(plugin.hooks) == [name]


@pytest.mark.parametrize("kind", hookspecs.OFFERS)
def test_the_example_of_a_registration_hook_offers_something(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "renewals.yaml").touch()
    (tmp_path / "plugins").mkdir()
    doc = inspect.getdoc(getattr(hookspecs, f"funnelflow_{kind}"))
    (tmp_path / "plugins" / "example.py").write_text(hook_reference.example(doc))
    host = load_plugins(tmp_path, environment={})
    assert host.offered(kind)
    assert host.plugins[0].problems == []


def test_the_examples_of_event_hooks_can_be_called(tmp_path):
    (tmp_path / "plugins").mkdir()
    for name in hookspecs.EVENT_HOOKS:
        doc = inspect.getdoc(getattr(hookspecs, name))
        path = tmp_path / "plugins" / f"{name.removeprefix('funnelflow_')}.py"
        path.write_text(hook_reference.example(doc))
    host = load_plugins(tmp_path, environment={})
    assert host.before(transition()) == []
    host.committed(committed())
    host.created(created())
    assert [plugin.problems for plugin in host.plugins] == [[], [], []]


def test_the_page_has_the_reference_that_the_hooks_give():
    wanted = hook_reference.page_with(PAGE, hook_reference.reference())
    assert wanted == PAGE, "run python tools/hook_reference.py"


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_on_the_page(name):
    assert f"\n### {name}(" in PAGE


def test_the_first_plugin_of_the_page_works(tmp_path):
    (program, *_) = re.findall(r"```python\n(\"\"\"How.*?)```", PAGE, re.DOTALL)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "ours.py").write_text(program)
    host = load_plugins(tmp_path, environment={})
    assert host.plugins[0].problems == []
    assert list(host.criteria) == ["answers_us"]
    assert host.before(transition(to="customer")) == []


def test_a_hook_that_is_not_documented_fails_the_tests(monkeypatch):
    def funnelflow_silent(): ...

    assert hook_reference.added(inspect.getdoc(funnelflow_silent) or "") == ""
    monkeypatch.setattr(hookspecs, "funnelflow_silent", funnelflow_silent, raising=False)
    monkeypatch.setattr(hookspecs, "HOOKS", (*HOOKS, "funnelflow_silent"))
    assert hook_reference.page_with(PAGE, hook_reference.reference()) != PAGE
