"""Messages are CloudEvents: another library reads them, and they say the same every time."""

import datetime as dt
import json

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.notify import CONTENT_TYPE, cloud_event, message_of
from funnelflow.plugins import Message

from .support import box

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def read(text):
    """Read a message as a receiver with the CloudEvents library does."""
    return from_structured_event(HTTPMessage({"content-type": CONTENT_TYPE}, text.encode("ascii")))


def test_the_library_reads_what_is_sent(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked", actor="grace", at="2026-03-01T09:30:00Z")
    (letter,) = box(workspace).letters()
    event = read(cloud_event(message_of(letter)))
    assert event.get_id() == letter.message
    assert event.get_type() == "funnelflow.contact.moved"
    assert event.get_source() == "/funnelflow/pipeline"
    assert event.get_subject() == "ada"
    assert event.get_time() == letter.at
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == dict(letter.data)


@given(
    subject=st.text(min_size=1),
    data=st.dictionaries(st.text(), values, max_size=4),
    time=st.datetimes(timezones=st.just(dt.UTC), min_value=dt.datetime(1, 1, 1)),  # noqa: DTZ001
)
def test_any_message_is_a_cloud_event_in_one_line(subject, data, time):
    message = Message("id", "a.type", "/source", subject, time, data)
    text = cloud_event(message)
    assert text == cloud_event(message)
    assert "\n" not in text
    event = read(text)
    assert (event.get_subject(), event.get_data(), event.get_time()) == (subject, data, time)


def test_the_source_can_be_chosen(small):
    workspace = small('[[notify]]\nchannel = "told"\nsource = "https://example.com/crm"\n')
    workspace.add("ada")
    workspace.record("ada", "asked")
    assert box(workspace).letters()[0].source == "https://example.com/crm"


def test_a_message_knows_what_led_to_it(workspace):
    workspace.add("ada", {"budget": 4})
    workspace.record("ada", "asked")
    workspace.record("ada", "signed")
    told = [json.loads(cloud_event(message_of(n)))["data"] for n in box(workspace).letters()]
    assert [(d["before"], d["after"], d["event"], d["sequence"]) for d in told] == [
        ("new", "talking", "asked", 2),
        ("talking", "customer", "signed", 3),
    ]


def test_the_same_story_gives_the_same_ids(small):
    toml = '[[notify]]\nchannel = "told"\n'
    ids = []
    for workspace in (small(toml), small(toml)):
        workspace.add("ada")
        workspace.record("ada", "asked")
        ids.append(box(workspace).letters()[0].message)
    assert ids[0] == ids[1]


@pytest.mark.parametrize("change", [{"at": "2026-03-01T09:31:00Z"}, {"actor": "eve"}])
def test_another_story_gives_other_ids(workspace, change):
    for name, more in (("ada", {}), ("bob", {}), ("eve", change)):
        workspace.add(name)
        workspace.record(name, "asked", **more)
    assert len({n.message for n in box(workspace).letters()}) == 3
