"""What hostile receivers can do, each of them a real server on this machine."""

import gzip
import socket
import struct
import threading
import time

import pytest
from funnelflow_webhook import Settings, funnelflow_notifiers, send
from funnelflow_webhook.posting import CAP, post
from funnelflow_webhook.targets import read_target
from standardwebhooks import Webhook

from funnelflow.plugins import DeliveryError
from funnelflow.testing import Answer, NotifierContract, example_message

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FORMER = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def settings(url, **more):
    return Settings(url=url, allow=["127.0.0.1"], **more)


def says(*pieces, pause=0.0):
    """Give a behaviour: say these things, with pauses."""

    def behave(connection, stop):
        for piece in pieces:
            connection.sendall(piece)
            stop.wait(pause)

    return behave


def failure(server, seconds=1.0, **more):
    """Give what a sender says of a receiver, and how long it took."""
    began = time.monotonic()
    target = read_target(server.url(**more), ["127.0.0.1"])
    with pytest.raises(DeliveryError) as caught:
        post(target, b"{}", {}, deadline=seconds)
    return str(caught.value), time.monotonic() - began


def test_a_receiver_that_hangs_has_one_deadline(serve):
    said, took = failure(serve(lambda _, stop: stop.wait(20)), 0.5)
    assert "did not answer within 0.5 seconds" in said
    assert took < 2


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_receiver_that_drips_has_the_same_deadline(serve, begin):
    drops = [begin, *[b"a"] * 200]
    said, took = failure(serve(says(*drops, pause=0.05)), 0.5)
    assert "did not answer within" in said
    assert took < 2


def test_a_receiver_that_says_go_on_for_ever_has_an_end(serve):
    said, _ = failure(serve(says(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 100] * 100)), 5)
    assert "no HTTP, or too long" in said


def test_headers_without_end_are_cut_off(serve):
    sent = []

    def behave(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.is_set():
            sent.append(connection.send(b"X-%d: " % len(sent) + b"y" * 900 + b"\r\n"))

    said, _ = failure(serve(behave), 5)
    assert "no HTTP, or too long" in said


def test_a_huge_body_is_not_read(serve):
    sent = []

    def behave(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while not stop.is_set():
            sent.append(connection.send(b"y" * 65536))

    began = time.monotonic()
    send(example_message(), settings(serve(behave).url()))
    assert time.monotonic() - began < 2
    assert sum(sent) < 100 * CAP


def test_a_gzip_bomb_stays_packed(serve):
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with pytest.raises(DeliveryError, match="answered 500 Internal Server Error"):
        send(example_message(), settings(serve(says(head, bomb)).url()))


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed(serve, funnelflow_receiver, status):
    elsewhere = funnelflow_receiver.url.encode()
    answer = b"HTTP/1.1 %d X\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, elsewhere)
    with pytest.raises(DeliveryError, match=f"answered {status}.*redirects are not followed"):
        send(example_message(), settings(serve(says(answer)).url()))
    assert funnelflow_receiver.requests == []


def test_410_says_that_the_receiver_is_gone(funnelflow_receiver):
    funnelflow_receiver.answer = Answer(410)
    with pytest.raises(DeliveryError, match="410 Gone") as caught:
        send(example_message(), settings(funnelflow_receiver.url))
    assert caught.value.gone


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120.0), ("0", 0.0), ("soon", None), ("-5", None), ("9" * 400, 999999999999.0)],
)
def test_429_says_when_to_come_again(funnelflow_receiver, header, seconds):
    funnelflow_receiver.answer = Answer(429, {"retry-after": header})
    with pytest.raises(DeliveryError, match="429 Too Many Requests") as caught:
        send(example_message(), settings(funnelflow_receiver.url))
    assert (caught.value.retry_after, caught.value.gone) == (seconds, False)


def test_a_date_to_come_again_is_read(funnelflow_receiver):
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 90))
    funnelflow_receiver.answer = Answer(503, {"retry-after": later})
    with pytest.raises(DeliveryError) as caught:
        send(example_message(), settings(funnelflow_receiver.url))
    assert 80 < caught.value.retry_after <= 91


@pytest.mark.parametrize("status", [400, 404, 500, 503, 599])
def test_what_is_not_accepted_is_said_in_our_own_words(funnelflow_receiver, status):
    funnelflow_receiver.answer = Answer(status, body=b"\x1b[31mecho of your token")
    with pytest.raises(DeliveryError, match=f"127.0.0.1 answered {status}") as caught:
        send(example_message(), settings(funnelflow_receiver.url))
    assert "token" not in str(caught.value)


def test_a_connection_that_is_reset_is_told(serve):
    def behave(connection, _):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    said, _ = failure(serve(behave))
    assert "broke the connection off" in said


