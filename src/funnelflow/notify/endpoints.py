"""Endpoints: made of every ``[[notify]]`` and checked before something happens that it is about.

What an endpoint does not take is sent again at longer and longer intervals (`next_attempt`).
"""

import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from funnelflow.criteria import (
    AS_WRITTEN,
    CriterionError,
    ExpressionProblem,
    Scope,
    compile_expression,
)
from funnelflow.definition import BUILT_IN_EVENTS, Linked, Problem
from funnelflow.errors import Error, UnknownNameError, nearest
from funnelflow.notify.builtin_notifiers import BUILT_IN, message_of
from funnelflow.plugins import NotifierProvider, PluginHost, read_settings
from funnelflow.plugins.isolation import inside
from funnelflow.plugins.plugin_settings import MASK, SettingFault, SettingsError, environment_texts
from funnelflow.storage.messages import OutboxMessage
from funnelflow.storage.outbox_writer import when_scope
from funnelflow.storage.subscriptions import Subscription, SubscriptionsError


@frozen
class _NoSettings:
    """The settings of a notifier that has none."""


@frozen(eq=False)
class Endpoint:
    """An endpoint that messages can be sent to.

    Attributes:
        subscription: What the configuration says about it.
        provider: The notifier.
        settings: Its settings.
        secrets: The texts that must not be shown anywhere.
    """

    subscription: Subscription
    provider: NotifierProvider
    settings: Any = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The endpoint."""
        return self.subscription.name

    def send(self, message: OutboxMessage) -> None:
        """Send a message.

        Raises:
            DeliveryError: It did not arrive.
            BaseException: Whatever else a plugin may raise.
        """
        sent = message_of(message)
        if not self.provider.provider:
            self.provider.send(sent, self.settings)
            return
        with inside(self.provider.provider, f"notifier {self.provider.name}", watched=False):
            self.provider.send(sent, self.settings)

    def masked(self, text: str) -> str:
        """Return a text in one line, without the secrets of the endpoint."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return " ".join(text.split())


def open_endpoints(
    subscriptions: tuple[Subscription, ...], plugins: PluginHost, root: Path
) -> tuple[Endpoint, ...]:
    """Return the endpoint of every subscription, with its notifier and settings.

    Args:
        subscriptions: What the configuration says.
        plugins: Who offers notifiers.
        root: Where relative paths start.

    Raises:
        SubscriptionsError: A notifier or its settings are not usable; all of it is said.
    """
    endpoints: list[Endpoint] = []
    problems: list[Problem] = []
    for subscription in subscriptions:
        try:
            endpoints.append(open_endpoint(subscription, plugins, root))
        except SubscriptionsError as error:
            problems += error.problems
    if problems:
        raise SubscriptionsError(problems)
    return tuple(endpoints)


