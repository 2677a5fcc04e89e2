"""Plugins are asked before the lock is taken, so that no other writer waits for them."""

import threading

import pytest

from funnelflow.criteria import NUMBER
from funnelflow.plugins import CriterionProvider, PluginHost, hookimpl
from funnelflow.workspace.workspace import Workspace

FUNNEL = """\
funnel: rooms
version: 1
fields: {guests: integer, note: text}
events: {booked: {}, paid: {}}
initial: asked
stages: {asked: {}, held: {}, sold: {type: won}}
transitions:
  - {from: asked, to: held, on: booked}
  - {from: held, to: sold, on: paid, require: [{criterion: small_group, most: 4}]}
"""
AT = "2026-05-04T10:00:00Z"
LONG = 20.0


class Slow:
    """Takes its time: until somebody else has written, if that somebody can."""

    def __init__(self) -> None:
        self.calls: list = []
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self.was_let_go: list[bool] = []
        self.reason: str | None = None

    def wait(self, what) -> None:
        self.calls.append(what)
        self.is_asked.set()
        self.was_let_go.append(self.may_answer.wait(LONG))

    @hookimpl
    def funnelflow_before_transition(self, context):
        self.wait((context.to, context.fields.get("guests")))
        return self.reason


class SlowCriterion(Slow):
    funnelflow_before_transition = None

    @hookimpl
    def funnelflow_criteria(self):
        return [CriterionProvider("small_group", self.is_small, "Small", {"most": NUMBER})]

    def is_small(self, call):
        self.wait(call.fields.get("guests"))
        return call.fields.get("guests", 0) <= call.arguments["most"]


class Quick:
    """Offers the criterion to a workspace that another process opens."""

    @hookimpl
    def funnelflow_criteria(self):
        return [CriterionProvider("small_group", lambda _: True, "Small", {"most": NUMBER})]


@pytest.fixture
def hotel(tmp_path, database):
    """A workspace with ada in `held`, and what opens it with a plugin."""
    (tmp_path / "rooms.yaml").write_text(FUNNEL)
    opened = []

    def open_with(*plugins):
        host = PluginHost()
        for plugin in plugins:
            host.register(plugin, type(plugin).__name__.lower())
        opened.append(Workspace.open(tmp_path, plugins=host, database=database))
        return opened[-1]

    quick = PluginHost()
    quick.register(Quick(), "quick")
    with Workspace.create(tmp_path, "rooms", plugins=quick, database=database) as workspace:
        workspace.record("ada", "booked", {"guests": 2}, at=AT, create=True)
    yield open_with
    for workspace in opened:
        workspace.close()


def in_thread(work):
    """Start something beside the test; what it gives is in the list."""
    given = []
    thread = threading.Thread(target=lambda: given.append(work()), daemon=True)
    thread.start()
    return thread, given


def test_another_writer_does_not_wait_for_a_veto(hotel):
    slow = Slow()
    ours, theirs = hotel(Quick(), slow), hotel(Quick())
    thread, given = in_thread(lambda: ours.record("ada", "paid", at=AT))
    assert slow.is_asked.wait(LONG)
    theirs.add("bob", at=AT)
    slow.may_answer.set()
    thread.join(LONG)
    assert slow.was_let_go == [True]
    assert given[0].decision.after == "sold"
    assert theirs.contact("bob").contact.stage == "asked"
    assert ours.verify().is_sound


def test_another_writer_does_not_wait_for_a_criterion(hotel):
    slow = SlowCriterion()
    ours, theirs = hotel(slow), hotel(Quick())
    thread, given = in_thread(lambda: ours.record("ada", "paid", at=AT))
    assert slow.is_asked.wait(LONG)
    theirs.add("bob", at=AT)
    slow.may_answer.set()
    thread.join(LONG)
    assert set(slow.was_let_go) == {True}
    assert given[0].decision.after == "sold"


@pytest.mark.parametrize("plugin", [Slow, SlowCriterion])
def test_who_changed_meanwhile_is_asked_about_again(hotel, plugin):
    slow = plugin()
    plugins = [slow] if plugin is SlowCriterion else [Quick(), slow]
    ours, theirs = hotel(*plugins), hotel(Quick())
    thread, given = in_thread(lambda: ours.record("ada", "paid"))
    assert slow.is_asked.wait(LONG)
    theirs.set("ada", {"guests": 3})
    slow.may_answer.set()
    thread.join(LONG)
    assert [call if isinstance(call, int) else call[1] for call in slow.calls] == [2, 3]
    (recorded,) = given
    assert (recorded.decision.after, recorded.sequence) == ("sold", 4)


def test_a_veto_given_ahead_is_the_one_that_is_kept(hotel):
    slow = Slow()
    slow.may_answer.set()
    slow.reason = "the house is full"
    workspace = hotel(Quick(), slow)
    recorded = workspace.move("ada", "sold", at=AT)
    assert recorded.decision.outcome == "refused"
    assert workspace.history("ada").rows[-1].unmet == (("Plugin slow", "not met"),)
    assert len(slow.calls) == 1


def test_plugins_are_asked_once_about_a_change_and_called_once(hotel):
    class Both(Slow):
        @hookimpl
        def funnelflow_after_commit(self, context):
            self.calls.append(context.event)

    both = Both()
    both.may_answer.set()
    hotel(Quick(), both).record("ada", "paid", at=AT)
    assert both.calls == [("sold", 2), "paid"]


def test_a_change_that_cannot_be_recorded_is_an_error_as_ever(hotel):
    slow = Slow()
    slow.may_answer.set()
    workspace = hotel(Quick(), slow)
    with pytest.raises(Exception, match="there is no event 'payed'"):
        workspace.record("ada", "payed", at=AT)
    assert workspace.record("ada", "paid", at=AT, dry_run=True).dry_run
    assert workspace.contact("ada").contact.stage == "held"


def test_who_is_first_every_time_is_waited_for(hotel, monkeypatch):
    """After a few times plugins are asked within the transaction, where nothing can change."""
    theirs = hotel(Quick())

    class Busy:
        """Somebody who sets something whenever the plugin is asked without a lock."""

        def __init__(self) -> None:
            self.rounds = 0

        @hookimpl
        def funnelflow_before_transition(self):
            self.rounds += 1
            if self.rounds <= 3:
                thread, _ = in_thread(lambda: theirs.set("ada", {"guests": self.rounds}))
                thread.join(LONG)

    busy = Busy()
    recorded = hotel(Quick(), busy).record("ada", "paid")
    assert busy.rounds == 4
    assert (recorded.decision.after, recorded.sequence) == ("sold", 6)


def test_a_criterion_that_fails_ahead_is_unknown_and_asked_once(hotel, caplog):
    class Failing:
        calls = 0

        @hookimpl
        def funnelflow_criteria(self):
            return [CriterionProvider("small_group", self.fail, "Small", {"most": NUMBER})]

        def fail(self, _call):
            self.calls += 1
            raise OSError("no answer")

    failing = Failing()
    decision = hotel(failing).record("ada", "paid", at=AT).decision
    assert decision.after == "held"
    assert "no answer" in next(decision.considered[0].leaves()).words
    assert failing.calls == 1
    assert caplog.text.count("no answer") == 1
