"""What a definition promises of a stage: what is proved is kept, and what is broken breaks."""

from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from funnelflow.definition import Criterion, Invariant, Transition, check
from funnelflow.definition.lint.invariants import lost_in
from funnelflow.definition.lint.reachability import successors_of
from funnelflow.engine import Contact, Event, Funnel

from .worlds import EXPRESSIONS, HOUR, T0, criteria, definitions, stories

NEEDS = [source for source in EXPRESSIONS if "event." not in source]


@st.composite
def promising(draw):
    """Draw a definition that promises something of a stage, and takes out whom it fails, often."""
    definition = draw(definitions(requirements=criteria))
    names = [name for name, _ in definition.walk()]
    stage, needs = draw(st.sampled_from(names)), draw(st.sampled_from(NEEDS))
    out, escape = draw(st.sampled_from(names)), ()
    if draw(st.booleans()):
        lacking = Criterion("lacks", f"({needs}) ? false : true")
        unknown = Criterion("asks", "!has(contact.score) || !has(contact.fits)")
        escape = tuple(Transition(stage, out, require=[one]) for one in (lacking, unknown))
    return evolve(
        definition,
        transitions=(*escape, *definition.transitions),
        always=(Invariant("it is so", stage, needs=needs),),
    )


@given(promising(), stories(moves=("s0", "s1", "s1.n0")), st.integers(0, 400))
def test_what_is_proved_is_kept_and_what_is_broken_breaks(definition, story, hours):
    problems = check(definition)
    assume(not [p for p in problems if p.severity == "error"])
    goes_round = any(p.code == "F406" for p in problems)
    funnel = Funnel(definition)
    (promise,) = funnel.linked.always
    back = successors_of(funnel.linked, automatic=True)
    for leaf in funnel.linked.leaves_of(promise.invariant.stage):
        case = lost_in(leaf, promise.needs, funnel.linked, back)
        if case is False:
            _assert_kept(funnel, leaf, promise.needs, story, hours)
        elif case is not None and not (goes_round or case.roles or case.event):
            _assert_broken(funnel, leaf, promise.needs, case)


def _assert_kept(funnel, leaf, needs, story, hours):
    """After every step and whenever anybody looks, what is needed holds in the leaf."""
    contact = funnel.new_contact("ada")
    funnel.step(contact, Event("add", T0))
    for event in [*story, Event("tick", story[-1].at + hours * HOUR)] if story else ():
        funnel.step(contact, event)
        if contact.stage == leaf:
            assert needs.holds(contact.fields, {}, contact.clock)


def _assert_broken(funnel, leaf, needs, case):
    """Somebody in the leaf of whom these facts are set stays there without what is needed."""
    contact = Contact("ada", leaf, {}, case.now, case.now, case.now)
    facts = {name: case.contact.get(name) for name in funnel.linked.fields}
    waits = [t for t in funnel.leaving(leaf) if t.timing.opens]
    outcome = funnel.step(contact, Event("set", case.now, facts))
    if not waits:
        assert outcome.path == ()
        assert contact.stage == leaf
        assert not needs.holds(contact.fields, {}, case.now)
