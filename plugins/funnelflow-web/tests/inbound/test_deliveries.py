"""Deliveries to a real server: whatever is done with them, each counts once or not at all.

``FUNNELFLOW_INBOUND`` is how many deliveries there are, ``FUNNELFLOW_INBOUND_KILLS`` how often the
server is killed while they come.
"""

import contextlib
import http.client
import json
import os
import random
import threading
import time

import pytest
from attrs import evolve
from web_senders import MAPPING, SETTINGS, Happened, forge, form, send

import funnelflow

COUNT = int(os.environ.get("FUNNELFLOW_INBOUND", "60"))
KILLS = int(os.environ.get("FUNNELFLOW_INBOUND_KILLS", "2"))
KINDS = ("cloudevents", "standard-webhooks", "hubspot", "segment", "json")
BEGAN = 1_760_000_000
PATIENCE = 60


def settings():
    """Write the settings of all sources as TOML."""
    return "".join(
        f"\n[plugins.web.sources.{name}]\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
        for name, said in SETTINGS.items()
    )


@pytest.fixture
def server(directory, serve):
    """Run a server with a source of each kind."""
    (directory / "mappings").mkdir()
    (directory / "mappings" / "events.toml").write_text(MAPPING)
    return serve(settings())


def post(port, delivery):
    """Send a delivery; gives the status, or None where no answer came."""
    query = f"?{delivery.query}" if delivery.query else ""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        try:
            headers = {n: v.encode("utf-8") for n, v in delivery.headers.items()}
            path = f"/in/{delivery.source}{query}"
            connection.request("POST", path, delivery.body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
        return answer.status


def cut_off(server, delivery):
    """Send the beginning of a delivery, and hang up."""
    head = f"POST /in/{delivery.source} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in delivery.headers.items())
    head += f"Content-Length: {len(delivery.body)}\r\n\r\n"
    with contextlib.suppress(OSError), server.connect() as connection:
        connection.sendall(head.encode() + delivery.body[: len(delivery.body) // 2])


def happenings(randomness, count):
    """Give things that happened to a few contacts, in the order in which they did."""
    return [
        Happened(number, f"{randomness.randrange(900, 912)}", BEGAN + number * 60)
        for number in range(count)
    ]


def key_of(kind, one):
    """Give the key under which something is recorded."""
    return {
        "cloudevents": f"cloudevents:/shop e{one.number}",
        "hubspot": f"hubspot:{one.number}-3-{one.who}-{one.at * 1000}",
        "segment": f"segment:s{one.number}",
    }.get(kind, f"{kind}:j{one.number}")


def recorded(directory):
    """Give the keys of the evidence with how often each is there, and verify the rest."""
    counts = {}
    with funnelflow.open(directory) as workspace:
        after = None
        while True:
            page = workspace.history(after=after, limit=500)
            for row in page.rows:
                if row.event != "add":
                    counts[row.key] = counts.get(row.key, 0) + 1
            after = page.after
            if after is None:
                break
        assert workspace.verify().is_sound
        assert workspace.kept_records() == []
    return counts


class Sender(threading.Thread):
    """Sends deliveries until each is acknowledged, and does what no sender should beside it."""

    def __init__(self, server, sent, seed):
        super().__init__(daemon=True)
        self.wrong = []
        self._server, self._sent, self._random = server, sent, random.Random(seed)

    def run(self):
        for kind, one in self._sent:
            self._disturb(kind, one)
            until = time.monotonic() + PATIENCE
            while post(self._server.port, send(kind, one)) != 200:
                if time.monotonic() > until:
                    self.wrong.append(("never taken", kind, one))
                    return
                time.sleep(0.05)
            if self._random.random() < 0.3:
                status = post(self._server.port, send(kind, one))
                if status not in (200, None):
                    self.wrong.append(("doubled", kind, one, status))

    def _disturb(self, kind, one):
        dice = self._random.random()
        if dice < 0.25:
            other = evolve(one, number=one.number + 1_000_000)
            forged = forge(send(kind, other), self._random.randrange(100))
            status = post(self._server.port, forged)
            if status not in (401, 400, 429, None):
                self.wrong.append(("forged", kind, forged, status))
        elif dice < 0.35:
            cut_off(self._server, send(kind, one))
        elif dice < 0.45 and kind in ("cloudevents", "standard-webhooks", "hubspot"):
            old = send(kind, evolve(one, number=one.number + 2_000_000), time.time() - 900)
            status = post(self._server.port, old)
            if status not in (401, 429, None):
                self.wrong.append(("replayed", kind, one, status))


def send_all(servers, randomness, count, threads=3):
    """Send what happened, out of order, by several senders at a time; give what was sent."""
    happened = happenings(randomness, count)
    sent = [(randomness.choice(KINDS), one) for one in happened]
    shuffled = randomness.sample(sent, len(sent))
    senders = [
        Sender(servers[n % len(servers)], shuffled[n::threads], randomness.random())
        for n in range(threads)
    ]
    for one in senders:
        one.start()
    return sent, senders


def test_each_counts_once_whatever_is_done_on_the_way(server, directory, monkeypatch):
    randomness = random.Random(20)
    sent, senders = send_all([server], randomness, COUNT)
    for sender in senders:
        sender.join()
        assert sender.wrong == []
    again = randomness.sample(sent, len(sent) // 3)
    assert [post(server.port, send(*one)) for one in again] == [200] * len(again)
    assert recorded(directory) == {key_of(kind, one): 1 for kind, one in sent}
    code, _, said = server.stop()
    assert code in (0, 130), said
    assert "Traceback" not in said


def test_each_counts_once_when_the_server_is_killed_meanwhile(server, directory):
    randomness = random.Random(9)
    sent, senders = send_all([server], randomness, COUNT)
    for _ in range(KILLS):
        time.sleep(randomness.uniform(0.05, 1.5))
        server.kill()
        server.start()
    for sender in senders:
        sender.join()
        assert sender.wrong == []
    assert recorded(directory) == {key_of(kind, one): 1 for kind, one in sent}
    assert server.is_running()


def test_several_servers_share_one_database(server, serve, directory):
    randomness = random.Random(4)
    sent, senders = send_all([server, serve()], randomness, COUNT, threads=4)
    for sender in senders:
        sender.join()
        assert sender.wrong == []
    assert recorded(directory) == {key_of(kind, one): 1 for kind, one in sent}


def test_two_servers_that_get_the_same_record_it_once(server, serve, directory):
    other, statuses = serve(), []

    def post_all(port):
        statuses.extend(post(port, send("segment", one)) for one in happened)

    happened = happenings(random.Random(5), 15)
    threads = [threading.Thread(target=post_all, args=(one.port,)) for one in (server, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 30
    assert recorded(directory) == {key_of("segment", one): 1 for one in happened}


def test_the_story_is_that_of_the_order_in_which_it_happened(server, directory):
    sent = [("json", Happened(n, "901", BEGAN + n * 60)) for n in (3, 1, 2)]
    assert [post(server.port, send(*one)) for one in sent] == [200] * 3
    with funnelflow.open(directory) as workspace:
        rows = workspace.history("901", by_time=True).rows
    assert [row.key for row in rows if row.key] == [f"json:j{n}" for n in (1, 2, 3)]


def test_what_cannot_be_used_is_acknowledged_kept_and_tried_again(server, directory):
    one = Happened(1, "901", BEGAN, {"what": "seen_somewhere"})
    assert post(server.port, send("json", one)) == 200
    with funnelflow.open(directory) as workspace:
        (kept,) = workspace.kept_records("json")
        assert "seen_somewhere" in kept.reason
    mapping = directory / "mappings" / "events.toml"
    good = mapping.read_text()
    mapping.write_text("no toml")
    assert post(server.port, send("json", evolve(one, number=2))) == 200
    mapping.write_text(good + '[events]\nseen_somewhere = "content_viewed"\n')
    assert post(server.port, send("json", evolve(one, number=3))) == 200
    with funnelflow.open(directory) as workspace:
        assert len(workspace.kept_records("json")) == 2


def test_a_form_is_taken_and_a_person_is_thanked(server, directory):
    fields = {"email": "Ada@example.com", "name": "Ada", "to": "customer", "contact": "901"}
    assert post(server.port, form(fields)) == 200
    assert post(server.port, form(fields)) == 200
    assert post(server.port, form({"email": "x@example.com", "website": "spam"})) == 200
    with funnelflow.open(directory) as workspace:
        assert [contact.id for contact in workspace.list()] == ["Ada@example.com"]
        assert [row.event for row in workspace.history("Ada@example.com").rows] == [
            "add",
            "form_submitted",
        ]


def test_what_is_no_source_and_no_post_is_refused(server):
    one = send("json", Happened(1, "901", BEGAN))
    assert post(server.port, evolve(one, source="nobody")) == 404
    assert post(server.port, evolve(one, body=b" " * (1 << 20) + one.body)) == 413
    assert post(server.port, evolve(one, body=b"{")) == 400
    assert post(server.port, evolve(one, headers={**one.headers, "Content-Type": "text/x"})) == 415
