"""A story file: what happened to somebody, to be read by several definitions.

It is written like a scenario, but belongs to no definition; ``then`` may say where each of
some definitions must put the person at the end::

    story: An interested answer to a cold call
    when:
      - listed: {phone: "+44 20 7946 0000"}
      - call: {direction: outbound, way: two_way, interested: true}
    then: {outreach: prospect, levels: lead}
"""

from collections.abc import Mapping as MappingType
from pathlib import Path

from attrs import frozen

from funnelflow.definition.decoding.scenarios import given, steps
from funnelflow.definition.decoding.shape import Shape
from funnelflow.definition.places import Span
from funnelflow.definition.problems import DefinitionError, Problems
from funnelflow.definition.records import Position, Scenario
from funnelflow.definition.written.compose import compose
from funnelflow.definition.written.files import read_text
from funnelflow.definition.written.nodes import Mapping, Node

__all__ = ["Story", "load_story"]

STORY_KEYS = ("story", "about", "given", "when", "then")


@frozen
class Story:
    """A story that several definitions read.

    Attributes:
        told: What happened; its ``then`` is empty.
        about: What it shows.
        expected: Where definitions must put the person at the end, by name.
    """

    told: Scenario
    about: str
    expected: MappingType[str, str]


def load_story(path: Path | str) -> Story:
    """Read a story file.

    Args:
        path: The file.

    Raises:
        DefinitionError: It cannot be read as a story; everything wrong with it is listed.
    """
    name = str(path)
    problems = Problems(name)
    text = read_text(Path(path), problems)
    node = None if text is None else compose(text, name, problems)
    story = _story(Shape(name, problems, set()), node) if isinstance(node, Mapping) else None
    if story is None and not problems.has_errors:
        problems.add(
            "F103", Span(Position(name, 1, 1)), "this is no story", "begin with `story: title`"
        )
    if story is None or problems.has_errors:
        raise DefinitionError(problems.all(), {} if text is None else {name: text})
    return story


def _story(shape: Shape, node: Mapping) -> Story:
    keys = shape.mapping(node, "a story", STORY_KEYS, ["story", "when"])
    told = Scenario(
        story=shape.text(keys.get("story"), "'story'"),
        then="",
        when=steps(shape, keys.get("when")),
        given=given(shape, keys.get("given")),
        position=shape.place(node),
    )
    return Story(told, shape.text(keys.get("about"), "'about'"), _expected(shape, keys.get("then")))


def _expected(shape: Shape, node: Node | None) -> dict[str, str]:
    """Read where each definition must put the person."""
    found = shape.anything(node, "'then'")
    return {name: shape.name(stage, f"the stage of {name!r}") for name, stage in found.items()}
