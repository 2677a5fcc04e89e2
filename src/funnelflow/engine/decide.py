"""The same step with its reasons: what was considered, what was seen, what is still to ask.

Nothing here decides. `Funnel.step` does, and tells a watch of each transition before it tries
it; the reasons are read off the contact as it is at that moment, so they cannot be about
anything else than what was decided.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from funnelflow.criteria import TIMESTAMP, Check, Field, Seen, Verdict, check_rule
from funnelflow.engine.decisions import (
    Cause,
    Considered,
    Contact,
    Decision,
    Event,
    Veto,
    changes_between,
)
from funnelflow.engine.funnel import Funnel
from funnelflow.engine.machine import GuardedTransition
from funnelflow.errors import UnknownNameError

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
_AT = Field("at", TIMESTAMP)


def decide(funnel: Funnel, contact: Contact, event: Event) -> Decision:
    """Answer one event with everything that was considered; pure.

    Args:
        funnel: The definition that decides.
        contact: Who it happened to; left as it is.
        event: What happened.

    Returns:
        The decision; its outcome is that of `Funnel.step`, and `contact_after` is the
        contact that `step` would leave.
    """
    after = contact.copy()
    reasons = _Reasons(funnel)
    outcome = funnel.step(after, event, reasons.watch)
    if event.force and outcome.outcome == "refused":
        reasons.considered.append(_force_refused(funnel, contact, event))
    return Decision(
        outcome=outcome.outcome,
        contact=contact.id,
        event=event,
        before=contact.stage,
        after=after.stage,
        path=outcome.path,
        considered=tuple(reasons.considered),
        reachable=funnel.reachable(after.stage),
        changes=changes_between(contact.fields, after.fields),
        contact_after=after,
        linked=funnel.linked,
        route=() if outcome.outcome != "refused" else _route(funnel, after, event, reasons),
    )


def _route(
    funnel: Funnel, contact: Contact, event: Event, reasons: "_Reasons"
) -> tuple[Considered, ...]:
    """Return the way to the stage that a move asks for, where no transition leads there."""
    if event.force or any(one.cause == "move" for one in reasons.considered):
        return ()
    from funnelflow.engine.route import route_to  # noqa: PLC0415  # few decisions need it

    try:
        goals = funnel.linked.leaves_of(funnel.linked.resolve_stage(event.to))
    except UnknownNameError:
        return ()
    now = contact.clock or event.at
    return route_to(funnel, contact.stage, goals, contact.fields, now, event.roles)


def retold(funnel: Funnel, before: Contact, event: Event, after: Contact) -> Decision:
    """Answer evidence about the story itself: the contact was there, and is here now; pure.

    Args:
        funnel: The definition that folded the story.
        before: Where the contact stood before it.
        event: What was said of the story.
        after: Where it stands with it.
    """
    return Decision(
        outcome="stayed" if before.stage == after.stage else "moved",
        contact=after.id,
        event=event,
        before=before.stage,
        after=after.stage,
        path=(),
        considered=(),
        reachable=funnel.reachable(after.stage),
        changes=changes_between(before.fields, after.fields),
        contact_after=after.copy(),
        linked=funnel.linked,
    )


def why(
    funnel: Funnel,
    contact: Contact,
    now: dt.datetime,
    roles: tuple[str, ...] = (),
    *,
    only: Callable[[GuardedTransition], bool] | None = None,
) -> tuple[Considered, ...]:
    """Explain every transition out of the contact's stage as it stands at `now`; pure.

    Args:
        funnel: The definition that is asked.
        contact: Who it is about.
        now: The time at which the criteria are looked at, aware.
        roles: The roles of whoever would take a transition.
        only: Whether to explain a transition; None for all of them.

    Returns:
        One entry a transition in the order in which they are tried. Facts that only an event
        would bring are unknown.
    """
    asked = Event("tick", now, roles=roles)
    return tuple(
        _consider(funnel, t, _cause(t), contact, asked, now)
        for t in funnel.leaving(contact.stage)
        if only is None or only(t)
    )


class _Reasons:
    """Writes down what a step tries, as it tries it."""

    def __init__(self, funnel: Funnel) -> None:
        self.considered: list[Considered] = []
        self._funnel = funnel

    def watch(
        self,
        cause: Cause,
        tried: Sequence[GuardedTransition],
        contact: Contact,
        event: Event,
        now: dt.datetime,
    ) -> None:
        """Explain the transitions in the order tried, up to the one that is taken."""
        for transition in tried:
            found = _consider(self._funnel, transition, cause, contact, event, now)
            self.considered.append(found)
            if found.verdict is Verdict.MET:
                return


def _cause(transition: GuardedTransition) -> Cause:
    """Return what takes a transition when nobody asks for it."""
    if transition.waits:
        return "timed"
    return "event" if transition.on else "automatic"


def _consider(
    funnel: Funnel,
    transition: GuardedTransition,
    cause: Cause,
    contact: Contact,
    event: Event,
    now: dt.datetime,
) -> Considered:
    """Check one transition for one contact."""
    rule = funnel.linked.transitions[transition.index].rule
    facts, roles = event.facts, event.roles
    check = None if rule is None else check_rule(rule, contact.fields, facts, now, roles)
    for veto in event.vetoes:
        if veto.index == transition.index:
            check = _both(_vetoed(veto), check)
    due = transition.due(contact)
    if transition.waits and (cause != "timed" or due is None or due > now):
        check = _both(_wait(due, now), check)
    return Considered(
        index=transition.index,
        source=transition.source,
        to=transition.target(contact),
        cause=cause,
        verdict=Verdict.MET if check is None else check.verdict,
        check=check,
        due=transition.timing.next_opening(contact) or due,
    )


def _wait(due: dt.datetime | None, now: dt.datetime) -> Check:
    """Return whether the time has come, as a criterion like any other."""
    passed = due is not None and due <= now
    return Check(
        label="The time has come",
        kind="criterion",
        verdict=Verdict.MET if passed else Verdict.NOT_MET,
        words="never due" if due is None else f"due {_AT.words(due)}, {_distance(due - now)}",
        seen=(Seen("now", None, now),),
        missing=(),
    )


def _vetoed(veto: Veto) -> Check:
    """Return what a plugin has against a transition, as a criterion that is not met."""
    return Check(f"Plugin {veto.plugin}", "veto", Verdict.NOT_MET, veto.reason, (), ())


def _both(first: Check, second: Check | None) -> Check:
    """Put a criterion of the engine's own before those of the definition."""
    if second is None:
        return first
    verdict = second.verdict if first.verdict is Verdict.MET else Verdict.NOT_MET
    missing = second.missing if first.verdict is Verdict.MET else ()
    return Check("", "all", verdict, "", (), missing, (first, second))


def _distance(left: dt.timedelta) -> str:
    """Return how far away a moment is, in its largest unit."""
    size = abs(left)
    for unit, words in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if size >= unit:
            count = size // unit
            amount = f"{count:,} {words}{'s' if count > 1 else ''}"
            return f"in {amount}" if left > dt.timedelta(0) else f"{amount} ago"
    return "now"


def _force_refused(funnel: Funnel, contact: Contact, event: Event) -> Considered:
    """Return who may force a move, as a criterion that somebody does not meet."""
    allowed = funnel.definition.force
    words = (
        f"only {' or '.join(allowed)} may force a move"
        if allowed
        else f"{funnel.definition.name} lets nobody force a move"
    )
    check = Check("May force a move", "roles", Verdict.NOT_MET, words, (), (), ())
    return Considered(-1, contact.stage, event.to, "forced", Verdict.NOT_MET, check)
