"""What plugins offer and what they get, as frozen records.

A record can gain an attribute with a default without breaking a plugin; that is why hooks
take and give records, and not long lists of arguments.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

from attrs import field, frozen

from funnelflow.criteria import Facts, Fields
from funnelflow.engine import Cause, Taken, Verb
from funnelflow.errors import Error

if TYPE_CHECKING:
    import click


def _plain(value: Any) -> Any:
    """Return a copy that can be changed: mappings as dicts, tuples as lists."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return facts that nobody can change; their values never can."""
    return mapping if isinstance(mapping, MappingProxyType) else MappingProxyType(dict(mapping))


class _FrozenDict(dict[str, Any]):
    """A dict that nobody can change; unlike a mapping proxy, ``json.dumps`` can write it."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("what a plugin is given cannot be changed; dict(…) of it is a copy")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a dict, which is made one of these again."""
        return _FrozenDict, (dict(self),)


def freeze(value: Any) -> Any:
    """Return a copy that nobody can change and JSON can write: dicts, and lists as tuples."""
    if isinstance(value, Mapping):
        return _FrozenDict({name: freeze(inner) for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return tuple(freeze(inner) for inner in value)
    return value


@frozen
class Message:
    """What a notifier sends: a CloudEvent, as a record.

    Attributes:
        id: What a receiver knows it by; the same every time it is sent.
        type: What happened, such as ``funnelflow.contact.moved``.
        source: Who says so.
        subject: The contact's id.
        time: When it happened, in UTC.
        data: What is sent about it: only the fields that the configuration allows. Plain
            data that ``json.dumps`` writes and nobody can change.
    """

    id: str
    type: str
    source: str
    subject: str
    time: dt.datetime
    data: Mapping[str, Any] = field(factory=dict, converter=freeze)

    def to_json(self) -> dict[str, Any]:
        """Return it as a CloudEvent 1.0: a dict of its own that ``json.dumps`` can write."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": _plain(self.data),
        }

    def text(self) -> str:
        """Return it as a CloudEvent in JSON, in one line of ASCII; the same every time."""
        return json.dumps(self.to_json(), ensure_ascii=True, separators=(",", ":"))


class DeliveryError(Error):
    """A message that did not arrive.

    Args:
        reason: Why, for people; it must not hold a secret.
        retry_after: Seconds that the receiver asks to wait; None for the usual schedule.
        gone: The receiver wants no more messages: the notifier is turned off.
        permanent: Sending it again is of no use: it becomes a dead letter at once.
    """

    code = "delivery"

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        gone: bool = False,
        permanent: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.gone = gone
        self.permanent = permanent


@frozen
class NotifierProvider:
    """A way to tell the outside world.

    Attributes:
        name: What ``channel`` in ``[[notify]]`` calls it.
        send: Sends one message with a channel's settings; raises `DeliveryError` if it does
            not arrive. It is called from several threads, never twice at once for a contact.
        settings: The attrs class of a channel's settings; None when it has none.
        about: What it does, in a line.
        provider: The plugin that offers it; filled in when it is registered.
    """

    name: str
    send: Callable[[Message, Any], None]
    settings: type | None = None
    about: str = ""
    provider: str = ""


@frozen
class CommandProvider:
    """A command of the command line: ``funnelflow NAME``.

    Attributes:
        name: What is typed. The names of funnelflow's own commands are taken.
        command: The command.
        about: What it does, in a line.
        provider: The plugin that offers it; filled in when it is registered.
    """

    name: str
    command: "click.Command"
    about: str = ""
    provider: str = ""


@frozen
class FormatProvider:
    """A format of files for ``apply`` and ``import``, and for ``export`` where it can be written.

    Attributes:
        name: What ``--format`` calls it.
        suffixes: How the names of such files end (``.xlsx``).
        read: Yields the rows of a file in order, each a mapping of column to value, None for
            nothing. The same file must give the same rows, so that a run that was broken off
            can go on. An empty mapping stands for a line without a row, such as a header.
        about: What it reads, in a line.
        provider: The plugin that offers it; filled in when it is registered.
        write: Writes a file from the names of columns and an iterator of rows, each as many
            values; None where that cannot be done.
        cells: Whether values are cells of a table, read by the type of their field as CSV is,
            so that a number may stand for a text.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Iterable[Mapping[str, Any]]]
    about: str = ""
    provider: str = ""
    write: Callable[[Path, Sequence[str], Iterable[Sequence[Any]]], None] | None = None
    cells: bool = False


NumberSummary: TypeAlias = Literal["count", "sum", "mean", "median"]


@frozen
class NumberProvider:
    """A number of the report.

    Attributes:
        name: What ``report --who plugin/NAME`` calls it.
        definition: What is counted, in words that anybody can check it by.
        function: Called for each contact with its stays and its decisions, as a `Journey` of the
            report has them; gives a number, True for a contact that counts, and None or False for
            one that does not.
        summary: What becomes of the numbers: their ``count``, ``sum``, ``mean`` or ``median``.
        title: What people read; the name if empty.
        unit: What the number counts (``days``).
        provider: The plugin that offers it; filled in when it is registered.
    """

    name: str
    definition: str
    function: Callable[[Sequence[Any], Sequence[Any]], float | None]
    summary: NumberSummary = "count"
    title: str = ""
    unit: str = ""
    provider: str = ""


@frozen
class WorkspaceHandle:
    """The workspace that a hook is called for, wherever the process stands.

    Attributes:
        directory: The directory of ``funnelflow.toml``.
        database: The database, as a path or a URL without its password.
        funnel: The funnel of contacts for whom none is named.
    """

    directory: Path
    database: str
    funnel: str
    _open: Callable[[], Any] = field(eq=False, repr=False)

    def open(self) -> Any:
        """Return the `Workspace`, with the same database and plugins, to read in it.

        Use it in a ``with`` statement. Within a hook it refuses to change anything.
        """
        return self._open()


@frozen(kw_only=True)
class HookContext:
    """What every event hook is given.

    Attributes:
        workspace: The workspace that it happens in.
        contact: The contact's id.
        funnel: The definition that decides.
        version: Its version.
        at: When the evidence happened.
        actor: Who recorded it.
        fields: The contact's fields with the facts of the evidence.
    """

    workspace: WorkspaceHandle
    contact: str
    funnel: str
    version: int
    at: dt.datetime
    actor: str
    fields: Fields = field(converter=_frozen)


@frozen(kw_only=True)
class BeforeTransition(HookContext):
    """A transition whose criteria are met and that is about to be taken.

    Attributes:
        index: The transition's place in the definition, from 0.
        source: The leaf stage that is left.
        to: The leaf stage that is entered.
        cause: What takes it.
        event: The evidence: an event of the vocabulary, or ``add``, ``set``, ``move``, ``tick``.
        roles: The actor's roles.
        facts: The facts that the evidence brought.
    """

    index: int
    source: str
    to: str
    cause: Cause
    event: str
    roles: tuple[str, ...]
    facts: Facts = field(converter=_frozen)


@frozen(kw_only=True)
class Committed(HookContext):
    """Evidence that has been stored.

    Attributes:
        sequence: The place of the evidence in the contact's history.
        event: An event of the vocabulary, or ``add``, ``set``, ``move``, ``tick``, ``adopt``.
        outcome: What became of it.
        before: The stage before.
        after: The stage after.
        path: The transitions that were taken.
        facts: The facts it brought.
    """

    sequence: int
    event: str
    outcome: Verb
    before: str
    after: str
    path: tuple[Taken, ...]
    facts: Facts = field(converter=_frozen)


@frozen(kw_only=True)
class ContactCreated(HookContext):
    """A contact that has been added and stored; `at` is the time of its first evidence.

    Attributes:
        stage: The stage it came to.
    """

    stage: str
