"""Messages are CloudEvents: another library reads them, and they say the same every time."""

import datetime as dt
import json
import pickle

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.notify import CONTENT_TYPE, message_of
from funnelflow.plugins import Message

from .support import box, deliver

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
    (queued,) = box(workspace).messages()
    event = read(message_of(queued).text())
    assert event.get_id() == queued.message
    assert event.get_type() == "funnelflow.contact.moved"
    assert event.get_source() == "/funnelflow/pipeline"
    assert event.get_subject() == "ada"
    assert event.get_time() == queued.at
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == dict(queued.data)


@given(
    subject=st.text(min_size=1),
    data=st.dictionaries(st.text(), values, max_size=4),
    time=st.datetimes(timezones=st.just(dt.UTC), min_value=dt.datetime(1, 1, 1)),  # noqa: DTZ001
)
def test_any_message_is_a_cloud_event_in_one_line(subject, data, time):
    message = Message("id", "a.type", "/source", subject, time, data)
    text = message.text()
    assert text == message.text()
    assert "\n" not in text
    event = read(text)
    assert (event.get_subject(), event.get_data(), event.get_time()) == (subject, data, time)


def test_the_source_can_be_chosen(small):
    workspace = small('[[notify]]\nchannel = "recorder"\nsource = "https://example.com/crm"\n')
    workspace.add("ada")
    workspace.record("ada", "asked")
    assert box(workspace).messages()[0].source == "https://example.com/crm"


def test_a_message_knows_what_led_to_it(workspace):
    workspace.add("ada", {"budget": 4})
    workspace.record("ada", "asked")
    workspace.record("ada", "signed")
    data = [json.loads(message_of(n).text())["data"] for n in box(workspace).messages()]
    assert [(d["before"], d["after"], d["event"], d["sequence"]) for d in data] == [
        ("new", "talking", "asked", 2),
        ("talking", "customer", "signed", 3),
    ]


def test_the_same_story_in_another_workspace_gives_other_ids(small):
    """They come of salted digests: nobody can find out by trying what a message was about."""
    toml = '[[notify]]\nchannel = "recorder"\n'
    ids = set()
    for workspace in (small(toml), small(toml)):
        workspace.add("ada")
        workspace.record("ada", "asked")
        ids.add(box(workspace).messages()[0].message)
    assert len(ids) == 2


@pytest.mark.parametrize("change", [{"at": "2026-03-01T09:31:00Z"}, {"actor": "eve"}])
def test_another_story_gives_other_ids(workspace, change):
    for name, more in (("ada", {}), ("bob", {}), ("eve", change)):
        workspace.add(name)
        workspace.record(name, "asked", **more)
    assert len({n.message for n in box(workspace).messages()}) == 3


def test_what_a_notifier_is_given_can_be_written_as_json_at_once(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked")
    (queued,) = box(workspace).messages()
    message = message_of(queued)
    assert json.loads(json.dumps(message.data)) == dict(queued.data)
    assert json.loads(json.dumps(message.to_json())) == json.loads(message.text())
    assert message.text() == message.text()


def test_a_notifier_cannot_change_what_others_get(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked")
    (queued,) = box(workspace).messages()
    message = message_of(queued)
    message.to_json()["data"]["fields"]["email"] = "changed"
    assert message.data["fields"] == {}
    for data in (message.data, message.data["fields"]):
        for change in (
            lambda d: d.__setitem__("email", 1),
            lambda d: d.update(email=1),
            lambda d: d.pop("email", 1),
            lambda d: d.setdefault("email", 1),
            lambda d: d.clear(),
            lambda d: d.__ior__({"email": 1}),
        ):
            with pytest.raises(TypeError, match="cannot be changed"):
                change(data)
    assert pickle.loads(pickle.dumps(message)) == message


def test_an_error_of_the_notifier_itself_is_tried_again_and_named_as_such(workspace, recorder):
    recorder.faults = [TypeError("Object of type set is not JSON serializable")]
    workspace.add("ada")
    workspace.record("ada", "asked")
    deliver(workspace)
    (queued,) = box(workspace).messages()
    assert queued.state == "waiting"
    assert queued.problem == (
        "the notifier recorder of plugin recorder has an error of its own: "
        "TypeError: Object of type set is not JSON serializable"
    )
