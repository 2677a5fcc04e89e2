"""What holds for every definition and every story."""

import datetime as dt
import pickle

import transitions
from hypothesis import assume, example, given
from hypothesis import strategies as st

from funnelflow.criteria import Verdict, check_rule
from funnelflow.definition import Criterion, Definition, Stage, Transition, check, link
from funnelflow.engine import Event, Funnel, decide

from .worlds import EVENTS, HOUR, T0, VOCABULARY, definitions, stories

MICROSECOND = dt.timedelta(microseconds=1)

SECOND_OPENS = Definition(
    "world",
    vocabulary=VOCABULARY,
    initial="s0",
    stages=(Stage("s0"), Stage("s1"), Stage("s2")),
    transitions=(
        Transition(("s0",), "s1", on=("called",), require=Criterion("c", "contact.fits")),
        Transition(("s0",), "s2", on=("called",)),
    ),
)
"""One event takes two transitions, the first of them closed, which is seldom drawn."""


def funnel_of(definition: Definition) -> Funnel:
    """Run a random definition; the few that make no sense are passed over."""
    problems = [p for p in check(definition) if p.severity == "error"]
    assume(not problems)
    return Funnel(definition)


@given(definitions(), stories(moves=("s0", "s1", "s1.n0")))
def test_the_same_evidence_gives_the_same_contact(definition, story):
    funnel = funnel_of(definition)
    again = pickle.loads(pickle.dumps(funnel))
    assert funnel.fold("ada", story) == again.fold("ada", story)


@given(definitions(), stories(moves=("s0", "s1")), st.integers(0, 8))
def test_folding_in_two_parts_equals_folding_at_once(definition, story, cut):
    funnel = funnel_of(definition)
    part = funnel.fold("ada", story[:cut]).copy()
    for event in story[cut:]:
        funnel.step(part, event)
    assert part == funnel.fold("ada", story)


@given(definitions(), stories(moves=("s0", "s1", "s2")))
@example(SECOND_OPENS, [Event("called", T0)])
def test_the_explanation_agrees_with_the_fast_path(definition, story):
    funnel = funnel_of(definition)
    contact = funnel.new_contact("ada")
    for event in story:
        before = contact.copy()
        decision = decide(funnel, contact, event)
        assert contact == before
        outcome = funnel.step(contact, event)
        assert (decision.outcome, decision.path) == (outcome.outcome, outcome.path)
        assert decision.contact_after == contact
        open_ones = [(c.index, c.to) for c in decision.considered if c.verdict is Verdict.MET]
        assert open_ones == [(t.index, t.to) for t in outcome.path]


@given(definitions(), stories(moves=("s0", "s1")), st.lists(st.integers(0, 700), max_size=6))
def test_looking_changes_nothing(definition, story, hours):
    """Whoever looks folds a copy on; a tick keeps that. No schedule of either changes a stage."""
    funnel = funnel_of(definition)
    end = Event("tick", T0 + 800 * HOUR)
    ticks = [Event("tick", T0 + h * HOUR) for h in hours]
    begin = Event("add", T0)
    mixed = sorted([*story, *ticks], key=lambda e: (e.at, e.name != "tick"))
    assert funnel.fold("ada", [begin, *story, end]) == funnel.fold("ada", [begin, *mixed, end])


@given(definitions(), stories(moves=("s0", "s1")))
def test_it_is_known_when_to_look_next(definition, story):
    """Just before the next moment nothing has moved, and then something does."""
    funnel = funnel_of(definition)
    contact = funnel.fold("ada", [Event("add", T0), *story])
    for _ in range(4):
        due = funnel.due_at(contact)
        before = Event("tick", (due or T0 + 9999 * HOUR) - MICROSECOND)
        if due is None or before.at > contact.clock:
            assert not funnel.step(contact, before).path
        if due is None:
            break
        assert funnel.step(contact, Event("tick", due)).path[0].at == due


@given(definitions(timed=False), stories())
def test_the_fast_path_equals_a_stock_machine(definition, story):
    funnel = funnel_of(definition)
    assume(not funnel.waits)
    stock = StockFunnel(definition)
    contact = funnel.new_contact("ada")
    for event in story:
        model = stock.model(contact.stage)
        funnel.step(contact, event)
        stock.send(model, event, contact.fields)
        assert model.state == contact.stage


class StockFunnel:
    """The same definition on a `transitions.Machine` as it comes, with a registered model."""

    def __init__(self, definition: Definition) -> None:
        self.linked = link(definition)
        self.machine = transitions.Machine(
            model=None,
            states=list(self.linked.leaves),
            initial=self.linked.initial,
            auto_transitions=False,
            send_event=True,
            ignore_invalid_triggers=True,
        )
        self.seen: set[str] = set()
        for depth in range(3, 0, -1):
            for transition in self.linked.transitions:
                self._add(transition, depth)

    def _add(self, linked, depth):
        for trigger in linked.transition.on or ("automatic",):
            for leaf in self._leaves_at(linked, depth):
                self.machine.add_transition(
                    trigger, leaf, linked.to, conditions=self._condition(linked)
                )

    def _leaves_at(self, linked, depth):
        """List the leaves below the sources that are written at this depth, each at its deepest.

        A leaf that is named through an outer stage is not left for itself.
        """
        deepest = {}
        for source in linked.transition.sources:
            for leaf in self.linked.leaves_of(source):
                if leaf == linked.to and source not in (leaf, linked.transition.to):
                    continue
                deepest[leaf] = max(deepest.get(leaf, 0), source.count(".") + 1)
        return [leaf for leaf, at in deepest.items() if at == depth]

    def _condition(self, linked):
        def is_met(data):
            if data.event.name == "automatic" and linked.to in self.seen:
                return False
            if linked.rule is None:
                return True
            event = data.kwargs["event"]
            check = check_rule(linked.rule, data.kwargs["fields"], event.facts, event.at, ())
            return check.verdict is Verdict.MET

        return is_met

    def model(self, stage):
        """Return a model in a stage, registered the usual way."""
        model = type("Model", (), {})()
        self.machine.add_model(model, initial=stage)
        return model

    def send(self, model, event, fields):
        """Send one event, then the automatic trigger until nothing moves."""
        if event.name in EVENTS and event.name in self.machine.events:
            model.trigger(event.name, event=event, fields=fields)
        self.seen = {model.state}
        while "automatic" in self.machine.events and model.trigger(
            "automatic", event=event, fields=fields
        ):
            self.seen.add(model.state)
        self.machine.remove_model(model)
