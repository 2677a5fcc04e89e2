"""What the API is asked and answers, as records."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, Field

from funnelflow_web.forms import (
    At,
    Contact,
    Criterion,
    Facts,
    Funnel,
    Key,
    Name,
    Period,
    RequestForm,
)

MOST: Final = 1_000

Limit: TypeAlias = Annotated[int, Field(ge=1, le=MOST, description="How many at most.")]
Reason: TypeAlias = Annotated[str, Field(min_length=1, max_length=4_000, description="Why.")]
DryRun: TypeAlias = Annotated[bool, Field(description="Decide, and store nothing.")]
Number: TypeAlias = Annotated[int, Field(ge=1, le=2**53)]


class NothingForm(RequestForm):
    """A request that says nothing more."""


class ListForm(RequestForm):
    """Which contacts are listed."""

    where: Criterion | None = None
    stage: Annotated[Name | None, Field(description="The stage they are in.")] = None
    funnel: Annotated[Name | None, Field(description="The funnel that is their home.")] = None
    sort: Annotated[
        str | None, Field(max_length=400, description="Names with commas; -name for the greatest.")
    ] = None
    fields: Annotated[
        str | None, Field(max_length=4_000, description="Only these fields, with commas.")
    ] = None
    limit: Limit = 100
    cursor: Annotated[
        str | None, Field(max_length=2_000, description="`next` of the page before.")
    ] = None


class AddForm(RequestForm):
    """A contact that is added."""

    contact: Contact
    facts: Facts = {}  # noqa: RUF012  # pydantic copies it
    funnel: Annotated[Name | None, Field(description="Its home; the default if left out.")] = None
    at: At = None
    key: Key = None
    dry_run: DryRun = False


class AsOfForm(RequestForm):
    """At which moment, and in which funnel."""

    funnel: Funnel = None
    at: Annotated[AwareDatetime | None, Field(description="How it stood then; or now.")] = None


class InFunnelForm(RequestForm):
    """In which funnel."""

    funnel: Funnel = None


class HistoryForm(RequestForm):
    """Which rows of a history."""

    newest: Annotated[bool, Field(description="The newest first.")] = False
    limit: Limit = 100
    after: Annotated[Number | None, Field(description="`after` of the page before.")] = None


class VoidForm(RequestForm):
    """Rows of a contact's history that are taken back."""

    rows: Annotated[tuple[Number, ...], Field(min_length=1, max_length=1_000)]
    reason: Reason
    key: Key = None
    dry_run: DryRun = False


class MergeForm(RequestForm):
    """Into whom a contact is merged."""

    into: Contact
    reason: Annotated[str, Field(max_length=4_000)] = ""
    key: Key = None
    dry_run: DryRun = False


class DryRunForm(RequestForm):
    """Whether something is only tried."""

    dry_run: DryRun = False


class ReportForm(RequestForm):
    """What a report is asked."""

    funnel: Annotated[Name | None, Field(description="The only funnel.")] = None
    period: Period = "month"
    by: Annotated[str, Field(max_length=200, description="A field that splits it.")] = ""
    at: Annotated[AwareDatetime | None, Field(description="As it was then; or now.")] = None


class TodoForm(RequestForm):
    """Whose work is listed."""

    funnel: Annotated[Name | None, Field(description="The only funnel.")] = None
    limit: Limit = 100


class RunsForm(RequestForm):
    """How many runs are listed."""

    limit: Limit = 100


class UndoForm(RequestForm):
    """Why a run is taken back."""

    reason: Reason
    dry_run: DryRun = False


class OutboxForm(RequestForm):
    """Which messages are listed."""

    state: Literal["waiting", "delivered", "dead", "discarded"] | None = None
    limit: Limit = 100
    after: Annotated[int, Field(ge=0, le=2**53, description="Only those behind this number.")] = 0


class RetryForm(RequestForm):
    """Which messages are tried again."""

    messages: Annotated[tuple[Number, ...], Field(min_length=1, max_length=1_000)]
    dry_run: DryRun = False


class ContactAnswer(BaseModel):
    """A contact as it stands."""

    contact: str
    stage: str
    since: str | None
    active: str | None
    fields: dict[str, Any]
    funnel: str
    sequence: int
    due_at: str | None
    created_at: str


class ContactsAnswer(BaseModel):
    """A page of contacts; `next` is the cursor of the page behind it."""

    contacts: list[ContactAnswer]
    next: str | None


class PositionsAnswer(BaseModel):
    """Where a contact is in each of its funnels."""

    positions: list[ContactAnswer]


class CriterionAnswer(BaseModel):
    """A criterion, or a group with its own."""

    label: str
    kind: str
    verdict: Literal["met", "not met", "unknown"]
    words: str
    source: str
    needs: int
    seen: dict[str, Any]
    missing: list[dict[str, Any]]
    checks: "list[CriterionAnswer]"


class ConsideredAnswer(BaseModel):
    """A transition that was looked at."""

    source: str = Field(alias="from")
    to: str
    cause: str
    verdict: Literal["met", "not met", "unknown"]
    due: str | None
    criteria: CriterionAnswer | None
    transition: int


class WhyAnswer(ContactAnswer):
    """Where a contact stands, and every transition on from there."""

    transitions: list[ConsideredAnswer]


class HistoryAnswer(BaseModel):
    """Rows of a history; `after` is asked with for those behind them."""

    rows: list[dict[str, Any]]
    after: int | None
    contact: str | None


class RecordedAnswer(BaseModel):
    """What was decided, with everything that was considered."""

    funnel: str
    contact: str
    outcome: Literal["moved", "stayed", "refused"]
    before: str
    after: str
    event: dict[str, Any]
    path: list[dict[str, Any]]
    changes: dict[str, Any]
    considered: list[ConsideredAnswer]
    questions: list[dict[str, Any]]
    reachable: list[str]
    route: list[ConsideredAnswer]
    sequence: int
    duplicate: bool
    dry_run: bool
    restated: dict[str, Any] | None
    others: list[dict[str, Any]]


class CheckedAnswer(BaseModel):
    """What is wrong with a text as a definition."""

    is_sound: bool
    problems: list[dict[str, Any]]


class ErrorAnswer(BaseModel):
    """An error, as the library has it; its kind may add to it."""

    code: str
    message: str
    hint: str
