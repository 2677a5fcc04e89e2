"""Numbers that plugins add: in the report by their definition, with whom they count."""

from types import SimpleNamespace

import pytest

from funnelflow.plugins import NumberProvider, hookimpl
from funnelflow.report import definition_of

from ..funnels import DAY, T0


def offering(*numbers):
    """Return a plugin that offers numbers."""
    return SimpleNamespace(__name__="ours", funnelflow_numbers=hookimpl(lambda: list(numbers)))


@pytest.fixture
def two(workspace, clock):
    """Give a workspace with two contacts, one of whom subscribed after two days."""
    clock.now = T0 + 9 * DAY
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + 2 * DAY)
    workspace.add("bob", at=T0)
    return workspace


def waited(stays, decisions):
    """Return how many days a contact was in the first stage; None while it is there."""
    assert decisions[0].event.name == "add"
    return None if stays[0].left is None else (stays[0].left - stays[0].entered).days


def test_a_number_of_a_plugin_is_counted_and_lists_its_contacts(two):
    number = NumberProvider("waited", "Days in the first stage.", waited, "mean", "Waited", "days")
    two.context.plugins.register(offering(number))
    (report,) = two.report()
    (found,) = report.plugin_numbers
    assert (found.name, found.value, found.counted, found.unit) == ("plugin/waited", 2.0, 1, "days")
    assert (found.definition, found.plugin, found.problem) == (
        "Days in the first stage.", "ours", "",
    )  # fmt: skip
    assert [one.contact for one in two.counted("plugin/waited")] == ["ada"]
    assert definition_of("plugin/waited").pattern == "plugin/NAME"


def test_true_counts_a_contact_and_false_does_not(two):
    number = NumberProvider("here", "Still new.", lambda stays, _: len(stays) == 1)
    two.context.plugins.register(offering(number))
    ((found,),) = (report.plugin_numbers for report in two.report())
    assert (found.value, found.counted) == (1.0, 1)
    assert [one.contact for one in two.counted("plugin/here")] == ["bob"]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda stays, _: stays[9], "it failed: IndexError: tuple index out of range"),
        (lambda *_: "seven", "it failed: TypeError: it gave str; give a number, True"),
        (lambda *_: float("nan"), "it failed: TypeError"),
    ],
)
def test_a_number_that_fails_is_said_and_harms_no_other(two, function, said):
    broken = NumberProvider("broken", "Nothing.", function)
    sound = NumberProvider("all", "Everybody.", lambda *_: True)
    two.context.plugins.register(offering(broken, sound))
    ((first, second),) = (report.plugin_numbers for report in two.report())
    assert first.problem.startswith(said)
    assert first.value is None
    assert second.value == 2
