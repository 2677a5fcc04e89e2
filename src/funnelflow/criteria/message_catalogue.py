"""What a catalogue of messages is made of: a problem is data, its text is made when it is shown.

A template is written as for `str.format`; a tuple is joined with commas, or with what stands
after the colon, and ``!r`` is then the form of each of its items.
"""

from collections.abc import Mapping
from functools import cache
from string import Formatter
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

Severity: TypeAlias = Literal["error", "warning"]

MORE: Final = "…"
"""The last item of a list that goes on; it is never quoted."""

AS_WRITTEN: Final = "as written"
"""The variant of a problem that brings its text along, as the parameters `message` and `help`."""


@frozen
class Wording:
    """The words for one variant of a problem.

    Attributes:
        message: The template of what is wrong: one sentence without a full stop.
        help: Templates of what to do next; the first is used whose parameters are all there.
    """

    message: str
    help: tuple[str, ...] = ()


_AS_WRITTEN = Wording("{message}", ("{help}",))


@frozen
class Code:
    """One kind of problem.

    Attributes:
        code: What it is known by; stable.
        severity: ``error`` or ``warning``.
        title: Its name.
        explanation: A paragraph about what it means.
        wordings: The words for each of its variants, by name; the first is used for a problem
            that names no variant.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    wordings: Mapping[str, Wording] = field(factory=dict, repr=False)

    def message(self, variant: str, parameters: Mapping[str, Any]) -> str:
        """Return what is wrong, in words.

        Args:
            variant: The name of a variant, or empty for the first.
            parameters: The values of the template's fields.
        """
        return _WRITER.vformat(self.wording(variant).message, (), parameters)

    def help(self, variant: str, parameters: Mapping[str, Any]) -> str:
        """Return what to do next; empty where nothing is known.

        Args:
            variant: The name of a variant, or empty for the first.
            parameters: The values of the templates' fields; some may be left out.
        """
        for template in self.wording(variant).help:
            if fields_of(template) <= parameters.keys():
                return _WRITER.vformat(template, (), parameters)
        return ""

    def wording(self, variant: str) -> Wording:
        """Return the words of a variant, or of the first."""
        if variant == AS_WRITTEN:
            return _AS_WRITTEN
        return self.wordings[variant] if variant else next(iter(self.wordings.values()))


def wordings(templates: Mapping[str, str | tuple[str, ...]]) -> dict[str, Wording]:
    """Return the words of variants, each given as its message, or as that and templates of help."""
    listed = {name: (t,) if isinstance(t, str) else t for name, t in templates.items()}
    return {name: Wording(texts[0], texts[1:]) for name, texts in listed.items()}


@cache
def fields_of(template: str) -> frozenset[str]:
    """Return the names of the parameters that a template needs."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


class _Writer(Formatter):
    """Formats parameters; a tuple is written item by item."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        if isinstance(value, tuple):
            return (format_spec or ", ").join(map(str, value))
        return super().format_field(value, format_spec)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if isinstance(value, tuple) and conversion == "r":
            return tuple(item if item == MORE else repr(item) for item in value)
        return super().convert_field(value, conversion)


_WRITER = _Writer()
