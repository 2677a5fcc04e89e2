"""The records of a definition: what a company writes, from a file or built in Python.

A record takes what it is given; `check` and `link` tell what does not fit, all at once, as they
do for a file.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from funnelflow.criteria import TEXT, Field, Position, duration_words

StageType: TypeAlias = Literal["open", "won", "lost"]
GroupKind: TypeAlias = Literal["all", "any", "at_least"]
Since: TypeAlias = Literal["stage", "activity"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""What the names of funnels, stages, events, roles and blocks look like."""
BUILT_IN_EVENTS = {
    "add": "the first word of every history",
    "set": "a step that brings facts alone",
    "move": "a step that asks for a stage",
    "tick": "the passing of time",
    "adopt": "a new version taken into use",
}
"""Evidence that every definition understands, by name; no vocabulary may use these names."""
ANY = "*"
"""Stands for every open stage where a transition says what it leaves, or what it comes back to."""


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return a lone name as a list of one, as a file may write it; other values as they are."""
    if isinstance(names, str):
        return (names,)
    return tuple(names) if _is_listed(names) else names  # type: ignore[return-value]


def _condition(source: str | bool) -> str:  # noqa: FBT001  # as it is written
    """Return a truth value as the source of an expression; "true" is what holds anyway."""
    if isinstance(source, bool):
        return "" if source else "false"
    return "" if source == "true" else source


def _required(require: "Requirement | Iterable[Criterion | Group] | None") -> "Requirement | None":
    """Return a list of criteria as a group that must all be met; other values as they are."""
    if require is None or isinstance(require, Criterion | Group):
        return require
    return Group("all", tuple(require)) if _is_listed(require) else require  # type: ignore[return-value]


def _is_listed(value: object) -> bool:
    """Whether a value is a list of others; what it should have been is said when it is checked."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _plain(value: Any) -> Any:
    """Return a fact as a file would hold it, so that it can be stored and read back as it is."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return _AS_FACT(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return float(value) if isinstance(value, Decimal) else value


_AS_FACT = Field("fact", TEXT).to_json


@frozen
class _Written:
    """Where a record was written; None if it was built in Python."""

    position: Position | None = field(default=None, eq=False, repr=False, kw_only=True)


@frozen
class Criterion(_Written):
    """One labelled condition: an expression, or a plugin's function with its arguments.

    Attributes:
        label: What a person reads ("Budget is confirmed"); empty for a plugin's own label.
        expression: The source of the expression; empty when `function` names a plugin's.
        function: The name under which a plugin offers the criterion.
        arguments: What the plugin's criterion is called with, by name.
    """

    label: str
    expression: str = ""
    function: str = ""
    arguments: Mapping[str, Any] = field(factory=dict, converter=_plain)


@frozen
class Group(_Written):
    """Criteria of which all, any or at least `count` must be met; groups nest."""

    kind: GroupKind
    items: tuple["Requirement", ...]
    count: int = 0
    label: str = ""


Requirement: TypeAlias = Criterion | Group


@frozen
class Transition(_Written):
    """A permitted step between stages.

    Attributes:
        sources: The stages it leaves; a stage with nested ones stands for all of them, and `ANY`
            for every open stage.
        to: The stage it enters; a stage with nested ones is entered at its first. `ANY` for the
            stage that the contact was in before, where `resume` says so.
        on: The events that take it; empty, with no `after`, makes it automatic.
        after: How long after `since` it is taken by itself, or the source of an expression that
            gives the moment (``contact.next_contact_at``); None for never.
        since: What `after` counts from: entering the stage, or the last thing that happened.
        require: What must be met; None when nothing must.
        by: The roles that may take it; empty for everybody.
        about: What it is for, in words.
        sets: What becomes of the contact's fields when it is taken: field name to the source of
            an expression.
        resume: Whether a contact comes back to where it was last in `to`, not to its first.
    """

    sources: tuple[str, ...] = field(converter=_names)
    to: str
    on: tuple[str, ...] = field(default=(), converter=_names)
    after: dt.timedelta | str | None = None
    since: Since = "stage"
    require: Requirement | None = field(default=None, converter=_required)
    by: tuple[str, ...] = field(default=(), converter=_names)
    about: str = ""
    sets: Mapping[str, str] = field(factory=dict)
    resume: bool = False

    @property
    def is_automatic(self) -> bool:
        """Whether it is taken as soon as its criteria are met, with no event or wait."""
        return not self.on and self.after is None


@frozen
class Stage(_Written):
    """A named place in the funnel; `stages` are nested in it, the first is where it is entered.

    After `rotting_after` in it a contact is there for too long, and named by the report and among
    those who need somebody; for a stage with nested ones it holds of each that says nothing else.
    """

    name: str
    title: str = ""
    about: str = ""
    type: StageType = "open"
    aliases: tuple[str, ...] = field(default=(), converter=_names)
    owner: str = ""
    playbook: tuple[str, ...] = field(default=(), converter=_names)
    stages: tuple["Stage", ...] = ()
    optional: bool = False
    rotting_after: dt.timedelta | None = None

    def walk(self, prefix: str = "") -> Iterator[tuple[str, "Stage"]]:
        """Yield this stage and those nested in it as (dotted name, stage), outermost first."""
        path = f"{prefix}.{self.name}" if prefix else self.name
        yield path, self
        for stage in self.stages:
            yield from stage.walk(path)


@frozen
class EventType(_Written):
    """Something that can happen.

    Attributes:
        name: What a record of it says (``form_submitted``).
        title: What a person reads.
        about: When it is recorded.
        fields: Facts about the event alone; criteria read them as ``event.x``.
        sets: What becomes of the contact's fields: field name to the source of an expression.
        activity: The source of an expression: whether it counts where a wait says
            ``since: activity``; empty, or unknown, if it does. True and False may stand for it.
        aliases: The names it had before; evidence that was recorded under them is read as this.
    """

    name: str
    title: str = ""
    about: str = ""
    fields: Mapping[str, Field] = field(factory=dict)
    sets: Mapping[str, str] = field(factory=dict)
    activity: str = field(default="", converter=_condition)
    aliases: tuple[str, ...] = field(default=(), converter=_names)


@frozen
class Vocabulary(_Written):
    """The fields and events that several definitions share, and criteria that have a name.

    Attributes:
        name: What definitions call it.
        title: What it is about, in one line.
        about: What it is about, at length.
        fields: The facts about a contact.
        events: What can happen.
        criteria: Groups of criteria by the name under which a file uses them.
    """

    name: str
    title: str = ""
    about: str = ""
    fields: Mapping[str, Field] = field(factory=dict)
    events: Mapping[str, EventType] = field(factory=dict)
    criteria: Mapping[str, Group] = field(factory=dict)


@frozen
class Invariant(_Written):
    """What always holds of one of a definition's stages; a check holds it to that.

    It says exactly one of `after`, `never_after`, `inside`, `needs` and `on_entry`.

    Attributes:
        label: What people read ("Every prospect was a lead before").
        stage: The stage it is about, with all that is nested in it.
        after: Stages of which every contact in `stage` was in one before.
        never_after: Stages from which no way leads to `stage` again.
        inside: The stage that `stage` is nested in.
        needs: The source of an expression that holds when `stage` is entered and while a contact
            is in it.
        on_entry: The source of an expression that holds when `stage` is entered, whatever becomes
            of it later.
    """

    label: str
    stage: str
    after: tuple[str, ...] = field(default=(), converter=_names)
    never_after: tuple[str, ...] = field(default=(), converter=_names)
    inside: str = ""
    needs: str = ""
    on_entry: str = ""

    @property
    def condition(self) -> str:
        """What holds on entry at least; empty where it says nothing of that."""
        return self.needs or self.on_entry


@frozen
class ScenarioStep(_Written):
    """One thing that happens in a scenario.

    Attributes:
        event: The event that is recorded; empty for a move, a wait or facts alone.
        facts: The facts it brings.
        to: The stage that a move asks for.
        wait: How much time passes first.
        roles: The roles of whoever does it.
    """

    event: str = ""
    facts: Mapping[str, Any] = field(factory=dict, converter=_plain)
    to: str = ""
    wait: dt.timedelta | None = None
    roles: tuple[str, ...] = field(default=(), converter=_names)


@frozen
class Scenario(_Written):
    """An example story with the stage it must end in; runs as a test."""

    story: str
    then: str
    when: tuple[ScenarioStep, ...] = ()
    given: Mapping[str, Any] = field(factory=dict, converter=_plain)


@frozen
class Definition(_Written):
    """A funnel: stages, the transitions between them, and the vocabulary it speaks.

    Attributes:
        name: The name it is called by, ``funnel`` in a file.
        version: Counts up with every change of meaning.
        title: Its idea in one line.
        about: Its idea at length.
        vocabulary: The fields and events it speaks of, already merged with its own.
        initial: The stage in which a contact starts.
        stages: The outermost stages, in order.
        transitions: In the order in which they are tried.
        scenarios: Its example stories.
        always: What always holds of its stages.
        force: The roles that may force a move; nobody when empty.
        path: The file it came from; empty when it was built in Python.
    """

    name: str
    vocabulary: Vocabulary
    initial: str
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    always: tuple[Invariant, ...] = ()
    version: int = 1
    title: str = ""
    about: str = ""
    force: tuple[str, ...] = field(default=(), converter=_names)
    path: str = field(default="", eq=False, kw_only=True)

    def walk(self) -> Iterator[tuple[str, Stage]]:
        """Yield every stage as (dotted name, stage), outermost first, in file order."""
        for stage in self.stages:
            yield from stage.walk()


@frozen
class StageIndex:
    """The stages of a definition, found by dotted name.

    Attributes:
        stages: Every stage, outermost first, in file order.
        leaves: The stages that nothing is nested in; contacts are in these.
        inside: The leaves of each stage; a leaf's own is itself. The first is its entry.
        types: What each stage is, where an outer stage's type holds for those in it.
    """

    stages: Mapping[str, Stage]
    leaves: tuple[str, ...]
    inside: Mapping[str, tuple[str, ...]]
    types: Mapping[str, StageType]

    def leaf_of(self, name: str) -> str:
        """Return the leaf in which a contact lands that enters the stage `name`."""
        return self.inside[name][0]


def index_stages(stages: Iterable[Stage]) -> StageIndex:
    """Index stages by dotted name; of two with one name the first counts."""
    found: dict[str, Stage] = {}
    for outermost in stages:
        for name, stage in outermost.walk():
            found.setdefault(name, stage)
    inside: dict[str, list[str]] = {name: [] for name in found}
    types: dict[str, StageType] = {}
    outer = {parent_of(name) for name in found}
    leaves = tuple(name for name in found if name not in outer)
    for name, stage in found.items():
        types[name] = stage.type if stage.type != "open" else types.get(parent_of(name), "open")
    for leaf in leaves:
        for name in _around(leaf):
            inside.get(name, []).append(leaf)
    return StageIndex(found, leaves, {name: tuple(below) for name, below in inside.items()}, types)


def _around(name: str) -> Iterator[str]:
    """Yield a stage's name and those of the stages it is nested in."""
    yield name
    while "." in name:
        name = parent_of(name)
        yield name


