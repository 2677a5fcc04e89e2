"""What stands in a file of a transition, as a table of keys, and what it may replace."""

import datetime as dt
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from funnelflow.criteria import Position
from funnelflow.definition.kinds import (
    STAGE_NAME,
    TEXT,
    TRUTH,
    WAIT,
    Describe,
    Json,
    ValueKind,
    items_of,
    one_of,
)
from funnelflow.definition.model import ANY, NAME, Transition
from funnelflow.definition.problems import Place
from funnelflow.definition.record_kinds import Key, ListKind, RecordKind
from funnelflow.definition.requirement_kinds import REQUIREMENT
from funnelflow.definition.shapes import NAMES, ROLES, SET_TO, SETS, SETS_WHAT
from funnelflow.definition.yaml.nodes import MappingNode

STAGE_OR_ANY = evolve(
    STAGE_NAME,
    defined_as="stage_or_any",
    about="A stage, or '*' in quotes.",
    described={"type": "string", "pattern": rf"^({NAME.pattern}(\.{NAME.pattern})*|\*)$"},
)
SOURCES = ListKind(of=STAGE_OR_ANY, is_lone_allowed=True, least=1, key="from")


@frozen
class Replaced:
    """Which transition of the definition that is extended another one stands in place of.

    Attributes:
        sources: What it leaves; empty for the same stages.
        to: What it enters; empty for the same stage.
        on: The events that take it; empty for any.
        position: Where this was written.
    """

    sources: tuple[str, ...] = ()
    to: str = ""
    on: tuple[str, ...] = ()
    position: Position | None = field(default=None, eq=False, repr=False, kw_only=True)


Replaces: TypeAlias = bool | Replaced


@frozen
class TransitionDraft(Transition):
    """A transition of a file that says whether it replaces one of the definition it extends."""

    replaces: Replaces = False


_REPLACED = RecordKind(
    "replaced transition",
    Replaced,
    (
        Key("from", SOURCES, "The stages that the other one leaves.", "sources"),
        Key("to", STAGE_OR_ANY, "The stage that the other one enters."),
        Key("on", NAMES, "The events that take the other one."),
    ),
)


@frozen
class ReplacesKind(ValueKind):
    """Whether a transition replaces another, or which one."""

    def take(self, here: Place, value: Any, what: str) -> Replaces:
        """Return what is said of it."""
        kind: ValueKind = _REPLACED if isinstance(value, MappingNode) else TRUTH
        found: Replaces = kind.take(here, value, what)
        return found

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        return {"anyOf": [describe(TRUTH), _REPLACED.schema(describe)]}


REPLACES = ReplacesKind()


def _finish_transition(_: Place, values: dict[str, Any]) -> Transition:
    """Return a transition; a draft of one that says whether it replaces another."""
    return TransitionDraft(**values) if "replaces" in values else Transition(**values)


_SHORTEST = dt.timedelta(minutes=1)


def _check_transition(here: Place, transition: Transition) -> Transition:
    """Report a transition that leaves nothing, or whose wait is too short or waits for somebody."""
    source = here.part("from")
    if not transition.sources and (source.node() is None or items_of(source.node()) == []):
        source.report("F102", "no_source")
    if transition.after is None and transition.since != "stage":
        here.part("since").report("F412")
    if isinstance(transition.after, str) and transition.since != "stage":
        here.part("since").report("F412", "date")
    if isinstance(transition.after, dt.timedelta) and transition.after < _SHORTEST:
        here.part("after").report("F411")
    if transition.to == ANY and not (transition.resume and ANY not in transition.sources):
        here.part("to").report("F419", "from" if transition.resume else "any")
    if transition.after is not None and transition.by:
        here.part("by").report("F410")
    return transition


TRANSITION = RecordKind(
    "transition",
    Transition,
    (
        Key(
            "from",
            SOURCES,
            "The stage or stages it leaves; an outer stage stands for all in it, '*' for every "
            "open one.",
            "sources",
            is_required=True,
        ),
        Key(
            "to",
            STAGE_OR_ANY,
            "The stage it enters; an outer stage is entered at its first, or with resume where "
            "the contact was last.",
            is_required=True,
        ),
        Key(
            "on",
            evolve(NAMES, key="on"),
            "The event or events that take it; without on and after it is taken as soon as its "
            "criteria hold.",
        ),
        Key(
            "after",
            WAIT,
            "How long after since it is taken by itself (30d, 2w, 36h), or at which moment "
            "(contact.next_contact_at).",
        ),
        Key(
            "since",
            one_of("stage", "activity"),
            "What after counts from: entering the stage that from names, or activity since then.",
        ),
        Key("require", REQUIREMENT),
        Key("by", evolve(ROLES, key="by"), "The roles that may take it."),
        Key("about", TEXT, "What it is for."),
        Key("sets", SETS, f"{SETS_WHAT} taking it sets, each {SET_TO}"),
        Key(
            "resume",
            TRUTH,
            "Whether a contact comes back to where it was last in the stage that to names.",
        ),
        Key(
            "replaces",
            REPLACES,
            "Whether it stands in place of one of the definition that is extended: true for that "
            "with the same from and to, or which; false for beside it.",
        ),
    ),
    finish=_finish_transition,
    further=_check_transition,
    needs=("sources", "to"),
    is_vital=True,
    defined_as="transition",
)
