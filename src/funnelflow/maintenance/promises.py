"""Who breaks a promise of a definition now: contacts in a stage without what it needs."""

import datetime as dt
from collections.abc import Iterator

from attrs import frozen

from funnelflow.criteria import Expression
from funnelflow.definition import LinkedInvariant
from funnelflow.storage.connect import reading
from funnelflow.storage.contact_lists import Wanted, list_contacts
from funnelflow.storage.context import Context
from funnelflow.storage.queries import funnel_names

_EXAMPLES = 3


@frozen
class BrokenPromise:
    """The contacts of whom a promise of a definition does not hold now.

    Attributes:
        funnel: The funnel.
        label: What it promises.
        stage: The stage that it is about.
        count: How many are there without what it needs.
        examples: The first of them by id.
    """

    funnel: str
    label: str
    stage: str
    count: int
    examples: tuple[str, ...]


def broken_promises(context: Context, now: dt.datetime | None = None) -> tuple[BrokenPromise, ...]:
    """Find the contacts in a stage of whom what that stage needs does not hold, or is unknown.

    A promise that is kept by the transitions is broken by a forced move, by the rule of an
    adoption, or by what a plugin vetoed.

    Args:
        context: The workspace.
        now: The time that it is; None for that of the clock.
    """
    with reading(context.engine) as connection:
        present = context.present(connection, now)
        found = []
        for name in funnel_names(connection):
            loaded = context.definitions.current(connection, name)
            promises = () if loaded is None else loaded.funnel.linked.always
            for promise, needs in _needed(promises):
                stage, label = promise.invariant.stage, promise.invariant.label
                there = list_contacts(
                    connection, context.definitions, present, Wanted(stage=stage, funnel=name)
                )
                breaking = (
                    one.id for one in there if not needs.holds(one.contact.fields, {}, present.now)
                )
                found.append(_counted(name, label, stage, breaking))
    return tuple(promise for promise in found if promise.count)


def _needed(
    promises: tuple[LinkedInvariant, ...],
) -> Iterator[tuple[LinkedInvariant, Expression]]:
    """Yield the promises of what holds while a contact is in a stage."""
    for promise in promises:
        if promise.invariant.needs and promise.needs is not None:
            yield promise, promise.needs


def _counted(funnel: str, label: str, stage: str, breaking: Iterator[str]) -> BrokenPromise:
    """Count those who break a promise, and keep the first few."""
    count, examples = 0, []
    for contact in breaking:
        count += 1
        if count <= _EXAMPLES:
            examples.append(contact)
    return BrokenPromise(funnel, label, stage, count, tuple(examples))
