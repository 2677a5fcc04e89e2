"""Rules: expressions, plugins' criteria and roles, in groups of which all, any or some hold."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeAlias

from attrs import frozen

from funnelflow.criteria.codegen import Writer, compile_function
from funnelflow.criteria.custom import (
    NOT_ASKED,
    Custom,
    CustomAnswer,
    custom_answer,
    shown_answer,
)
from funnelflow.criteria.explain import Seen, Verdict, unique
from funnelflow.criteria.expression import Expression
from funnelflow.criteria.fields import Field
from funnelflow.criteria.tree import Compare, Constant, In, Read, TextTest, walk
from funnelflow.criteria.value_forms import Facts, Fields, Value, listed, shown, shown_text
from funnelflow.errors import UsageError

CompiledRule: TypeAlias = Callable[[Fields, Facts, dt.datetime, tuple[str, ...]], bool]
"""A compiled rule: (contact fields, event facts, now, roles of the actor)."""
CheckKind: TypeAlias = Literal["criterion", "roles", "veto", "all", "any", "at_least"]

_DEPTH_CAP: Final = 30
"""With expressions at most 50 deep, far from the 200 brackets that Python's parser can nest."""


@frozen
class Leaf:
    """A labelled expression."""

    label: str
    expression: Expression


@frozen
class Roles:
    """Only actors with one of these roles."""

    by: tuple[str, ...]


@frozen
class AllOf:
    """Every one of these rules."""

    label: str
    rules: tuple["Rule", ...]


@frozen
class AnyOf:
    """At least one of these rules."""

    label: str
    rules: tuple["Rule", ...]


@frozen
class AtLeast:
    """At least `count` of these rules."""

    count: int
    label: str
    rules: tuple["Rule", ...]


Rule: TypeAlias = Leaf | Custom | Roles | AllOf | AnyOf | AtLeast


@frozen
class Check:
    """The answer of a rule, with its reasons.

    Attributes:
        label: What the definition calls it; empty for a group without a label.
        kind: What it is.
        verdict: The answer.
        words: The reason in plain words.
        seen: Every fact that was looked at.
        missing: The unknown fields whose answers could still make it met.
        checks: The answers of the rules below, for a group.
        source: The expression, for a criterion that has one.
        needs: How many of `checks` must be met, for ``at_least``.
        is_unasked: Whether it is a plugin's criterion that nobody has asked about this.
    """

    label: str
    kind: CheckKind
    verdict: Verdict
    words: str
    seen: tuple[Seen, ...] = ()
    missing: tuple[Field, ...] = ()
    checks: tuple["Check", ...] = ()
    source: str = ""
    needs: int = 0
    is_unasked: bool = False

    def leaves(self) -> Iterator["Check"]:
        """Yield the answers at the bottom, in order."""
        if self.kind in ("criterion", "roles", "veto"):
            yield self
        for check in self.checks:
            yield from check.leaves()


def compile_rule(rule: Rule) -> CompiledRule:
    """Return one function for a whole rule: True exactly where `check_rule` says met.

    Raises:
        UsageError: The rule is nested too deep.
    """
    writer = Writer()
    body = _code(rule, writer, 0)
    return compile_function("rule", "f, e, now, roles", body, writer.names)


def check_rule(
    rule: Rule, fields: Fields, facts: Facts, now: dt.datetime, roles: tuple[str, ...] = ()
) -> Check:
    """Answer a rule with all its reasons."""
    match rule:
        case Leaf():
            return _check_leaf(rule, fields, facts, now)
        case Custom():
            return _check_custom(rule, fields, facts, now)
        case Roles():
            return _check_roles(rule, roles)
        case AllOf() | AnyOf() | AtLeast():
            checks = [check_rule(item, fields, facts, now, roles) for item in rule.rules]
            return _check_group(rule, tuple(checks))


def _code(rule: Rule, writer: Writer, depth: int) -> str:
    """Write the code of a rule."""
    if depth > _DEPTH_CAP:
        raise UsageError(
            f"criteria are nested more than {_DEPTH_CAP} deep", hint="put some of them side by side"
        )
    match rule:
        case Leaf():
            return writer.true_if(rule.expression.tree)
        case Custom():
            return f"{writer.bind('custom', _ask(rule))}(f, e, now)"
        case Roles():
            return f"(not {writer.bind('by', frozenset(rule.by))}.isdisjoint(roles))"
        case AllOf():
            return _joined(rule.rules, " and ", "True", writer, depth)
        case AnyOf():
            return _joined(rule.rules, " or ", "False", writer, depth)
        case AtLeast():
            total = _joined(rule.rules, " + ", "0", writer, depth)
            return f"({total} >= {rule.count})"


def _joined(rules: tuple[Rule, ...], joint: str, empty: str, writer: Writer, depth: int) -> str:
    """Write the code of several rules with a joint between."""
    codes = [_code(rule, writer, depth + 1) for rule in rules]
    return f"({joint.join(codes)})" if codes else empty


def _ask(rule: Custom) -> Callable[[Fields, Facts, dt.datetime], bool]:
    """Return a function that says whether a plugin's criterion is met, and never raises."""

    def _asked(fields: Fields, facts: Facts, now: dt.datetime) -> bool:
        return custom_answer(rule, fields, facts, now).met is True

    return _asked


