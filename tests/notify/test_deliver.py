"""Sending what the outbox holds: order, retries, dead queue, workers side by side."""

import datetime as dt
import threading
import time

import pytest

from funnelflow.plugins import DeliveryError
from funnelflow.storage.messages import Settled

from .support import box, deliver, states, worker

LEASE = dt.timedelta(seconds=30)


def move(workspace, *names, events=("asked",)):
    for name in names:
        workspace.add(name, {"budget": 5})
        for event in events:
            workspace.record(name, event)


def test_what_is_due_is_delivered_in_the_order_of_each_contact(workspace, recorder):
    move(workspace, "ada", "bob", events=("asked", "reset", "asked", "signed"))
    (done,) = deliver(workspace)
    assert (done.delivered, done.waiting, done.dead) == (8, 0, 0)
    for name in ("ada", "bob"):
        stages = [after for contact, after in recorder.messages if contact == name]
        assert stages == ["talking", "new", "talking", "customer"]
    assert {state for _, _, state in states(workspace)} == {"delivered"}


def test_more_than_one_claim_takes_of_a_contact_stays_in_order(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada", events=("asked", "reset") * 30)
    deliver(workspace)
    assert [after for _, after in recorder.messages] == ["talking", "new"] * 30


def test_delivering_twice_sends_nothing_again(workspace, recorder):
    move(workspace, "ada")
    deliver(workspace)
    deliver(workspace)
    assert len(recorder.messages) == 1


def test_what_did_not_arrive_waits_and_holds_back_what_is_behind_it(workspace, recorder):
    move(workspace, "ada", events=("asked", "signed"))
    recorder.faults = [DeliveryError("busy")]
    (done,) = deliver(workspace)
    assert (done.delivered, done.waiting, done.problem) == (0, 1, "busy")
    assert recorder.messages == []
    first, second = box(workspace).messages()
    assert (first.attempts, second.attempts) == (1, 0)
    workspace.clock.advance("10s")
    deliver(workspace)
    assert [after for _, after in recorder.messages] == ["talking", "customer"]


def test_one_contact_that_waits_holds_back_no_other(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada", "bob")
    recorder.faults = [DeliveryError("busy")]
    deliver(workspace, senders=1)
    assert recorder.messages == [("bob", "talking")]


def test_the_schedule_is_followed_to_the_dead_letter(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada", events=("asked", "signed"))
    recorder.faults = [DeliveryError("busy")] * 8
    waits = []
    while box(workspace).messages()[0].state == "waiting":
        before = workspace.clock.now
        deliver(workspace)
        queued = box(workspace).messages()[0]
        workspace.clock.now = max(queued.due_at, before)
        waits.append((queued.due_at - before).total_seconds())
    assert len(waits) == 8
    for waited, least in zip(waits, (5, 300, 1800, 7200, 18000, 36000, 36000), strict=False):
        assert least <= waited <= least * 1.2
    assert queued.problem == "busy (given up after 8 attempts)"
    deliver(workspace)
    assert recorder.messages == [("ada", "customer")]


def test_what_is_of_no_use_to_repeat_is_dead_at_once(workspace, recorder):
    move(workspace, "ada", events=("asked", "signed"))
    recorder.faults = [DeliveryError("no such person", permanent=True)]
    (done,) = deliver(workspace)
    assert (done.delivered, done.dead) == (1, 1)
    assert [state for _, _, state in states(workspace)] == ["dead", "delivered"]


def test_a_receiver_can_ask_to_wait_longer(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada")
    recorder.faults = [DeliveryError("slow down", retry_after=120)]
    deliver(workspace)
    (queued,) = box(workspace).messages()
    assert queued.due_at - workspace.clock.now == dt.timedelta(seconds=120)


def test_a_receiver_that_is_gone_turns_its_endpoint_off(workspace, recorder):
    move(workspace, "ada", "bob", "eve")
    recorder.fault = DeliveryError("gone", gone=True)
    (done,) = deliver(workspace, senders=1)
    assert (done.dead, done.is_off) == (1, True)
    assert [off.name for off in box(workspace).off()] == ["recorder"]
    recorder.fault = None
    assert deliver(workspace)[0].delivered == 0
    assert sorted(s for _, _, s in states(workspace)) == ["dead", "waiting", "waiting"]


def test_a_retry_turns_an_endpoint_on_again(workspace, recorder):
    move(workspace, "ada", "bob")
    recorder.faults = [DeliveryError("gone", gone=True)]
    deliver(workspace, senders=1)
    assert box(workspace).retry(endpoint="recorder") == 2
    deliver(workspace)
    assert sorted(recorder.messages) == [("ada", "talking"), ("bob", "talking")]


def test_a_dead_message_can_be_tried_again_by_its_number(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada")
    recorder.faults = [DeliveryError("no", permanent=True)]
    deliver(workspace)
    assert box(workspace).retry([1], dry_run=True) == 1
    assert deliver(workspace)[0].delivered == 0
    assert box(workspace).retry([1]) == 1
    assert deliver(workspace)[0].delivered == 1


def test_what_is_discarded_is_not_sent_and_holds_back_nothing(workspace, recorder):
    move(workspace, "ada", events=("asked", "signed"))
    first = box(workspace).messages()[0].id
    assert box(workspace).discard([first]) == 1
    deliver(workspace)
    assert recorder.messages == [("ada", "customer")]


def test_any_failure_of_a_notifier_is_one_more_attempt(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada")
    recorder.faults = [ValueError("broken")]
    (done,) = deliver(workspace)
    assert done.waiting == 1
    assert done.problem.endswith("has an error of its own: ValueError: broken")
    recorder.faults = [SystemExit(3)]
    workspace.clock.advance("10s")
    assert "sys.exit(3)" in deliver(workspace)[0].problem


def test_a_message_keeps_its_id_however_often_it_is_sent(workspace, recorder):
    move(workspace, "ada")
    deliver(workspace)
    number = box(workspace).messages()[0].id
    outbox = box(workspace)
    # What a worker that was killed after sending and before recording leaves behind:
    with workspace.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'waiting'")
    deliver(workspace)
    assert len(recorder.ids) == 2
    assert len(set(recorder.ids)) == 1
    assert outbox.message(number).attempts == 2


def test_a_claim_is_nobody_elses_until_its_lease_has_run_out(workspace):
    move(workspace, "ada", events=("asked", "signed"))
    claimed = box(workspace).claim("recorder", "first", lease=LEASE, limit=10)
    assert [[n.data["after"] for n in stream] for stream in claimed] == [["talking", "customer"]]
    assert box(workspace).claim("recorder", "second", lease=LEASE, limit=10) == []
    workspace.clock.advance("31s")
    again = box(workspace).claim("recorder", "second", lease=LEASE, limit=10)
    assert [n.id for n in again[0]] == [n.id for n in claimed[0]]


def test_a_lease_that_is_renewed_does_not_run_out(workspace):
    move(workspace, "ada")
    ((queued,),) = box(workspace).claim("recorder", "first", lease=LEASE, limit=10)
    workspace.clock.advance("20s")
    box(workspace).renew([queued.id], "first", LEASE)
    workspace.clock.advance("20s")
    assert box(workspace).claim("recorder", "second", lease=LEASE, limit=10) == []


def test_who_has_lost_a_message_cannot_say_that_it_failed(workspace):
    move(workspace, "ada")
    outbox = box(workspace)
    ((queued,),) = outbox.claim("recorder", "first", lease=LEASE, limit=10)
    workspace.clock.advance("31s")
    outbox.claim("recorder", "second", lease=LEASE, limit=10)
    outbox.settle("first", [Settled(queued.id, "dead", problem="late")])
    assert outbox.message(queued.id).state == "waiting"
    outbox.settle("first", [Settled(queued.id, "delivered")])
    assert outbox.message(queued.id).state == "delivered"


def test_workers_side_by_side_send_everything_once_and_in_order(workspace, recorder):
    names = [f"c{n:02}" for n in range(20)]
    move(workspace, *names, events=("asked", "reset", "asked"))
    workers = [worker(workspace, senders=3) for _ in range(4)]
    threads = [threading.Thread(target=w.run) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver(workspace)
    assert len(recorder.messages) == 60
    for name in names:
        stages = [after for contact, after in recorder.messages if contact == name]
        assert stages == ["talking", "new", "talking"]


def test_a_notifier_that_does_not_come_back_is_given_up(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada", "bob")
    forever = threading.Event()
    send = recorder.send

    def hang(message, settings):
        if message.subject == "ada":
            forever.wait(20)
        send(message, settings)

    workspace.plugins.unregister("recorder")
    recorder.send = hang
    workspace.plugins.register(recorder, "recorder")
    (done,) = deliver(workspace, senders=1, limit=dt.timedelta(seconds=0.3))
    forever.set()
    assert (done.delivered, done.waiting) == (1, 1)
    assert "did not come back within 0.3 seconds" in done.problem


def test_what_arrived_before_a_notifier_hung_stays_delivered(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada", events=("asked", "reset", "asked"))
    forever = threading.Event()
    send = recorder.send

    def hang(message, settings):
        if message.data["after"] == "new":
            forever.wait(20)
        send(message, settings)

    workspace.plugins.unregister("recorder")
    recorder.send = hang
    workspace.plugins.register(recorder, "recorder")
    pace = {"limit": dt.timedelta(seconds=0.4), "batch": dt.timedelta(milliseconds=50)}
    (done,) = deliver(workspace, senders=1, **pace)
    forever.set()
    assert (done.delivered, done.waiting) == (1, 1)
    found = [(n.state, n.attempts) for n in box(workspace).messages()]
    assert found == [("delivered", 1), ("waiting", 1), ("waiting", 0)]


def test_one_bad_endpoint_slows_no_other(small, recorder, tmp_path):
    gate = tmp_path / "gate"
    hangs = f"while [ ! -e {gate} ]; do sleep 0.05; done"
    workspace = small(
        '[[notify]]\nname = "bad"\nchannel = "command"\n'
        f'[notify.settings]\ncommand = ["sh", "-c", "{hangs}"]\ntimeout = "60s"\n'
        '[[notify]]\nchannel = "recorder"\n'
    )
    move(workspace, *(f"c{n}" for n in range(20)))
    thread = threading.Thread(target=worker(workspace, senders=2).run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while len(recorder.messages) < 20 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(recorder.messages) == 20  # while the other one has not come back once
    assert {queued.state for queued in box(workspace).messages(endpoint="bad")} == {"waiting"}
    gate.touch()
    thread.join(60)
    assert {queued.state for queued in box(workspace).messages()} == {"delivered"}


def test_watching_sends_what_comes_and_ends_when_told_to(small, recorder):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    running = worker(workspace, poll=dt.timedelta(milliseconds=20))
    thread = threading.Thread(target=running.run, kwargs={"watch": True})
    thread.start()
    move(workspace, "ada")
    for _ in range(200):
        if recorder.messages:
            break
        time.sleep(0.02)
    running.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert recorder.messages == [("ada", "talking")]


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_stopped_worker_lets_go_of_what_it_has_not_begun(small, recorder, when):
    workspace = small('[[notify]]\nchannel = "recorder"\n')
    move(workspace, "ada", "bob", "eve")
    running = worker(workspace, senders=1)
    if when == "before":
        running.stop()
        running.run()
    else:
        send = recorder.send

        def last(message, settings):
            running.stop()
            send(message, settings)

        workspace.plugins.unregister("recorder")
        recorder.send = last
        workspace.plugins.register(recorder, "recorder")
        running = worker(workspace, senders=1)
        running.run()
    assert len(recorder.messages) == (when == "after")
    assert box(workspace).claim("recorder", "other", lease=LEASE, limit=10)
