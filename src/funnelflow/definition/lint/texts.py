"""Text that people read: short enough, and without characters that steer or hide.

A file cannot hold such characters; a definition that was built in Python is held to the same.
"""

from collections.abc import Iterable, Iterator

from funnelflow.criteria import Field
from funnelflow.definition.lint.sites import (
    Site,
    event_site,
    invariant_site,
    scenario_site,
    transition_site,
)
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import Definition, EventType, Requirement, Stage
from funnelflow.definition.written.files import UNSAFE, character_words

__all__ = ["LONGEST", "check_texts"]

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


def _texts(definition: Definition) -> Iterator[tuple[str, Site]]:
    """Yield every text with its site."""
    whole = Site(definition.position, "")
    yield from ((getattr(definition, key), whole.part(key)) for key in ("title", "about"))
    for dotted, stage in definition.walk():
        yield from _of_stage(stage, Site(stage.position, f"stage {dotted!r}"))
    for number, transition in enumerate(definition.transitions):
        site = transition_site(number, transition)
        yield transition.about, site.part("about")
        yield from _of_requirement(transition.require, site)
    for number, promise in enumerate(definition.always):
        yield promise.label, invariant_site(number, promise)
    for name, block in definition.vocabulary.criteria.items():
        yield from _of_requirement(block, Site(block.position, f"block of criteria {name!r}"))
    for number, scenario in enumerate(definition.scenarios):
        yield scenario.story, scenario_site(number, scenario).part("story")
    for field in definition.vocabulary.fields.values():
        yield from _of_field(field)
    for event in definition.vocabulary.events.values():
        yield from _of_event(event)


def _of_stage(stage: Stage, site: Site) -> Iterator[tuple[str, Site]]:
    yield from ((getattr(stage, key), site.part(key)) for key in ("title", "about", "owner"))
    yield from _listed(stage.aliases, site.part("aliases"))
    yield from _listed(stage.playbook, site.part("playbook"))


def _listed(texts: Iterable[str], site: Site) -> Iterator[tuple[str, Site]]:
    return ((text, site.part(number)) for number, text in enumerate(texts))


def _of_requirement(item: Requirement | None, site: Site) -> Iterator[tuple[str, Site]]:
    if item is None:
        return
    yield item.label, Site(item.position or site.position, site.about)
    for inner in getattr(item, "items", ()):
        yield from _of_requirement(inner, site)


def _of_field(field: Field) -> Iterator[tuple[str, Site]]:
    site = Site(field.position, f"field {field.name!r}")
    return ((getattr(field, key), site.part(key)) for key in ("title", "about", "unit", "ask"))


def _of_event(event: EventType) -> Iterator[tuple[str, Site]]:
    site = event_site(event)
    yield from ((getattr(event, key), site.part(key)) for key in ("title", "about"))
    for field in event.fields.values():
        yield from _of_field(field)