def _check_leaf(rule: Leaf, fields: Fields, facts: Facts, now: dt.datetime) -> Check:
    """Answer a labelled expression."""
    found = rule.expression.explain(fields, facts, now)
    return Check(
        rule.label or rule.expression.words(),
        "criterion",
        found.verdict,
        found.words,
        found.seen,
        found.missing,
        source=rule.expression.source,
    )


def _check_custom(rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> Check:
    """Answer a plugin's criterion."""
    answer = shown_answer(rule, fields, facts, now)
    verdict = {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.UNKNOWN}[answer.met]
    seen = tuple(Seen(f"contact.{f.name}", f, fields.get(f.name)) for f in rule.reads)
    missing = tuple(f for f in rule.reads if f.name not in fields)
    return Check(
        rule.label or rule.name,
        "criterion",
        verdict,
        _custom_words(rule, answer, fields),
        seen,
        () if verdict is Verdict.MET else missing,
        is_unasked=answer is NOT_ASKED,
    )


def _custom_words(rule: Custom, answer: CustomAnswer, fields: Fields) -> str:
    """Return what a plugin's criterion answered, with which arguments, and what it looked at."""
    if answer.failure and not answer.plugin:
        return answer.failure
    said = answer.failure or {True: "says yes", False: "says no", None: "cannot tell"}[answer.met]
    if answer is NOT_ASKED:
        said = "has not been asked about this"
    given = ", ".join(f"{name}: {_given(value)}" for name, value in rule.arguments.items())
    looked = [
        f"{f.label} is {f.words(fields[f.name]) if f.name in fields else 'unknown'}"
        for f in rule.reads
    ]
    words = f"{rule.name} of plugin {rule.provider} {said}" + (f" ({given})" if given else "")
    return f"{words}; {', '.join(looked)}" if looked else words


def _given(value: Any) -> str:
    """Show an argument of a plugin's criterion."""
    if isinstance(value, tuple):
        return listed([_given(item) for item in value])
    is_known = isinstance(value, bool | int | float | str | dt.datetime | dt.timedelta)
    return shown(value) if is_known else shown_text(str(value))


def _check_roles(rule: Roles, roles: tuple[str, ...]) -> Check:
    """Answer who may act."""
    held = [role for role in roles if role in rule.by]
    if held:
        return Check(_by(rule), "roles", Verdict.MET, f"the role is {listed(held)}")
    yours = f"the roles are {listed(roles)}" if roles else "no role"
    return Check(_by(rule), "roles", Verdict.NOT_MET, f"{yours}; needs {' or '.join(rule.by)}")


def _by(rule: Roles) -> str:
    """Label the roles that may act."""
    return f"by {' or '.join(rule.by)}"


def _check_group(rule: AllOf | AnyOf | AtLeast, checks: tuple[Check, ...]) -> Check:
    """Answer a group from the answers of its rules."""
    kind: CheckKind = "at_least"
    needs = rule.count if isinstance(rule, AtLeast) else 1
    if isinstance(rule, AllOf):
        kind, needs = "all", len(checks)
    elif isinstance(rule, AnyOf):
        kind = "any"
    met = sum(check.verdict is Verdict.MET for check in checks)
    unknown = sum(check.verdict is Verdict.UNKNOWN for check in checks)
    verdict = Verdict.UNKNOWN if met + unknown >= needs else Verdict.NOT_MET
    verdict = Verdict.MET if met >= needs else verdict
    return Check(
        rule.label,
        kind,
        verdict,
        f"{met} of {len(checks)} met" + (f"; needs {needs}" if met < needs else ""),
        unique([seen for check in checks for seen in check.seen]),
        _missing(checks, verdict, needs),
        checks,
        needs=needs,
    )


def _missing(checks: tuple[Check, ...], verdict: Verdict, needs: int) -> tuple[Field, ...]:
    """Return the fields whose answers could still make a group met."""
    open_ = [check for check in checks if check.verdict is not Verdict.MET and check.missing]
    met = sum(check.verdict is Verdict.MET for check in checks)
    if verdict is Verdict.MET or met + len(open_) < needs:
        return ()
    return unique([missing for check in open_ for missing in check.missing])


def rule_expressions(rule: Rule) -> Iterator[Expression]:
    """Yield the expressions that a rule is made of, in order."""
    if isinstance(rule, Leaf):
        yield rule.expression
    elif isinstance(rule, AllOf | AnyOf | AtLeast):
        for inner in rule.rules:
            yield from rule_expressions(inner)


def rule_customs(rule: Rule) -> Iterator[Custom]:
    """Yield the criteria of plugins that a rule asks, in order."""
    if isinstance(rule, Custom):
        yield rule
    elif isinstance(rule, AllOf | AnyOf | AtLeast):
        for inner in rule.rules:
            yield from rule_customs(inner)


def constants_of(expression: Expression) -> Iterator[tuple[str, Value]]:
    """Yield (field of the contact, constant) for every constant that a field is held against."""
    for node in walk(expression.tree):
        if isinstance(node, Compare | In | TextTest):
            below = tuple(walk(node))
            names = {n.field.name for n in below if isinstance(n, Read) and n.root == "contact"}
            for constant in (n.value for n in below if isinstance(n, Constant)):
                values = constant if isinstance(constant, tuple) else (constant,)
                yield from ((name, value) for name in sorted(names) for value in values)
