"""The plugins of a workspace: what they offer, and calling them when something happens.

::

    host = load_plugins(root)
    library = host.library(Library((root,)))
    for plugin, reason in host.before(context): ...
"""

import datetime as dt
import logging
import math
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import evolve

from funnelflow.criteria import Custom, CustomAnswer, Facts, Fields
from funnelflow.criteria.custom import ask_custom
from funnelflow.definition import CriterionProvider, Library
from funnelflow.errors import ConfigurationError, nearest
from funnelflow.plugins.configuration import (
    Blocking,
    PluginConfig,
    blocking_from,
    canonical_name,
    read_plugin_config,
    same_name,
    unmet,
)
from funnelflow.plugins.hookspecs import EVENT_HOOKS, OfferKind
from funnelflow.plugins.isolation import Fault, ask_once, attempt, describe_error, place_of
from funnelflow.plugins.loading import Candidate, Hook, Plugin, find_plugins, load
from funnelflow.plugins.providers import (
    BeforeTransition,
    CommandProvider,
    Committed,
    ContactCreated,
    FormatProvider,
    NotifierProvider,
    NumberProvider,
)
from funnelflow.plugins.registry import Offer, RefusedOffer, collect, into_library

OnProblem: TypeAlias = Callable[[str, str, str], None]
"""Called with a problem: the message, the plugin to turn off (empty for none), and a hint."""

Trace: TypeAlias = Callable[[str], None]
"""Given the traceback of what a plugin raised, without its secrets."""

BEFORE, AFTER, CREATED = EVENT_HOOKS
AGAIN_AFTER: Final = 60.0
"""Seconds after which what goes on failing is reported again."""
MOST_PROBLEMS: Final = 20
"""How many problems of a plugin are kept."""
_MAX_REASON: Final = 500
_LOG = logging.getLogger("funnelflow.plugins")


_STORED: Final = (
    "the change is stored and need not be repeated; "
    "--no-plugins={name} turns the plugin off for the next commands"
)
_REQUIRED: Final = "it is required here, so nothing is written until it can be used"


def turn_off(plugin: str) -> str:
    """Return how to go on without a plugin, in a command."""
    return f"`funnelflow --no-plugins={plugin} …` goes on without it"


def _log(message: str, plugin: str, hint: str) -> None:
    """Log a problem, for who uses funnelflow from Python."""
    _LOG.warning("%s (%s)", message, hint or turn_off(plugin))


class FailureLog:
    """Counts what fails, so that a service that runs for weeks says it again, but not each time.

    Args:
        clock: Returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[Hashable, float] = {}
        self._counts: Counter[Hashable] = Counter()

    def count(self, what: Hashable) -> int:
        """Count a failure; return how many to report, or 0 where one was reported a moment ago."""
        now = self._clock()
        with self._lock:
            self._counts[what] += 1
            if now - self._said.get(what, -math.inf) < AGAIN_AFTER:
                return 0
            self._said[what] = now
            return self._counts.pop(what)


def _as_number(value: object) -> float:
    """Return what a number gave.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"it gave {type(value).__name__}; give a number, True, False or None")
    return float(value)