def test_nobody_there_is_told():
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(DeliveryError, match="refused the connection"):
        send(example_message(), settings(f"http://127.0.0.1:{port}/"))


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: a", b"HTTP/1.1"]
)
def test_an_answer_that_breaks_off_is_none(serve, answer):
    said, _ = failure(serve(says(answer)))
    assert "broke the connection off" in said or "no HTTP" in said


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 100])
def test_what_is_no_http_is_told(serve, answer):
    said, _ = failure(serve(says(answer)))
    assert "no HTTP" in said or "broke the connection off" in said


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, tls):
    server = serve(says(OK), tls("127.0.0.1"))
    said, _ = failure(server, 5, scheme="https")
    assert "the certificate of 127.0.0.1 is not trusted" in said
    assert server.received == []


def test_a_certificate_for_another_name_is_refused(serve, tls, trusted):
    server = serve(says(OK), tls("example.com"))
    with pytest.raises(DeliveryError, match="not trusted"):
        send(example_message(), settings(server.url("https"), ca_file=trusted))


def test_a_certificate_that_is_vouched_for_is_accepted(serve, tls, trusted):
    server = serve(says(OK), tls("127.0.0.1"))
    send(example_message(), settings(server.url("https"), ca_file=trusted))
    assert server.received[0].startswith(b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:")


def test_the_name_of_the_url_is_what_tls_and_http_are_told(serve, tls, trusted, monkeypatch):
    names = []
    context = tls("hooks.example.com")
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    server = serve(says(OK), context)
    place = (socket.AF_INET, ("127.0.0.1", server.port))
    monkeypatch.setattr("funnelflow_webhook.posting.resolve", lambda *_: [place])
    send(example_message(), Settings(url="https://hooks.example.com/x", ca_file=trusted))
    assert names == ["hooks.example.com"]
    assert b"\r\nHost: hooks.example.com\r\n" in server.received[0]


def test_a_handshake_that_hangs_has_the_same_deadline(serve):
    said, took = failure(serve(lambda _, stop: stop.wait(20)), 0.5, scheme="https")
    assert "did not answer within" in said
    assert took < 2


def test_a_proxy_of_the_environment_is_passed_by(funnelflow_receiver, serve, monkeypatch):
    proxy = serve(says(OK))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())
    send(example_message(), settings(funnelflow_receiver.url))
    assert len(funnelflow_receiver.requests) == 1
    assert proxy.received == []


def test_a_message_is_signed_to_standard_webhooks(funnelflow_receiver):
    send(example_message(), settings(funnelflow_receiver.url, secret=SECRET))
    (request,) = funnelflow_receiver.requests
    assert Webhook(SECRET).verify(request.body, dict(request.headers))["subject"] == "ada"
    assert request.headers["webhook-id"] == "msg_1"


def test_while_keys_change_over_both_receivers_are_satisfied(funnelflow_receiver):
    send(example_message(), settings(funnelflow_receiver.url, secret=SECRET, former_secret=FORMER))
    (request,) = funnelflow_receiver.requests
    for known in (SECRET, FORMER):
        Webhook(known).verify(request.body, dict(request.headers))


def test_without_a_secret_nothing_is_signed(funnelflow_receiver):
    send(example_message(), settings(funnelflow_receiver.url, authorization="Bearer t0ken"))
    (request,) = funnelflow_receiver.requests
    assert "webhook-signature" not in request.headers
    assert request.headers["authorization"] == "Bearer t0ken"
    assert request.headers["content-type"].startswith("application/cloudevents+json")


@pytest.mark.parametrize(
    "odd",
    [
        "short",
        "whsec_short",
        "whsec_" + "A" * 200,
        "not base64 ☃",
        f"v1,{SECRET}",
        f" {SECRET}",
        f"{SECRET}\n",
    ],
)
def test_a_secret_that_is_none_is_refused_without_being_told(odd):
    with pytest.raises(ValueError, match="secret is no secret of Standard Webhooks") as caught:
        Settings(url="https://example.com/", secret=odd)
    assert odd not in str(caught.value)


def test_a_header_cannot_be_smuggled_in(funnelflow_receiver):
    with pytest.raises(DeliveryError, match="header Authorization"):
        send(example_message(), settings(funnelflow_receiver.url, authorization="a\r\nX: b"))
    assert funnelflow_receiver.requests == []


class TestWebhook(NotifierContract):
    provider = next(iter(funnelflow_notifiers()))

    def working(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        return {"url": funnelflow_receiver.url, "secret": SECRET, "allow": ["127.0.0.1"]}

    def broken(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        funnelflow_receiver.answer = Answer(500)
        return {"url": funnelflow_receiver.url, "secret": SECRET, "allow": ["127.0.0.1"]}


def test_an_answer_may_come_behind_hints_of_it():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    answers = hints * 2 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_once, args=(server, answers))
        thread.start()
        send(
            example_message(),
            settings(f"http://127.0.0.1:{server.getsockname()[1]}/", secret=SECRET),
        )
        thread.join()


def answer_once(server, answers):
    """Take one request and send bytes."""
    connection, _ = server.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(answers)
