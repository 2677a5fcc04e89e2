"""What each number means, in words that anybody can check it by."""

import tomllib
from functools import cache
from importlib import resources

from attrs import frozen

from funnelflow.errors import UnknownNameError


@frozen
class NumberDefinition:
    """What the numbers of a kind mean.

    Attributes:
        pattern: How their names are made up; what varies stands in capitals.
        title: What they are called.
        text: What is counted, exactly.
    """

    pattern: str
    title: str
    text: str

    @property
    def family(self) -> str:
        """The first part of the names."""
        return self.pattern.partition("/")[0]

    def to_json(self) -> dict[str, str]:
        """Return the definition as data."""
        return {"pattern": self.pattern, "title": self.title, "definition": self.text}


@cache
def number_definitions() -> tuple[NumberDefinition, ...]:
    """Return what every number means, but those of plugins."""
    text = resources.files(__package__).joinpath("numbers.toml").read_text(encoding="utf-8")
    return tuple(
        NumberDefinition(one["pattern"], one["title"], " ".join(one["text"].split()))
        for one in tomllib.loads(text)["numbers"]
    )


def definition_of(name: str) -> NumberDefinition:
    """Return what a number means.

    Args:
        name: The name of a number, the first part of one, or a pattern.

    Raises:
        UnknownNameError: There is no such number.
    """
    parts = name.split("/")
    family = [one for one in number_definitions() if one.family == parts[0]]
    if not family:
        known = dict.fromkeys(one.family for one in number_definitions())
        hint = "`funnelflow report --explain all` lists them"
        raise UnknownNameError("number", name, known, hint=hint)
    return max(family, key=lambda one: _fit(one.pattern.split("/"), parts))


def _fit(pattern: list[str], parts: list[str]) -> tuple[int, int]:
    """Return how well a name fits a pattern: its fixed parts, then how many parts there are."""
    pairs = list(zip(pattern, parts, strict=False))
    right = sum(part == other for part, other in pairs)
    wrong = sum(part != other and not part.isupper() for part, other in pairs)
    return right - 2 * wrong, -abs(len(pattern) - len(parts))
