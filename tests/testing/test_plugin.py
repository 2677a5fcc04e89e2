"""The fixtures of the pytest plugin, and that it costs nobody anything."""

import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from funnelflow.errors import ConfigurationError, UnknownNameError
from funnelflow.plugins import hookimpl
from funnelflow.testing import Answer

from .support import run_apart


def test_the_clock_stands_still_until_it_is_moved(funnelflow_clock):
    before = funnelflow_clock()
    assert funnelflow_clock() == before
    assert (funnelflow_clock.advance("30d") - before).days == 30
    assert funnelflow_clock() == funnelflow_clock.now


def test_a_workspace_is_empty_and_its_time_is_that_of_the_clock(
    funnelflow_workspace, funnelflow_clock
):
    workspace = funnelflow_workspace("standard")
    workspace.add("ada")
    assert workspace.contact("ada").created_at == funnelflow_clock()


def test_two_workspaces_know_nothing_of_each_other(funnelflow_workspace):
    one, other = funnelflow_workspace(), funnelflow_workspace()
    one.add("ada")
    with pytest.raises(UnknownNameError):
        other.contact("ada")


def test_a_workspace_has_the_files_that_it_is_given(funnelflow_workspace):
    plugin = "from funnelflow.plugins import *\nseen = []\n"
    plugin += "@hookimpl\ndef funnelflow_contact_created(context): seen.append(context.contact)\n"
    workspace = funnelflow_workspace(
        "mine",
        files={
            "mine.yaml": "funnel: mine\ninitial: new\nstages: {new: {}}\n",
            "plugins/watch.py": plugin,
        },
    )
    workspace.add("ada")
    (watch,) = workspace.plugins.plugins
    assert watch.hooks["funnelflow_contact_created"].function.__globals__["seen"] == ["ada"]


class Watching:
    def __init__(self) -> None:
        self.seen = []

    @hookimpl
    def funnelflow_after_commit(self, context):
        self.seen.append(context.event)


def test_a_registered_plugin_is_used_by_workspaces_of_the_test(
    funnelflow_workspace, funnelflow_register
):
    watching = Watching()
    funnelflow_register(watching)
    funnelflow_workspace().add("ada")
    assert watching.seen == ["add"]


def test_a_plugin_that_cannot_be_used_is_an_error_of_the_test(funnelflow_register):
    class Wrong:
        @hookimpl
        def funnelflow_after_comit(self, context): ...

    with pytest.raises(ConfigurationError, match="did you mean funnelflow_after_commit"):
        funnelflow_register(Wrong())


def test_plugins_are_unregistered_whatever_becomes_of_the_test(tmp_path, run_pytest):
    (tmp_path / "test_it.py").write_text(
        "hosts = []\n"
        "class Plugin: ...\n"
        "def test_fails(funnelflow_workspace, funnelflow_register):\n"
        "    hosts.append(funnelflow_workspace.host)\n"
        "    funnelflow_register(Plugin(), 'mine')\n"
        "    assert 0\n"
        "def test_after(funnelflow_workspace):\n"
        "    assert hosts[0].plugins == () == funnelflow_workspace.host.plugins\n"
    )
    assert run_pytest(tmp_path).counts() == {"failed": 1, "passed": 1}


def test_the_receiver_records_what_it_gets_and_answers_as_planned(funnelflow_receiver):
    funnelflow_receiver.planned = [Answer(503, {"Retry-After": "7"})]
    asked = urllib.request.Request(
        f"{funnelflow_receiver.url}hook", data=b'{"a": 1}', headers={"X-Test": "yes"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    refused.value.close()
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "7")
    with urllib.request.urlopen(asked) as answer:
        assert answer.status == 200
    first, second = funnelflow_receiver.wait_for(2)
    assert (first.method, first.path, first.headers["x-test"]) == ("POST", "/hook", "yes")
    assert second.json() == {"a": 1}


def test_waiting_for_what_does_not_come_ends(funnelflow_receiver):
    with pytest.raises(TimeoutError, match="0 of 1"):
        funnelflow_receiver.wait_for(1, seconds=0.05)


def test_a_project_that_does_not_use_it_imports_next_to_nothing():
    program = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import funnelflow.testing.pytest_plugin\n"
        "new = sorted(set(sys.modules) - before)\n"
        "own = ['funnelflow', 'funnelflow.testing', 'funnelflow.testing.pytest_plugin']\n"
        "assert new == own, new\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_project_that_does_not_use_it_sees_nothing_of_it(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_passes():\n"
        "    loaded = [m for m in sys.modules if m.startswith('funnelflow.')]\n"
        "    assert loaded == ['funnelflow.testing', 'funnelflow.testing.pytest_plugin']\n"
    )
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "data.yaml").write_text("a: 1\n")
    ran = run_apart(tmp_path, "-W", "error", "--strict-config", "--strict-markers")
    assert ran.counts() == {"passed": 1}
    assert "funnelflow:" not in ran.out


WITH_GIVEN = """
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from funnelflow.plugins import hookimpl
times = []

class Watch:
    @hookimpl
    def funnelflow_after_commit(self, context): ...

few = settings(max_examples=3)

@few
@given(strategies.integers(0, 9))
def test_each_example_begins_anew(
    funnelflow_workspace, funnelflow_register, funnelflow_clock, number
):
    times.append(funnelflow_clock())
    funnelflow_register(Watch(), "watch")
    workspace = funnelflow_workspace("standard")
    workspace.add("ada")
    funnelflow_clock.advance("1d")
    assert len(set(times)) == 1

@settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.integers(0, 9))
def test_settings_of_its_own_are_kept(funnelflow_workspace, number):
    funnelflow_workspace("standard").add("ada")

@few
@given(strategies.integers(0, 9))
def test_other_fixtures_are_not_excused(funnelflow_workspace, tmp_path, number): ...
"""


def test_a_test_with_given_can_use_the_workspace_and_begins_anew_with_each_example(tmp_path):
    (tmp_path / "test_given.py").write_text(WITH_GIVEN)
    ran = run_apart(tmp_path)
    assert ran.counts() == {"passed": 2, "failed": 1}
    assert "FailedHealthCheck" in ran.out
