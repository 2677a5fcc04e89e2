"""What requests say, as records: from them come their validation and their JSON Schema.

The API and the tools for assistants take the same ones.
"""

import datetime as dt
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from funnelflow import FieldError, UsageError
from funnelflow.definition import BUILT_IN_EVENTS
from funnelflow.engine.story import ENTER, LEAVE, MERGE, UNMERGE, VOID

MOST_FACTS: Final = 200
LONGEST_TEXT: Final = 100_000

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Scalar: TypeAlias = bool | int | float | Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Facts: TypeAlias = Annotated[
    dict[Name, Scalar | list[Scalar] | None],
    Field(max_length=MOST_FACTS, description="Fields with their values; null takes a fact back."),
]
Text: TypeAlias = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Contact: TypeAlias = Annotated[Name, Field(description="The id of a contact.")]
Funnel: TypeAlias = Annotated[
    Name | None, Field(description="In which of the contact's funnels; its first if left out.")
]
Criterion: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=4_000),
    Field(description="A criterion that they meet, such as contact.budget > 5000; or @VIEW."),
]
At: TypeAlias = Annotated[
    AwareDatetime | None, Field(description="When it happened, with an offset; now if left out.")
]
Key: TypeAlias = Annotated[
    Name | None,
    Field(
        description="Makes it happen once: repeated with the same content, it is answered again."
    ),
]

F = TypeVar("F", bound="RequestForm")


class RequestForm(BaseModel):
    """What a request may say, and nothing else: types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class RecordForm(RequestForm):
    """Something that happened to a contact."""

    event: Annotated[Name, Field(description="An event of the vocabulary.")]
    facts: Facts = {}
    at: At = None
    key: Key = None
    dry_run: Annotated[bool, Field(description="Decide, and store nothing.")] = False


class SetForm(RequestForm):
    """Facts about a contact that became known."""

    facts: Facts
    at: At = None
    key: Key = None
    dry_run: Annotated[bool, Field(description="Decide, and store nothing.")] = False


class MoveForm(RequestForm):
    """The wish that a contact is in a stage; refused with every reason if criteria are not met."""

    to: Annotated[Name, Field(description="The stage, by name or alias.")]
    facts: Facts = {}
    funnel: Funnel = None
    at: At = None
    key: Key = None
    dry_run: Annotated[bool, Field(description="Decide, and store nothing.")] = False


class DefinitionForm(RequestForm):
    """A text that is to be checked as a definition."""

    text: Annotated[Text, Field(description="A definition as its file would hold it: YAML.")]


def require_event(name: str) -> None:
    """Refuse to record as an event what has a request of its own.

    Raises:
        UsageError: It is such a word.
    """
    if name in _OWN_WORDS:
        raise UsageError(f"{name} is no event to record", hint="it has a request of its own")


_OWN_WORDS: Final = frozenset({*BUILT_IN_EVENTS, ENTER, LEAVE, MERGE, UNMERGE, VOID})


def read_json(form: type[F], body: bytes | str) -> F:
    """Read what a request says from JSON.

    Raises:
        FieldError: It says something else.
    """
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        raise _wrong(error) from None


def read_texts(form: type[F], said: dict[str, Any]) -> F:
    """Read what a request says from texts, as a query has them.

    Raises:
        FieldError: It says something else.
    """
    try:
        return form.model_validate_strings(said, strict=False)
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> FieldError:
    """Return what is wrong, without what was sent: it may be long, and somebody's secret."""
    first, *others = error.errors(include_url=False, include_input=False, include_context=False)
    field = ".".join(str(part) for part in first["loc"])[:200]
    more = f"; {len(others)} more" if others else ""
    where = f"{field}: " if field else ""
    return FieldError(f"{where}{first['msg']}{more}", field=field, hint=_HINT)


_HINT: Final = "the description of the request says what it may hold"

Period: TypeAlias = Literal["day", "week", "month", "quarter"]
Moment: TypeAlias = dt.datetime
