"""Text that people read: short enough, and without characters that steer or hide.

A file cannot hold such characters; a definition that was built in Python is held to the same.
"""

import re
from collections.abc import Iterable, Iterator

from funnelflow.criteria import Field
from funnelflow.definition.model import Definition, EventType, Requirement, Stage, StageIndex
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import (
    SourceLocation,
    event_site,
    invariant_site,
    scenario_site,
    transition_site,
)
from funnelflow.definition.yaml.compose import UNSAFE, character_words

RESERVED_EVENTS = {
    "add": "the first word of every history",
    "set": "a step that brings facts alone",
    "move": "a step that asks for a stage",
    "tick": "the passing of time",
    "adopt": "a new version taken into use",
    "import": "contacts brought in from elsewhere",
    "wait": "a step of a scenario",
    "as": "the roles in a scenario",
}
"""Names that no event may have, with what they mean already."""

RESERVED_FIELDS = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void"),
        "while",
    )
)
"""Words that the Common Expression Language keeps for itself."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_HOW = "letters, digits, _ and -, at most 64, a letter first"
_HOW_FIELD = "letters, digits and _, at most 64, a letter first"


def check_names(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check the names of the funnel, its stages, their aliases, and the roles it speaks of."""
    whole = SourceLocation(definition.position, "")
    if definition.name:
        _check_name("funnel", definition.name, whole.part("funnel"), problems)
    else:
        problems.add("F102", whole.span(), "a definition needs a name", "begin with `funnel: name`")
    for dotted, stage in definition.walk():
        _check_name("stage", stage.name, stage_site(dotted, stage), problems, is_key=True)
    for name, block in definition.vocabulary.criteria.items():
        site = SourceLocation(block.position, f"block of criteria {name!r}")
        _check_name("block of criteria", name, site, problems)
    for number, role in enumerate(definition.force):
        _check_name("role", role, whole.part("force", number), problems)
    _check_siblings(definition.stages, "", problems)
    _check_aliases(index, problems)


def check_event_name(name: str, site: SourceLocation, problems: Problems) -> None:
    """Check the name of an event."""
    _check_name("event", name, site, problems, is_key=True)
    if name in RESERVED_EVENTS:
        message = f"{name!r} is reserved: it is {RESERVED_EVENTS[name]}"
        problems.add("F202", site.key(), message, "choose another name")


def check_field_name(name: str, site: SourceLocation, problems: Problems) -> None:
    """Check the name of a field."""
    if not _FIELD.fullmatch(name):
        problems.add("F201", site.key(), f"{name!r} is no name of a field", _HOW_FIELD)
    elif name in RESERVED_FIELDS:
        message = f"{name!r} is a word of the expression language"
        problems.add("F202", site.key(), message, f"choose another name, such as '{name}_'")


def check_roles(roles: Iterable[str], site: SourceLocation, problems: Problems) -> None:
    """Check the names of roles in a list."""
    for number, role in enumerate(roles):
        _check_name("role", role, site.part(number), problems)


def stage_site(dotted: str, stage: Stage) -> SourceLocation:
    """Give the site of a stage."""
    return SourceLocation(stage.position, f"stage {dotted!r}")


def _check_name(
    kind: str, name: str, site: SourceLocation, problems: Problems, *, is_key: bool = False
) -> None:
    if not _NAME.fullmatch(name):
        span = site.key() if is_key else site.span()
        what = f"{name!r} is no name of a {kind}" if name else f"the {kind} has no name"
        problems.add("F201", span, what, _HOW)


def _check_siblings(stages: tuple[Stage, ...], parent: str, problems: Problems) -> None:
    """Check that no two stages of one level share a name; a file cannot even say it."""
    seen: set[str] = set()
    for stage in stages:
        folded = stage.name.casefold()
        if folded in seen:
            site = stage_site(f"{parent}{stage.name}", stage)
            message = f"another stage is called {stage.name!r}"
            problems.add("F208", site.key(), message, "choose another name")
        seen.add(folded)
        _check_siblings(stage.stages, f"{parent}{stage.name}.", problems)


