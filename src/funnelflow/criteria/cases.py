"""A case: facts for which conditions come out a certain way, and how they come out."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from attrs import field, frozen

from funnelflow.criteria.custom import Custom
from funnelflow.criteria.evaluate import Known, evaluate
from funnelflow.criteria.expression import Expression
from funnelflow.criteria.rules import AllOf, AnyOf, AtLeast, Leaf, Roles, Rule
from funnelflow.criteria.tree import Node
from funnelflow.criteria.value_forms import Facts, Fields

Condition: TypeAlias = Rule | Expression | Node


@frozen
class Case:
    """Facts for which conditions come out a certain way.

    Attributes:
        contact: The known fields of the contact.
        event: The facts of the event.
        now: The time at which the question is asked.
        roles: The roles of the actor.
        answers: What criteria of plugins are taken to answer, by plugin, name and arguments.
    """

    contact: Fields
    event: Facts
    now: dt.datetime
    roles: tuple[str, ...] = ()
    answers: Mapping[tuple[str, str, str], bool | None] = field(factory=dict)


def is_met(condition: Condition, case: Case) -> bool:
    """Whether a condition is met by the facts of a case."""
    match condition:
        case Leaf():
            return is_met(condition.expression, case)
        case Expression():
            return is_met(condition.tree, case)
        case Custom():
            return case.answers.get(question_of(condition)) is True
        case Roles():
            return not set(condition.by).isdisjoint(case.roles)
        case AllOf() | AnyOf() | AtLeast():
            met = sum(is_met(rule, case) for rule in condition.rules)
            return met >= wanted_of(condition)
        case _:
            return evaluate(condition, Known(case.contact, case.event, case.now)) is True


def wanted_of(group: AllOf | AnyOf | AtLeast) -> int:
    """Return how many rules of a group must be met."""
    if isinstance(group, AtLeast):
        return group.count
    return len(group.rules) if isinstance(group, AllOf) else 1


def trees_of(condition: Condition) -> Iterator[Node]:
    """Yield the typed trees that a condition is made of."""
    match condition:
        case Leaf():
            yield condition.expression.tree
        case Expression():
            yield condition.tree
        case AllOf() | AnyOf() | AtLeast():
            for rule in condition.rules:
                yield from trees_of(rule)
        case Custom() | Roles():
            return
        case _:
            yield condition


def question_of(rule: Custom) -> tuple[str, str, str]:
    """Return what a plugin's criterion is asked: its plugin, its name, its arguments."""
    return rule.provider, rule.name, repr(sorted(rule.arguments.items()))
