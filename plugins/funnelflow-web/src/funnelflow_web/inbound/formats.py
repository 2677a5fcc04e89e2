"""What a delivery says: its records, as a mapping reads them, each with the sender's own key."""

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, unquote

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from funnelflow import Error
from funnelflow.ingest import IncomingRecord, RowError, read_objects
from funnelflow_web.inbound.signatures import Incoming
from funnelflow_web.inbound.sources import Source, SourceKind

MOST_RECORDS: Final = 1_000
MOST_FIELDS: Final = 100
DEEPEST: Final = 50


class UnreadableError(Error):
    """What was sent is not in the form of its source."""

    code = "unreadable"
    http_status = 400


class MediaTypeError(UnreadableError):
    """What was sent is in a form that its source has not."""

    code = "media_type"
    http_status: ClassVar[int] = 415


def read_records(source: Source, incoming: Incoming, delivery: str) -> list[IncomingRecord]:
    """Return the records of a delivery.

    Args:
        source: Where it comes from, which is proved.
        incoming: What came.
        delivery: The id that the sender gives the delivery; empty for none.

    Raises:
        UnreadableError: It is not in the form of the source.
    """
    if incoming.header("content-encoding").lower() not in ("", "identity"):
        raise MediaTypeError("it is compressed", hint="send it as it is")
    said = _READERS[source.kind](source, incoming)
    records = [IncomingRecord(data, key) for data, key in said]
    if len(records) > MOST_RECORDS:
        raise UnreadableError(
            f"{len(records):,} records in one delivery", hint=f"send {MOST_RECORDS:,} at most"
        )
    if not delivery:
        return records
    keys = [delivery] if len(records) == 1 else [f"{delivery}/{n}" for n in range(len(records))]
    return [
        IncomingRecord(one.data, one.key or key) for one, key in zip(records, keys, strict=True)
    ]


_Said = Iterator[tuple[dict[str, Any], str]]


def _plain(source: Source, incoming: Incoming) -> _Said:  # noqa: ARG001  # as all readers
    """Yield the objects of a JSON text."""
    _require(incoming, _is_json)
    for data in _objects(incoming.body):
        yield data, ""


def _hubspot(source: Source, incoming: Incoming) -> _Said:  # noqa: ARG001  # as all readers
    """Yield the notifications of HubSpot; their ids are not promised to be one's own."""
    _require(incoming, _is_json)
    for data in _objects(incoming.body):
        names = ("eventId", "subscriptionId", "objectId", "occurredAt")
        yield data, "-".join(str(data.get(name, "")) for name in names)


def _segment(source: Source, incoming: Incoming) -> _Said:  # noqa: ARG001  # as all readers
    """Yield the one call that Segment has signed.

    Of a batch it signs the first call alone, see
    https://support.twilio.com/hc/en-us/articles/51193799782171, so that no batch is proved.
    """
    _require(incoming, _is_json)
    if incoming.body.lstrip()[:1] == b"[":
        raise UnreadableError(
            "of a batch only the first call is signed", hint="turn batching off in Segment"
        )
    for data in _objects(incoming.body):
        yield data, str(data.get("messageId", ""))