def _check_aliases(index: StageIndex, problems: Problems) -> None:
    """Check that an alias leads to one stage, whatever its case."""
    owners = {name.casefold(): name for name in index.stages}
    owners |= {name.rpartition(".")[2].casefold(): name for name in reversed(list(index.stages))}
    aliases: dict[str, str] = {}
    for dotted, stage, number, alias in _aliases(index):
        site = stage_site(dotted, stage).part("aliases", number)
        folded = alias.casefold()
        if not alias.strip():
            problems.add("F201", site.span(), "an alias has no text", "remove it")
        elif owners.get(folded, dotted) != dotted:
            message = f"{alias!r} is the name of the stage {owners[folded]!r}"
            problems.add("F208", site.span(), message, "choose another alias")
        elif aliases.setdefault(folded, dotted) != dotted:
            message = f"{alias!r} is an alias of the stage {aliases[folded]!r} already"
            problems.add("F208", site.span(), message, "choose another alias")


def _aliases(index: StageIndex) -> Iterator[tuple[str, Stage, int, str]]:
    for dotted, stage in index.stages.items():
        for number, alias in enumerate(stage.aliases):
            yield dotted, stage, number, alias


LONGEST = 10_000
"""How many characters a text may have."""


def check_texts(definition: Definition, problems: Problems) -> None:
    """Check every text of a definition."""
    for text, site in _texts(definition):
        if len(text) > LONGEST:
            problems.add("F212", site.span(), f"a text has more than {LONGEST:,} characters")
            continue
        unsafe = None if text.isascii() and text.isprintable() else UNSAFE.search(text)
        if unsafe:
            message = f"the character {character_words(unsafe[0])} may not be in a text"
            problems.add("F212", site.span(), message, "remove it")


def _texts(definition: Definition) -> Iterator[tuple[str, SourceLocation]]:
    """Yield every text with its site."""
    whole = SourceLocation(definition.position, "")
    yield from ((getattr(definition, key), whole.part(key)) for key in ("title", "about"))
    for dotted, stage in definition.walk():
        yield from _of_stage(stage, SourceLocation(stage.position, f"stage {dotted!r}"))
    for number, transition in enumerate(definition.transitions):
        site = transition_site(number, transition)
        yield transition.about, site.part("about")
        yield from _of_requirement(transition.require, site)
    for number, promise in enumerate(definition.always):
        yield promise.label, invariant_site(number, promise)
    for name, block in definition.vocabulary.criteria.items():
        yield from _of_requirement(
            block, SourceLocation(block.position, f"block of criteria {name!r}")
        )
    for number, scenario in enumerate(definition.scenarios):
        yield scenario.story, scenario_site(number, scenario).part("story")
    for field in definition.vocabulary.fields.values():
        yield from _of_field(field)
    for event in definition.vocabulary.events.values():
        yield from _of_event(event)


def _of_stage(stage: Stage, site: SourceLocation) -> Iterator[tuple[str, SourceLocation]]:
    yield from ((getattr(stage, key), site.part(key)) for key in ("title", "about", "owner"))
    yield from _listed(stage.aliases, site.part("aliases"))
    yield from _listed(stage.playbook, site.part("playbook"))


def _listed(texts: Iterable[str], site: SourceLocation) -> Iterator[tuple[str, SourceLocation]]:
    return ((text, site.part(number)) for number, text in enumerate(texts))


def _of_requirement(
    item: Requirement | None, site: SourceLocation
) -> Iterator[tuple[str, SourceLocation]]:
    if item is None:
        return
    yield item.label, SourceLocation(item.position or site.position, site.about)
    for inner in getattr(item, "items", ()):
        yield from _of_requirement(inner, site)


def _of_field(field: Field) -> Iterator[tuple[str, SourceLocation]]:
    site = SourceLocation(field.position, f"field {field.name!r}")
    return ((getattr(field, key), site.part(key)) for key in ("title", "about", "unit", "ask"))


def _of_event(event: EventType) -> Iterator[tuple[str, SourceLocation]]:
    site = event_site(event)
    yield from ((getattr(event, key), site.part(key)) for key in ("title", "about"))
    for field in event.fields.values():
        yield from _of_field(field)