def parent_of(name: str) -> str:
    """Return the name of the stage that a stage is nested in; empty for an outermost one."""
    return name.rpartition(".")[0]


def takes(transition: Transition) -> str:
    """Return what takes a transition, in words: events, a wait, or nothing but its criteria."""
    ways = [f"on {either(transition.on)}"] if transition.on else []
    if transition.after is not None:
        counted = "without activity" if transition.since == "activity" else "in this stage"
        date = isinstance(transition.after, str)
        ways.append(wait_words(transition) if date else f"{wait_words(transition)} {counted}")
    return ", or ".join(ways) or "as soon as its criteria are met"


def arrow(transition: Transition) -> str:
    """Return where a transition leads from and to, in a few words."""
    to = "where it was before" if transition.to == ANY else transition.to
    back = " (where it was last)" if transition.resume and transition.to != ANY else ""
    sources = ["any open stage" if name == ANY else name for name in transition.sources]
    return f"{', '.join(sources)} → {to}{back}"


def is_date(wait: str) -> bool:
    """Whether a wait is the source of an expression, and no length of time."""
    return "contact." in wait


def wait_words(transition: Transition) -> str:
    """Return in words what a transition waits for: a length of time, or a date."""
    if isinstance(transition.after, str):
        return f"at {transition.after.strip()}"
    return "" if transition.after is None else f"after {duration_words(transition.after)}"


def either(names: Sequence[str]) -> str:
    """Join one name or more as alternatives: ``a, b or c``."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