def open_endpoint(
    subscription: Subscription,
    plugins: PluginHost,
    root: Path,
    environment: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return the endpoint of one subscription.

    Raises:
        SubscriptionsError: There is no such notifier, or its settings are not usable.
    """
    provider = _provider(subscription, plugins)
    try:
        settings = read_settings(
            provider.settings or _NoSettings,
            subscription.settings,
            lambda name: subscription.location.where("settings", *([name] if name else [])),
            environment=environment,
            root=root,
        )
    except SettingsError as error:
        raise SubscriptionsError(
            [_problem(subscription, fault) for fault in error.faults]
        ) from None
    secrets = {*settings.secrets, *environment_texts(subscription.settings, environment)}
    longest_first = tuple(sorted(secrets, key=len, reverse=True))
    return Endpoint(subscription, provider, settings.value, longest_first)


def _provider(subscription: Subscription, plugins: PluginHost) -> NotifierProvider:
    """Return the notifier that a subscription names."""
    offered = {**plugins.notifiers, **BUILT_IN}
    if subscription.channel not in offered:
        guess = nearest(subscription.channel, offered)
        meant = {"guess": guess} if guess else {"known": tuple(sorted(offered))}
        problem = subscription.problem("F702", ("channel",), name=subscription.channel, **meant)
        raise SubscriptionsError([problem])
    return offered[subscription.channel]


def _problem(subscription: Subscription, fault: SettingFault) -> Problem:
    """Return what is wrong with a setting, where it stands."""
    path = ("settings", fault.name) if fault.name else ("settings",)
    if fault.variable:
        return subscription.problem("F707", path, reason=fault.message, variable=fault.variable)
    return subscription.problem("F703", path, reason=fault.message, notifier=subscription.channel)


Find: TypeAlias = Callable[[str], Linked]
"""Returns a definition by the name of its funnel; raises a `Error` where it cannot."""

Funnels: TypeAlias = Mapping[str, Linked]

_NAME_THEM: Final = 'name the funnels that it is for: funnels = ["…"]'


def check_subscriptions(
    subscriptions: Iterable[Subscription],
    root: Path,
    plugins: PluginHost,
    in_use: Iterable[str],
    find: Find,
) -> Iterator[tuple[Subscription, tuple[Problem, ...]]]:
    """Yield every ``[[notify]]`` with all that is wrong with it, in the order of the file.

    Its channel and settings are looked at, and its funnels, fields and criterion.

    Args:
        subscriptions: What the configuration says.
        root: Where relative paths start: the workspace.
        plugins: Who offers notifiers.
        in_use: The funnels that are meant where none is named.
        find: Returns their definitions.
    """
    meant = tuple(in_use)
    for subscription in subscriptions:
        funnels, missing = _find_all(subscription, meant, find)
        problems = [*_of_channel(subscription, plugins, root), *missing]
        problems += [*_of_fields(subscription, funnels), *_of_when(subscription, funnels)]
        yield subscription, tuple(sorted(problems, key=Problem.order))


def _find_all(
    subscription: Subscription, in_use: tuple[str, ...], find: Find
) -> tuple[Funnels, list[Problem]]:
    """Return the definitions that a subscription is for, and what is wrong with its names."""
    found: dict[str, Linked] = {}
    problems = []
    for number, name in enumerate(subscription.funnels or in_use):
        try:
            found[name] = find(name)
        except Error as error:
            variant = "unknown" if isinstance(error, UnknownNameError) else "unusable"
            if subscription.funnels:
                path = ("funnels", number)
                problems.append(
                    subscription.problem("F704", path, variant, name=name, hint=error.hint)
                )
    return found, problems


def _of_channel(subscription: Subscription, plugins: PluginHost, root: Path) -> tuple[Problem, ...]:
    try:
        open_endpoint(subscription, plugins, root)
    except SubscriptionsError as error:
        return error.problems
    return ()


def _of_fields(subscription: Subscription, funnels: Funnels) -> Iterator[Problem]:
    """Yield the fields that none of the funnels has."""
    known = {name for linked in funnels.values() for name in linked.fields}
    for number, name in enumerate(subscription.fields):
        if funnels and name not in known:
            guess = nearest(name, known)
            meant = {"guess": guess} if guess else {}
            path = ("fields", number)
            yield subscription.problem("F705", path, endpoint=subscription.name, name=name, **meant)


def _of_when(subscription: Subscription, funnels: Funnels) -> Iterator[Problem]:
    """Yield what is wrong with the criterion under any of the funnels, each once."""
    found: dict[ExpressionProblem, list[str]] = {}
    for name, linked in funnels.items() if subscription.when else ():
        for problem in _compile(subscription.when, _scope(linked, funnels)):
            found.setdefault(problem, []).append(name)
    for problem, names in found.items():
        message, help_ = problem.message, problem.help
        if len(names) < len(funnels):
            message += f" in {', '.join(names)}"
            help_ = f"{help_} or {_NAME_THEM}" if help_ else _NAME_THEM
        stretch = (problem.start, problem.end)
        path = ("when",)
        yield subscription.problem(
            problem.code, path, AS_WRITTEN, stretch, message=message, help=help_
        )


def _compile(when: str, scope: Scope) -> tuple[ExpressionProblem, ...]:
    """Compile a criterion for what is wrong with it, and what is suspicious."""
    try:
        return compile_expression(when, scope).warnings
    except CriterionError as error:
        return error.problems


def _scope(linked: Linked, funnels: Funnels) -> Scope:
    """Return what a criterion may name, with the stages and events that there are.

    Texts are compared with those of all funnels, since a criterion may be about several.
    """
    stages = tuple(dict.fromkeys(leaf for each in funnels.values() for leaf in each.leaves))
    events = {name for each in funnels.values() for name in each.events} | set(BUILT_IN_EVENTS)
    scope = when_scope(linked.fields)
    contact, event = dict(scope.contact), dict(scope.event)
    if "stage" not in linked.fields:
        contact["stage"] = evolve(contact["stage"], choices=stages)
    for name in ("before", "after"):
        event[name] = evolve(event[name], choices=stages)
    event["name"] = evolve(event["name"], choices=tuple(sorted(events)))
    return Scope(contact, event)


_DELAYS: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""Seconds before each attempt."""

ATTEMPTS: Final = len(_DELAYS)
JITTER: Final = 0.2
"""By which part a delay may be longer, so that what failed together is not tried together."""
LONGEST: Final = dt.timedelta(days=1)
"""The longest that a receiver can ask to wait."""


def next_attempt(
    attempts: int,
    now: dt.datetime,
    *,
    retry_after: float | None = None,
    chance: float | None = None,
) -> dt.datetime | None:
    """Return the time of the next attempt.

    Args:
        attempts: How many there were.
        now: When the last one ended.
        retry_after: Seconds that the receiver asks to wait; None if it said nothing. It can
            make a delay longer, never shorter.
        chance: From 0 to 1, how much of the jitter is added; None for any.

    Returns:
        When; None after the last attempt.
    """
    if attempts >= ATTEMPTS:
        return None
    part = random.random() if chance is None else chance  # noqa: S311  # spreads load
    delay = _DELAYS[attempts] * (1 + JITTER * part)
    asked = min(max(retry_after or 0.0, 0.0), LONGEST.total_seconds())
    return now + dt.timedelta(seconds=max(delay, asked))