def _form(source: Source, incoming: Incoming) -> _Said:
    """Yield what a form says; what a machine filled in says nothing.

    The same content counts once a day, unless the mapping names a field that tells.
    """
    data: dict[str, Any] = {}
    for name, value in _fields(incoming):
        earlier = data.get(name)
        if earlier is None:
            data[name] = value
        else:
            data[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
    if source.honeypot and data.pop(source.honeypot, ""):
        return
    content = json.dumps(data, sort_keys=True) + dt.datetime.now(dt.UTC).date().isoformat()
    yield data, hashlib.sha256(content.encode()).hexdigest()


def _fields(incoming: Incoming) -> list[tuple[str, str]]:
    """Return the fields of a form, in both forms in which browsers send one."""
    kind, options = parse_options_header(incoming.header("content-type"))
    try:
        if kind == b"application/x-www-form-urlencoded":
            return parse_qsl(
                incoming.body.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MOST_FIELDS,
            )
        if kind == b"multipart/form-data":
            return _multipart(incoming.body, options.get(b"boundary", b""))
    except (ValueError, FormParserError) as error:
        raise UnreadableError("this is no form as browsers send it") from error
    raise MediaTypeError("this is no form", hint="send it as a browser does")


def _multipart(body: bytes, boundary: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form that was sent in parts.

    Raises:
        ValueError: It has files, too many fields, or breaks off.
    """
    found: list[tuple[str, str]] = []
    ended: list[bool] = []

    def field(one: Any) -> None:
        if len(found) == MOST_FIELDS:
            raise ValueError("too many fields")
        name, value = (one.field_name or b""), (one.value or b"")
        found.append((name.decode("utf-8"), value.decode("utf-8")))

    def file(one: Any) -> None:
        one.close()
        raise ValueError("a file")

    parser = FormParser(
        "multipart/form-data", field, file, lambda: ended.append(True), boundary=boundary
    )
    parser.write(body)
    parser.finalize()
    if not ended:
        raise ValueError("it breaks off")
    return found


_STRUCTURED: Final = "application/cloudevents+json"
_BATCHED: Final = "application/cloudevents-batch+json"
_CE: Final = "ce-"
_ATTRIBUTE: Final = re.compile("[a-z0-9]+")


def _cloudevents(source: Source, incoming: Incoming) -> _Said:
    """Yield CloudEvents 1.0 in any of the three modes of their HTTP binding.

    See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md.
    """
    kind = _media_type(incoming)
    if kind in (_STRUCTURED, _BATCHED):
        events = _objects(incoming.body)
        if incoming.body.lstrip()[:1] == b"[" and kind == _STRUCTURED:
            raise UnreadableError("a list of events is a batch", hint=f"Content-Type: {_BATCHED}")
    elif incoming.header("ce-specversion"):
        if source.proved_by != "bearer":
            raise MediaTypeError(
                "the signature does not cover the headers in which these attributes are",
                hint='send structured events, or use a token: proof = "bearer"',
            )
        events = [_binary(incoming, kind)]
    else:
        raise MediaTypeError("this is no CloudEvent", hint=f"Content-Type: {_STRUCTURED}")
    for event in events:
        yield _checked(event), f"{event['source']} {event['id']}"


def _checked(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event that has what each must have, its data read."""
    for name in ("id", "source", "type", "specversion"):
        value = event.get(name)
        if not (isinstance(value, str) and value):
            raise UnreadableError(f"the event has no attribute {name}")
    if event["specversion"] != "1.0":
        raise UnreadableError("this is no CloudEvent of version 1.0")
    event.setdefault("time", "now")
    packed = event.pop("data_base64", None)
    if packed is not None:
        event["data"] = _unpacked(packed, str(event.get("datacontenttype") or ""))
    return event


def _unpacked(packed: Any, kind: str) -> Any:
    """Return data that was packed as base64; what is no JSON stays packed."""
    try:
        content = base64.b64decode(packed, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise UnreadableError("data_base64 is no base64") from error
    return _object(content) if _is_json(_bare(kind)) else packed


def _binary(incoming: Incoming, kind: str) -> dict[str, Any]:
    """Return an event whose attributes are headers and whose data is the body."""
    event: dict[str, Any] = {}
    for name, value in incoming.headers.items():
        attribute = name.removeprefix(_CE)
        if name.startswith(_CE) and _ATTRIBUTE.fullmatch(attribute):
            event[attribute] = _header_text(value)
    if incoming.header("content-type"):
        event["datacontenttype"] = incoming.header("content-type")
    if incoming.body and (_is_json(kind) or not kind):
        event["data"] = _object(incoming.body)
    elif incoming.body:
        event["data_base64"] = base64.b64encode(incoming.body).decode()
    return event


def _header_text(value: str) -> str:
    """Return the value of an attribute from a header: unquoted, then percent-decoded."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise UnreadableError("a header is no UTF-8, percent-encoded") from error


def _objects(body: bytes) -> list[dict[str, Any]]:
    """Return the objects of a JSON text in UTF-8."""
    try:
        found = read_objects(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UnreadableError("this is no UTF-8") from error
    except RowError as error:
        raise UnreadableError(error.reason) from error
    if _is_deeper(found, DEEPEST + 1):
        raise UnreadableError(f"it is nested more than {DEEPEST} levels deep")
    return found


def _object(body: bytes) -> dict[str, Any]:
    """Return the one object of a JSON text."""
    found = _objects(body)
    if len(found) != 1 or body.lstrip()[:1] == b"[":
        raise UnreadableError("the data must be one JSON object: {…}")
    return found[0]


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested more than some levels deep; without recursion of its own."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for one in layer
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _require(incoming: Incoming, fits: Callable[[str], bool]) -> None:
    if not fits(_media_type(incoming)):
        raise MediaTypeError("this is not said to be JSON", hint="Content-Type: application/json")


def _media_type(incoming: Incoming) -> str:
    return _bare(incoming.header("content-type"))


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


_READERS: Final[Mapping[SourceKind, Callable[[Source, Incoming], _Said]]] = {
    "cloudevents": _cloudevents,
    "standard-webhooks": _plain,
    "hubspot": _hubspot,
    "segment": _segment,
    "form": _form,
    "json": _plain,
}
