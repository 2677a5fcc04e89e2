"""The same step with its reasons: what was considered, what was seen, what is still to ask.

Nothing here decides. `Funnel.step` does, and tells a watch of each transition before it tries
it; the reasons are read off the contact as it is at that moment, so they cannot be about
anything else than what was decided.
"""

import datetime as dt
from collections.abc import Sequence

from funnelflow.criteria import Check, Seen, Verdict, check_rule, duration_words

from .funnel import Funnel
from .machine import GuardedTransition
from .records import Cause, Considered, Contact, Decision, Event, changes_between

__all__ = ["decide", "why"]


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
    )


def why(
    funnel: Funnel, contact: Contact, now: dt.datetime, roles: tuple[str, ...] = ()
) -> tuple[Considered, ...]:
    """Explain every transition out of the contact's stage as it stands at `now`; pure.

    Args:
        funnel: The definition that is asked.
        contact: Who it is about.
        now: The time at which the criteria are looked at, aware.
        roles: The roles of whoever would take a transition.

    Returns:
        One entry a transition in the order in which they are tried. Facts that only an event
        would bring are unknown.
    """
    asked = Event("tick", now, roles=roles)
    return tuple(
        _consider(funnel, t, _cause(t), contact, asked, now)
        for t in funnel.leaving(contact.stage)
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
    """Say what takes a transition when nobody asks for it."""
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
    due = transition.due(contact)
    if (transition.waits and cause != "timed") or (cause == "timed" and (due is None or due > now)):
        check = _with_wait(check, due, now)
    return Considered(
        index=transition.index,
        source=transition.source,
        to=transition.dest,
        cause=cause,
        verdict=Verdict.MET if check is None else check.verdict,
        check=check,
        due=due,
    )


def _with_wait(check: Check | None, due: dt.datetime | None, now: dt.datetime) -> Check:
    """Add the time that has to pass as a criterion like any other."""
    left = None if due is None else due - now
    passed = left is not None and left <= dt.timedelta(0)
    wait = Check(
        label="The time has come",
        kind="criterion",
        verdict=Verdict.MET if passed else Verdict.NOT_MET,
        words="due since " + duration_words(-left)
        if passed and left is not None
        else ("never due" if left is None else f"due in {duration_words(left)}"),
        seen=(Seen("now", None, now),),
        missing=(),
        checks=(),
    )
    if check is None:
        return wait
    verdict = check.verdict if passed else Verdict.NOT_MET
    return Check("", "all", verdict, "", (), check.missing, (wait, check))


def _force_refused(funnel: Funnel, contact: Contact, event: Event) -> Considered:
    """Say who may force a move, to somebody who may not."""
    allowed = funnel.definition.force
    words = (
        f"only {' or '.join(allowed)} may force a move"
        if allowed
        else f"{funnel.definition.name} lets nobody force a move"
    )
    check = Check("May force a move", "roles", Verdict.NOT_MET, words, (), (), ())
    return Considered(-1, contact.stage, event.to, "forced", Verdict.NOT_MET, check)
