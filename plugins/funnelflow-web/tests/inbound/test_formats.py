"""What deliveries say: in every mode and form, and nothing at random breaks it."""

import json
import sys

import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from funnelflow_web.inbound.formats import MediaTypeError, UnreadableError, read_records
from funnelflow_web.inbound.signatures import Incoming
from funnelflow_web.inbound.sources import read_sources
from hypothesis import given
from hypothesis import strategies as st
from web_senders import SECRETS, SETTINGS, form, signed

BY_TOKEN = {"kind": "cloudevents", "proof": "bearer", "secret": SECRETS["json"]}
SOURCES = read_sources({**SETTINGS, "token": BY_TOKEN})
CE_HEADERS = ("content-type", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-x")
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
JSON = {"content-type": "application/json"}


def read(kind, body, headers=JSON, delivery=""):
    """Read a body as a source sends it."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_records(SOURCES[kind], Incoming(headers, body), delivery)


def event(body, kind="application/cloudevents+json", source="cloudevents", **headers):
    """Read CloudEvents."""
    return read(source, body, {"content-type": kind, **headers})


def test_an_object_and_a_list_of_objects_are_records_with_the_sender_s_keys():
    assert [(r.data, r.key) for r in read("json", {"a": 1}, delivery="m")] == [({"a": 1}, "m")]
    found = read("json", [{"a": 1}, {"a": 2}], delivery="m")
    assert [r.key for r in found] == ["m/0", "m/1"]


def test_events_are_read_in_three_modes():
    known = {**EVENT, "data": {"a": 1}, "datacontenttype": "application/json"}
    (structured,) = event(known)
    batch = event([known, {**known, "id": "2"}], "application/cloudevents-batch+json")
    headers = {f"ce-{name}": value for name, value in EVENT.items()}
    (binary,) = event({"a": 1}, "application/json", "token", **headers)
    assert structured.data == binary.data == {**known, "time": "now"}
    assert [one.key for one in batch] == ["/s 1", "/s 2"]


@given(
    st.dictionaries(st.text(max_size=5), st.integers(-(2**53), 2**53) | st.text(max_size=5)),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1),
)
def test_events_are_read_as_the_official_package_writes_them(data, subject):
    attributes = {
        "id": "1", "source": "/s", "type": "t", "subject": subject,
        "datacontenttype": "application/json",
    }  # fmt: skip
    made = CloudEvent(attributes, data)
    for write in (to_binary, to_structured):
        message = write(made, JSONFormat())
        headers = {name.lower(): value for name, value in message.headers.items()}
        (one,) = read("token", message.body, headers)
        assert (one.data["subject"], one.data["data"]) == (subject, data)


def test_a_header_is_decoded_as_the_specification_shows():
    headers = {f"ce-{name}": value for name, value in EVENT.items()}
    for said, meant in (
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"quoted \\"text\\""', 'quoted "text"'),
    ):
        (one,) = event({}, "application/json", "token", **headers, **{"ce-subject": said})
        assert one.data["subject"] == meant


def test_attributes_that_a_signature_does_not_cover_are_refused():
    headers = {f"ce-{name}": value for name, value in EVENT.items()}
    with pytest.raises(MediaTypeError, match="does not cover"):
        event({}, "application/json", "cloudevents", **headers)


def test_packed_data_is_unpacked_where_it_is_json():
    packed = {**EVENT, "data_base64": "eyJhIjogMX0="}
    (one,) = event({**packed, "datacontenttype": "application/json; charset=utf-8"})
    (other,) = event({**packed, "datacontenttype": "image/png"})
    assert (one.data["data"], other.data["data"]) == ({"a": 1}, "eyJhIjogMX0=")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**EVENT, "id": ""},
        {**EVENT, "id": 1},
        {**EVENT, "specversion": "0.3"},
        {**EVENT, "data_base64": "?"},
        {**EVENT, "data_base64": 1},
        [EVENT],
        [],
    ],
)
def test_what_is_no_event_is_refused(body):
    with pytest.raises(UnreadableError):
        event(body)


def test_segment_s_batches_are_refused_for_only_their_first_call_is_signed():
    with pytest.raises(UnreadableError, match="only the first call is signed"):
        read("segment", [{"messageId": "1"}])


def test_forms_are_read_in_both_ways_of_browsers():
    plain = form({"email": "ada@example.com", "name": "Ada Byron"})
    boundary = "----x"
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("email", "ada@example.com"), ("name", "Ada Byron"))
    )
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    in_parts = read("form", f"{parts}--{boundary}--\r\n".encode(), headers)
    one, other = read_records(SOURCES["form"], plain.incoming(), ""), in_parts
    assert one == other
    assert one[0].data == {"email": "ada@example.com", "name": "Ada Byron"}
    with pytest.raises(UnreadableError):
        read("form", parts.encode(), headers)


def test_a_form_that_a_machine_filled_in_says_nothing():
    sent = form({"email": "ada@example.com", "website": "https://spam.example"})
    assert read_records(SOURCES["form"], sent.incoming(), "") == []
    sent = form({"email": "ada@example.com", "website": ""})
    assert read_records(SOURCES["form"], sent.incoming(), "")[0].data == {
        "email": "ada@example.com"
    }


def test_a_form_has_no_files_and_not_too_many_fields():
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\ndata\r\n--x--\r\n'
    with pytest.raises(UnreadableError):
        read("form", part, {"content-type": "multipart/form-data; boundary=x"})
    with pytest.raises(UnreadableError):
        read_records(SOURCES["form"], signed("form", b"a=1&" * 101).incoming(), "")


def nested(levels, inner=b"1"):
    """Give JSON that is nested."""
    return b'{"a":' * levels + inner + b"}" * levels


@pytest.mark.parametrize("levels", [60, 900, 10_000, 100_000])
def test_what_is_nested_too_deeply_is_refused(levels):
    for body in (nested(levels), b'{"a":' + b"[" * levels + b"]" * levels + b"}"):
        with pytest.raises(UnreadableError):
            read("json", body)
    read("json", nested(50))


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"\xff\xfe{}", "{}".encode("utf-16"), b"[1]", b"1", b"null", b"{", b'{"a":NaN}',
        b'{"a":1,"a":2}', b"{} {}", b'{"a":' + b"9" * 5_000 + b"}", b"\x00", b'[{"a":1},2]',
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(body):
    with pytest.raises(UnreadableError):
        read("json", body)


def test_many_members_and_one_twice_take_no_time_to_speak_of():
    members = [f'"{n}":1' for n in range(60_000)]
    with pytest.raises(UnreadableError, match="comes twice"):
        read("json", ("{" + ",".join([*members, members[-1]]) + "}").encode())


def test_too_many_records_are_refused():
    with pytest.raises(UnreadableError, match="1,001 records"):
        read("json", [{}] * 1001)


@pytest.mark.parametrize("kind", [*SETTINGS])
def test_another_form_is_refused(kind):
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "text/json;charset=x"}):
        with pytest.raises(MediaTypeError):
            read(kind, b"{}", headers)
    with pytest.raises(MediaTypeError, match="compressed"):
        read(kind, b"{}", {**JSON, "content-encoding": "gzip"})


@given(
    st.sampled_from([*SOURCES]),
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(CE_HEADERS),
        st.text(st.characters(codec="latin-1"), max_size=30)
        | st.sampled_from(
            [
                "1.0", "application/json", "application/cloudevents+json", "%ff",
                "application/cloudevents-batch+json", "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x", "multipart/form-data",
            ]
        ),
    ),
)  # fmt: skip
def test_nothing_at_random_raises_anything_else(kind, body, headers):
    try:
        records = read(kind, body, headers)
    except UnreadableError:
        return
    assert all(isinstance(one.data, dict) for one in records)
    assert sys.getrecursionlimit()
