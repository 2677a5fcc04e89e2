"""What is wrong with an expression, as data; its text is made when it is shown.

The words stand in a catalogue, which is a package's file `messages.toml`. A table there is a code
with its `title`, its `severity` if that is not ``error``, its `explanation`, and under `messages`
the words for each of its variants: the template of the message, or a list of that and templates
of help.

A template is written as for `str.format`; a tuple is joined with commas, or with what stands
after the colon, and ``!r`` is then the form of each of its items.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from string import Formatter
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from funnelflow.errors import Error

Severity: TypeAlias = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")
"""The worst first; a note says how something is read, and nothing is wrong with it."""

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
        severity: ``error``, ``warning`` or ``note``.
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


class Catalogue(Mapping[str, Code]):
    """Codes by name, read from the file of a package when one is first asked for.

    Args:
        package: The package whose `messages.toml` holds them.
        others: Catalogues whose codes come after these.
    """

    def __init__(self, package: str, *others: Mapping[str, Code]) -> None:
        self._package = package
        self._others = others

    def __getitem__(self, code: str) -> Code:
        """Return a code."""
        return self._codes[code]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the codes, in the order of the file."""
        return iter(self._codes)

    def __len__(self) -> int:
        """Return how many codes there are."""
        return len(self._codes)

    @cached_property
    def _codes(self) -> Mapping[str, Code]:
        from pkgutil import get_data  # noqa: PLC0415  # most runs find nothing wrong
        from tomllib import loads  # noqa: PLC0415

        text = get_data(self._package, "messages.toml") or b""
        found = codes_of(loads(text.decode()))
        return {**found, **{name: code for other in self._others for name, code in other.items()}}


def codes_of(tables: Mapping[str, Any]) -> dict[str, Code]:
    """Return codes by name.

    Args:
        tables: What the file holds: a table for each code, and perhaps before them an
            `explanation`, the template for codes that have none of their own.
    """
    common = tables.get("explanation", "")
    return {
        name: Code(
            name,
            table.get("severity", "error"),
            table["title"],
            table.get("explanation") or common.format(title=table["title"]),
            {variant: _wording(texts) for variant, texts in table["messages"].items()},
        )
        for name, table in tables.items()
        if name != "explanation"
    }


def _wording(texts: str | list[str]) -> Wording:
    return Wording(texts) if isinstance(texts, str) else Wording(texts[0], tuple(texts[1:]))


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


EXPRESSION_CODES: Final = Catalogue("funnelflow.criteria")
"""Every code that is reported about an expression, in order."""


@frozen(order=True)
class Position:
    """A place in a file.

    Attributes:
        path: The file as it was named; empty for text that came from no file.
        line: Counts from 1.
        column: Counts characters from 1.
    """

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return the place as editors and compilers do: ``path:line:column``."""
        return f"{self.path}:{self.line}:{self.column}"


def _printable(value: object) -> object:
    """Return a parameter, so that what an expression contains moves no cursor where it is read."""
    if isinstance(value, tuple):
        return tuple([_printable(item) for item in value])
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(char if char.isprintable() else "·" for char in value)


def _all_printable(parameters: Mapping[str, object]) -> Mapping[str, object]:
    return {name: _printable(value) for name, value in parameters.items()}


@frozen
class ExpressionProblem:
    """One thing that is wrong, or suspicious, in an expression, as data.

    Attributes:
        code: A code of `EXPRESSION_CODES`.
        start: Where it begins: a character offset in the source, from 0.
        end: Where it ends; the character at `end` is no part of it.
        parameters: What the templates of the code are filled in with.
        variant: Which of the code's wordings it has; empty for the first.
    """

    code: str
    start: int
    end: int
    parameters: Mapping[str, Any] = field(factory=dict, converter=_all_printable, hash=False)
    variant: str = ""

    @property
    def severity(self) -> Severity:
        """An error keeps the expression from compiling, a warning does not."""
        return EXPRESSION_CODES[self.code].severity

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        return EXPRESSION_CODES[self.code].message(self.variant, self.parameters)

    @property
    def help(self) -> str:
        """What to write instead, or empty."""
        return EXPRESSION_CODES[self.code].help(self.variant, self.parameters)

    def to_json(self) -> dict[str, Any]:
        """Return the problem as data."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "start": self.start,
            "end": self.end,
            "help": self.help,
        }


class CriterionError(Error):
    """An expression that does not compile, with everything that is wrong with it.

    Attributes:
        source: The expression as it was written.
        problems: At least one, in the order of their places.
    """

    code = "criterion"

    def __init__(self, source: str, problems: Sequence[ExpressionProblem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.start, problem.end)))
        super().__init__(self._summary(), hint=self.problems[0].help)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the source and its problems."""
        return CriterionError, (self.source, self.problems)

    def show(self) -> str:
        """Return every problem with the source line, a caret and what to write instead."""
        return "\n".join(show_problem(self.source, problem) for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with its problems."""
        return {**super().to_json(), "problems": [problem.to_json() for problem in self.problems]}

    def _summary(self) -> str:
        """Return in one line what is wrong first, and how much else is."""
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{first.message} at character {first.start + 1} of the criterion{more}"


def show_problem(source: str, problem: ExpressionProblem) -> str:
    """Return a problem with its source line and a caret under its place."""
    begin = source.rfind("\n", 0, problem.start) + 1
    end = source.find("\n", begin)
    text = source[begin:] if end < 0 else source[begin:end]
    line = "".join(char if char.isprintable() else " " for char in text)
    column = problem.start - begin
    width = max(1, min(problem.end, begin + len(text)) - problem.start)
    shown = [f"{problem.code} {problem.message}", f"  {line}", f"  {' ' * column}{'^' * width}"]
    return "\n".join([*shown, f"  help: {problem.help}"] if problem.help else shown)