class PluginHost:
    """The plugins that are in use, called one by one so that none can harm the others.

    Args:
        plugins: What was found, in the order in which hooks are called.
        config: What the configuration says about them.
        on_problem: Called with every problem, each call of a plugin that fails once.
        trace: Given the traceback of what a plugin raised.

    Attributes:
        plugins: Every plugin that was found, the blocked and the broken ones too.
        watches_transitions: Whether anybody may veto a transition.
        watches_commits: Whether anybody watches what has been stored.
    """

    def __init__(
        self,
        plugins: Iterable[Plugin] = (),
        config: PluginConfig | None = None,
        on_problem: OnProblem = _log,
        trace: Trace | None = None,
    ) -> None:
        self.plugins = tuple(plugins)
        self._config = config or PluginConfig()
        self._on_problem = on_problem
        self._trace = trace
        self._failures = FailureLog()
        self._offers: dict[OfferKind, Mapping[str, Offer]] = {}
        self._arrange()

    @property
    def definitions(self) -> Mapping[str, Any]:
        """The definitions that plugins offer: records or files."""
        return self._records("definitions")

    @property
    def vocabularies(self) -> Mapping[str, Any]:
        """The vocabularies that plugins offer: records or files."""
        return self._records("vocabularies")

    @property
    def criteria(self) -> Mapping[str, CriterionProvider]:
        """The criteria that plugins offer."""
        return self._records("criteria")

    @property
    def notifiers(self) -> Mapping[str, NotifierProvider]:
        """The notifiers that plugins offer."""
        return self._records("notifiers")

    @property
    def commands(self) -> Mapping[str, CommandProvider]:
        """The commands that plugins offer."""
        return self._records("commands")

    @property
    def formats(self) -> Mapping[str, FormatProvider]:
        """The file formats that plugins offer."""
        return self._records("formats")

    @property
    def numbers(self) -> Mapping[str, NumberProvider]:
        """The numbers of the report that plugins offer."""
        return self._records("numbers")

    def settings_of(self, name: str) -> Any:
        """Return the settings of a plugin, an instance of its class; None where it has none."""
        found = (one.settings for one in self.plugins if one.name == name and one.settings)
        return next((one.value for one in found), None)

    def measure(
        self, number: NumberProvider, stays: Sequence[Any], decisions: Sequence[Any]
    ) -> float | None:
        """Ask a plugin's number about a contact.

        Returns:
            What it gave; None where it does not count the contact.

        Raises:
            Fault: It raised, or gave something that is no number; it is reported.
        """
        what = f"the number {number.name!r}"
        try:
            value = attempt(number.provider, what, number.function, stays, decisions)
            if value is None or value is False:
                return None
            measured: float = attempt(number.provider, what, _as_number, value)
        except Fault as fault:
            self.report(number.provider, fault)
            raise
        return measured

    def library(self, library: Library) -> Library:
        """Return a library with the definitions, vocabularies and criteria of plugins as well."""
        if not any(plugin.status == "active" for plugin in self.plugins):
            return library
        return into_library(library, self.definitions, self.vocabularies, self.criteria)

    def offered(self, kind: OfferKind) -> Mapping[str, Offer]:
        """Return what plugins offer of a kind, by name; asked for once."""
        if kind not in self._offers:
            found, refused = collect(kind, self._hooks(f"funnelflow_{kind}"), self.report)
            self._offers[kind] = found
            for offer in refused:
                self._refuse(offer)
        return self._offers[kind]

    def ask(self, rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
        """Ask a plugin's criterion; without the plugin's secrets in what it raised.

        Raises:
            AskAgain: The question is new, and may not be asked now.
        """

        def answer() -> CustomAnswer:
            given = ask_custom(rule, fields, facts, now)
            plugin = self._named(given.plugin) if given.failure else None
            return evolve(given, failure=plugin.masked(given.failure)) if plugin else given

        arguments = dict(rule.arguments)
        return ask_once(lambda: (rule.name, arguments, dict(fields), dict(facts), now), answer)

    def before(self, context: BeforeTransition) -> list[tuple[str, str]]:
        """Ask every plugin about a transition.

        Returns:
            The vetoes: plugin and reason. A plugin that fails vetoes too.

        Raises:
            AskAgain: The question is new, and may not be asked now.
        """
        return ask_once(lambda: context, lambda: self._vetoes(context))

    def _vetoes(self, context: BeforeTransition) -> list[tuple[str, str]]:
        vetoes = []
        for hook in self._before:
            try:
                answer = hook.call(context=context)
            except Fault as fault:
                self.report(hook.plugin.name, fault)
                answer = f"it failed: {hook.plugin.masked(describe_error(fault.error))}"
            if answer is not None:
                vetoes.append((hook.plugin.name, _reason(answer)))
        return vetoes

    def committed(self, context: Committed) -> None:
        """Notify every plugin of evidence that has been stored."""
        self._announce(self._after, context)

    def created(self, context: ContactCreated) -> None:
        """Notify every plugin of a contact that has been added and stored."""
        self._announce(self._created, context)

    def register(self, thing: Any, name: str = "") -> Plugin:
        """Take in a plugin that is at hand: a module, or any object with hooks.

        Args:
            thing: The plugin.
            name: What to call it; its own name when empty.

        Raises:
            ConfigurationError: It cannot be used, or another one has its name.
        """
        name = name or str(getattr(thing, "__name__", type(thing).__name__))
        if any(same_name(plugin.name, name) for plugin in self.plugins):
            raise ConfigurationError(
                f"there is a plugin {name!r} already", hint="unregister it first"
            )
        plugin = load(Candidate(name, "registered", name, load=lambda: thing), self._config)
        if plugin.status == "broken":
            raise ConfigurationError(f"plugin {name}: {plugin.problems[0]}")
        self.plugins = (*self.plugins, plugin)
        self._arrange()
        return plugin

    def unregister(self, name: str) -> None:
        """Let go of a plugin; nothing happens if there is none of that name."""
        self.plugins = tuple(p for p in self.plugins if not same_name(p.name, name))
        self._arrange()

    def version_of(self, name: str) -> str:
        """Return the version of a plugin; empty where it has none."""
        plugin = self._named(name)
        return "" if plugin is None else plugin.candidate.version

    def _named(self, name: str) -> Plugin | None:
        return next((p for p in self.plugins if p.name == name), None)

    def report(self, name: str, fault: Fault, hint: str = "") -> None:
        """Note what went wrong in a plugin, and tell it: see `warn`.

        Args:
            name: The plugin.
            fault: What it did.
            hint: What to do, if it is something else than to turn it off.
        """
        plugin = self._named(name)
        said = f"{fault.call.what}: {describe_error(fault.error)}{place_of(fault.error)}"
        said = plugin.masked(said) if plugin else said
        if plugin is not None and said not in plugin.problems:
            plugin.problems[MOST_PROBLEMS:] = [said]
        message = f"plugin {plugin.title if plugin else name} failed in {said}"
        self.warn(name, message, about=fault.call.what, hint=hint, error=fault.error)

    def report_problems(self) -> None:
        """Report what is wrong with the plugins that were found, each once."""
        lacking = unmet(self._config, self.plugins)
        for plugin in self.plugins:
            if plugin.problems:
                used = "cannot be used" if plugin.status == "broken" else "is in use, but"
                joint = ": " if plugin.status == "broken" else " "
                qualified = plugin.candidate.qualified if _is_clash(plugin) else plugin.name
                said = f"plugin {plugin.title} {used}{joint}" + "\n".join(plugin.problems)
                is_required = any(u.is_reported and same_name(u.name, plugin.name) for u in lacking)
                hint = _REQUIRED if is_required else ""
                error = plugin.error
                self.warn(plugin.name, said, turn_off=qualified, hint=hint, error=error)
        for missing in lacking:
            if not missing.is_reported:
                self.note(f"plugin {missing.name} is required here, and {missing.why}", _REQUIRED)

    def note(self, message: str, hint: str) -> None:
        """Report something that is about no plugin there is."""
        self._on_problem(message, "", hint)

    def warn(  # by keyword
        self,
        name: str,
        message: str,
        *,
        about: str = "",
        turn_off: str = "",
        hint: str = "",
        error: BaseException | None = None,
    ) -> None:
        """Report something about a plugin; about the same once a minute at most, with a count.

        Args:
            name: The plugin.
            message: What is wrong.
            about: What of it is wrong: a hook, a criterion; empty for the plugin as a whole.
            turn_off: The name by which it is turned off, if that is another.
            hint: What to do, if it is something else than to turn it off.
            error: What it raised.
        """
        count = self._failures.count((name, about))
        if not count:
            return
        if self._trace is not None and error is not None:
            plugin = next((p for p in self.plugins if p.name == name), None)
            text = "".join(traceback.format_exception(error))
            self._trace(plugin.masked(text) if plugin else text)
        again = f" ({count} times since this was last said)" if count > 1 else ""
        self._on_problem(f"{message}{again}", turn_off or name, hint)

    def _refuse(self, offer: RefusedOffer) -> None:
        """Report an offer that is left out, once."""
        unaware = [p for p in dict.fromkeys(offer.plugins) if offer.said not in p.problems]
        for plugin in unaware:
            plugin.problems.append(offer.said)
        if unaware:
            self._on_problem(offer.said, offer.plugins[-1].name, "")

    def _arrange(self) -> None:
        """Sort the implementations of event hooks once, and forget what was offered."""
        self._offers.clear()
        self._before = self._hooks(BEFORE)
        self._after = self._hooks(AFTER)
        self._created = self._hooks(CREATED)
        self.watches_transitions = bool(self._before)
        self.watches_commits = bool(self._after or self._created)

    def _hooks(self, name: str) -> tuple[Hook, ...]:
        """Return the implementations of a hook in the order in which they are called."""
        found = [p.hooks[name] for p in self.plugins if p.status == "active" and name in p.hooks]
        return tuple(sorted(found, key=lambda hook: hook.rank))

    def _records(self, kind: OfferKind) -> dict[str, Any]:
        return {name: offer.record for name, offer in self.offered(kind).items()}

    def _announce(self, hooks: Iterable[Hook], context: Any) -> None:
        for hook in hooks:
            try:
                hook.call(context=context)
            except Fault as fault:
                name = hook.plugin.name
                self.report(name, fault, hint=_STORED.format(name=name))


def load_plugins(  # by keyword
    root: Path | None,
    *,
    no_plugins: str | None = None,
    modules: Iterable[str] = (),
    on_problem: OnProblem = _log,
    trace: Trace | None = None,
    environment: Mapping[str, str] | None = None,
) -> PluginHost:
    """Find, import and check the plugins of a workspace.

    Args:
        root: The workspace; None where there is none.
        no_plugins: The plugins not to import, with commas between; ``*`` for all.
        modules: Modules that are plugins too.
        on_problem: Called with every problem, each call of a plugin that fails once.
        trace: Given the traceback of what a plugin raised.
        environment: The environment; None for that of this process.

    Raises:
        ConfigurationError: The configuration says something about plugins that is not
            understood. Nothing that a plugin does raises.
    """
    config = evolve(read_plugin_config(root), environment=environment)
    blocking = blocking_from(no_plugins, config, environment)
    candidates = find_plugins(root, modules)
    host = PluginHost(_load_all(candidates, blocking, config), config, on_problem, trace)
    host.report_problems()
    _note_unknown(host, candidates, blocking, config)
    return host


def _load_all(
    candidates: Iterable[Candidate], blocking: Blocking, config: PluginConfig
) -> Iterable[Plugin]:
    """Import the plugins that are not blocked; of several with one name none is imported."""
    candidates = tuple(candidates)
    reasons = {c: blocking.reason(c.name, c.qualified) for c in candidates}
    for candidate in candidates:
        others = [
            c
            for c in candidates
            if same_name(c.name, candidate.name) and c is not candidate and not reasons[c]
        ]
        if reasons[candidate]:
            yield Plugin(candidate, "blocked", blocked_by=reasons[candidate])
        elif others:
            yield _clash(candidate, others)
        else:
            yield load(candidate, config)


_CLASH: Final = "has the same name as "


def _clash(candidate: Candidate, others: Iterable[Candidate]) -> Plugin:
    """Return a plugin that is not imported because another one has its name."""
    named = " and ".join(f"{other.qualified} ({other.source})" for other in others)
    said = f"{candidate.qualified} ({candidate.source}) {_CLASH}{named}, so neither is imported"
    return Plugin(candidate, "broken", problems=[said])


def _is_clash(plugin: Plugin) -> bool:
    return plugin.status == "broken" and _CLASH in plugin.problems[0]


def _note_unknown(
    host: PluginHost, candidates: Iterable[Candidate], blocking: Blocking, config: PluginConfig
) -> None:
    """Report names that are no plugin's: to turn off, or to set."""
    names = [name for c in candidates for name in (c.name, c.qualified)]
    known = {canonical_name(name) for name in names}
    for name, by in blocking.names.items():
        if canonical_name(name) not in known:
            host.note(f"there is no plugin {name!r} to turn off ({by})", _hint(name, names))
    for name in config.tables:
        if canonical_name(name) not in known:
            host.note(f"{config.where(name)}: there is no plugin {name!r}", _hint(name, names))


def _hint(name: str, known: Iterable[str]) -> str:
    guess = nearest(name, known)
    return f"did you mean {guess!r}?" if guess else "funnelflow plugins list"


def _reason(answer: Any) -> str:
    """Make a reason of what a plugin gave: text in one line, of a length that can be kept."""
    text = " ".join(answer.split()) if isinstance(answer, str) else ""
    text = "".join(c if c.isprintable() else "�" for c in text)
    return text[:_MAX_REASON] or f"gave {_given(answer)}, not a reason or None"


def _given(answer: Any) -> str:
    """Name what was given; of anything but a truth its kind will do."""
    if isinstance(answer, str):
        return "an empty text"
    return str(answer) if isinstance(answer, bool) else type(answer).__name__
