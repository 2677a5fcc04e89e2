"""What the engine answers to evidence in one funnel of a contact, plugins asked."""

from functools import partial

from attrs import evolve

from funnelflow.criteria.custom import answering
from funnelflow.engine import Decision, Event, Outcome, Veto, decide, retold
from funnelflow.engine.answers import GivenAnswers, ask_about
from funnelflow.engine.decisions import MOVED_NOWHERE
from funnelflow.storage.changes import FunnelAnswer
from funnelflow.storage.partition import Observer
from funnelflow.storage.row_format import UNREADABLE
from funnelflow.storage.tracked_contacts import FunnelPosition, TrackedContact


def answer(
    position: FunnelPosition, event: Event, given: GivenAnswers | None, *, explain: bool
) -> FunnelAnswer:
    """Let the engine take an event in a funnel.

    Args:
        position: Where the contact is, which is changed.
        event: The event.
        given: What plugins' criteria answered; None where none is asked.
        explain: Whether the whole decision is asked for.
    """
    before = position.contact.stage
    try:
        if given is None:
            outcome, decision = _step(position, event, explain=explain)
        else:
            with answering(given):
                outcome, decision = _step(position, event, explain=explain)
    except UNREADABLE:
        position.loaded.require_readable(position.contact)
        raise
    refused = outcome.outcome == "refused" and decision is not None
    unmet = decision.unmet() if refused and decision is not None else ()
    after = position.contact.stage
    return FunnelAnswer(position, outcome, before, after, unmet, None, decision)


def stays(position: FunnelPosition, event: Event, *, explain: bool) -> FunnelAnswer:
    """Answer evidence that changes nothing in a funnel."""
    contact = position.contact
    decision = retold(position.loaded.funnel, contact, event, contact) if explain else None
    stage = contact.stage
    return FunnelAnswer(position, MOVED_NOWHERE, stage, stage, decision=decision)


def learnt(position: FunnelPosition, event: Event, *, explain: bool) -> FunnelAnswer:
    """Let a position take what happened before its funnel was entered."""
    before = position.contact.copy()
    position.loaded.funnel.learn(position.contact, event)
    found = stays(position, event, explain=False)
    if not explain:
        return found
    decision = retold(position.loaded.funnel, before, event, position.contact)
    return found._replace(decision=decision)


def consult(
    observer: Observer | None, position: FunnelPosition, event: Event, given: GivenAnswers | None
) -> Event:
    """Ask plugins about evidence in a funnel; return it with what they have against it."""
    if given is None:
        return _with_vetoes(observer, position, event)
    return attempt(observer, position, event, given)[0]


def attempt(
    observer: Observer | None, position: FunnelPosition, event: Event, given: GivenAnswers | None
) -> tuple[Event, bool]:
    """Ask plugins about evidence; return it, and whether it takes a transition."""
    funnel, contact = position.loaded.funnel, position.contact
    ask = partial(_with_vetoes, observer, position)
    try:
        if given is not None:
            return ask_about(funnel, contact, event, given, ask)
        event = ask(event)
        return event, bool(funnel.step(contact.copy(), event).path)
    except UNREADABLE:
        position.loaded.require_readable(contact)
        raise


def vetoes_of(target: TrackedContact, position: FunnelPosition, event: Event) -> tuple[Veto, ...]:
    """Return the vetoes of a funnel, with its name where it is not the first."""
    if position is target:
        return event.vetoes
    return tuple(evolve(veto, funnel=position.funnel) for veto in event.vetoes)


def _with_vetoes(observer: Observer | None, position: FunnelPosition, event: Event) -> Event:
    return event if observer is None else observer.with_vetoes(position, event)


def _step(
    tracked: FunnelPosition, event: Event, *, explain: bool
) -> tuple[Outcome, Decision | None]:
    """Let the engine take an event: once, with the reasons where they are asked for.

    Where they are not, only a move that is refused is decided a second time, to say why.
    """
    funnel = tracked.loaded.funnel
    if explain:
        decision = decide(funnel, tracked.contact, event)
        tracked.contact = decision.contact_after
        return Outcome(decision.outcome, decision.path), decision
    earlier = tracked.contact.copy() if event.name == "move" else tracked.contact
    outcome = funnel.step(tracked.contact, event)
    refused = outcome.outcome == "refused"
    return outcome, decide(funnel, earlier, event) if refused else None


def is_past(position: FunnelPosition, event: Event) -> bool:
    """Whether time has gone further in a funnel than a tick says."""
    clock = position.contact.clock
    return event.name == "tick" and clock is not None and event.at < clock


def comes_late(target: TrackedContact, event: Event) -> bool:
    """Whether evidence happened before what is known of a contact in one of its funnels.

    So does a snapshot that says of a field what nobody has said before: it holds back.
    """
    if event.name == "tick":
        return False
    if target.others:
        return _comes_late_anywhere(target, event)
    clock = target.contact.clock
    if clock is None:
        return False
    return event.at < clock or (event.asserted and _is_news(target, event))


def _comes_late_anywhere(target: TrackedContact, event: Event) -> bool:
    """Whether evidence happened before what is known of a contact in one of its funnels."""
    clocks = [p.contact.clock for p in target.positions() if p.contact.clock is not None]
    if not clocks or event.at < max(clocks):
        return True
    return event.asserted and all(_is_news(one, event) for one in target.positions())


def _is_news(position: FunnelPosition, event: Event) -> bool:
    """Whether a snapshot says of a field what nobody has said before."""
    known = position.contact.fields
    return any(value is not None and name not in known for name, value in event.facts.items())
