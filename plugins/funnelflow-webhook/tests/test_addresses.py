"""Where messages are never sent: no spelling of an address gets through, and nothing connects."""

import socket
import threading
import time

import pytest
from funnelflow_webhook import posting, targets
from funnelflow_webhook.addresses import refusal
from funnelflow_webhook.posting import post
from funnelflow_webhook.targets import read_target, resolve

from funnelflow.plugins import DeliveryError

SPELLINGS = """
127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7f.0.0.1 0x7F.1 017700000001
0177.0.0.1 0177.1 127.0x1 0 0.0.0.0 0x0 00 0.1.2.3 10.0.0.1 10.1 167772161 0xa000001 012.0.0.1
172.16.0.1 172.31.255.255 0xac100001 2886729729 192.168.0.1 192.168.1 0xc0a80001 0300.0250.0.1
3232235521 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe
169.254.43518 169.16689662 025177524776 169.254.170.2 100.64.0.1 100.100.100.200 168.63.129.16
192.0.0.192 192.0.0.8 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255 0xffffffff
[::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:169.254.169.254]
[::ffff:a9fe:a9fe] [::ffff:10.0.0.1] [0:0:0:0:0:ffff:c0a8:1] [::127.0.0.1] [::a9fe:a9fe]
[64:ff9b::a9fe:a9fe] [64:ff9b::127.0.0.1] [64:ff9b::10.0.0.1] [64:ff9b:1::a9fe:a9fe]
[64:ff9b:1:ffff::1] [2002:a9fe:a9fe::] [2002:7f00:1::] [2002:c0a8:1::1] [2002:808:808::1]
[2001:0:a9fe:a9fe::] [2001::1] [2001:db8::1] [3fff::1] [2001:10::1] [2001:20::1] [fe80::1]
[febf::1] [fc00::1] [fd00:ec2::254] [fd12:3456::1] [fec0::1] [ff02::1] [ff0e::1] [100::1]
[5f00::1] [4000::1] [2620:4f:8000::1] [2a00::5efe:a9fe:a9fe] [2a00::200:5efe:7f00:1]
[::ffff:0:127.0.0.1] [fe80:0:0:0:0:0:0:1]
""".split()  # noqa: SIM905  # a list of so many is read better like this

PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 172.32.0.1 172.15.255.255 100.63.255.255 100.128.0.1 169.253.1.1
192.0.1.1 198.20.0.1 223.255.255.255 2606:4700:4700::1111 2a00:1450::1 ::ffff:8.8.8.8
64:ff9b::8.8.8.8
""".split()  # noqa: SIM905  # a list of so many is read better like this

NAMES = ["localhost", "localhost.", "LOCALHOST", "hooks.example.com", "a.b.example.com"]


@pytest.fixture(autouse=True)
def no_connections(monkeypatch):
    """Let every attempt to connect fail the test."""

    def connect(*_):
        raise AssertionError("something tried to connect")

    monkeypatch.setattr(posting.socket.socket, "connect", connect)


def try_to_post(host):
    return post(read_target(f"https://{host}/hook"), b"{}", {}, deadline=5)


def test_there_are_enough_spellings():
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_an_address_that_is_not_public_is_connected_to(host):
    with pytest.raises(DeliveryError, match=r"leads to an address that is|cannot be resolved"):
        try_to_post(host)


@pytest.mark.parametrize("host", SPELLINGS)
def test_what_the_system_reads_of_a_spelling_is_refused(host):
    """So that the test before does not pass for want of a resolver that knows the spelling."""
    bare = host.strip("[]")
    try:
        found = socket.getaddrinfo(bare, 443, flags=socket.AI_NUMERICHOST)
    except OSError:
        pytest.skip("the system does not read it as an address")
    assert all(refusal(place[0]) for *_, place in found)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address):
    assert refusal(address) == ""


@pytest.mark.parametrize("host", NAMES)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00::1"])
def test_a_name_that_leads_inside_is_refused_after_resolving(monkeypatch, host, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    resolving(monkeypatch, [(family, address)])
    with pytest.raises(DeliveryError, match="leads to an address that is"):
        try_to_post(host)


def test_one_bad_address_among_good_ones_refuses_the_name(monkeypatch):
    resolving(monkeypatch, [(socket.AF_INET, "8.8.8.8"), (socket.AF_INET, "10.0.0.1")])
    with pytest.raises(DeliveryError, match="leads to an address that is private"):
        try_to_post("hooks.example.com")


def test_the_address_that_was_looked_at_is_the_one_connected_to(monkeypatch):
    answers = [[(socket.AF_INET, "8.8.8.8")], [(socket.AF_INET, "127.0.0.1")]]
    asked, connected = [], []

    def getaddrinfo(host, port, *_, flags=0, **__):
        if flags:
            raise socket.gaierror
        asked.append(host)
        return [(f, socket.SOCK_STREAM, 6, "", (a, port)) for f, a in answers[len(asked) - 1]]

    def connect(_, place):
        connected.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(targets.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(posting.socket.socket, "connect", connect)
    with pytest.raises(DeliveryError, match="refused the connection"):
        try_to_post("hooks.example.com")
    assert (asked, connected) == (["hooks.example.com"], [("8.8.8.8", 443)])


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    gate = threading.Event()

    def getaddrinfo(*_, flags=0, **__):
        if flags:
            raise socket.gaierror
        gate.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(targets.socket, "getaddrinfo", getaddrinfo)
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="not resolved in time"):
        resolve(read_target("https://slow.example.com/"), began + 0.2)
    assert time.monotonic() - began < 2
    gate.set()


def test_a_host_is_allowed_by_its_name_and_no_other_is(monkeypatch):
    resolving(monkeypatch, [(socket.AF_INET, "10.0.0.1")])
    allowed = read_target("https://inside.example.com/", ["inside.example.com"])
    assert resolve(allowed, time.monotonic() + 5)[0][1] == ("10.0.0.1", 443)
    for other in ("https://example.com/", "https://x.inside.example.com/"):
        with pytest.raises(DeliveryError):
            resolve(read_target(other, ["inside.example.com"]), time.monotonic() + 5)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "",
        "https://",
        "https:///x",
        "https://user:pass@example.com/",
        "https://example.com@10.0.0.1/",
        "https://example.com\\@10.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Header: 1",
        "https://example.com:99999/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://example。com/",
        "https://①②⑦.⓪.⓪.①/",
        f"https://example.com/{'x' * 3000}",
    ],
)
def test_a_url_that_is_not_plain_is_refused(url):
    with pytest.raises(ValueError, match=r"^url "):
        read_target(url)


def test_what_is_wrong_with_a_url_is_said_without_its_secrets():
    with pytest.raises(ValueError, match="user") as caught:
        read_target("https://me:hunter2@example.com/t0ken")
    assert "hunter2" not in str(caught.value)
    assert "t0ken" not in str(caught.value)


def resolving(monkeypatch, answers):
    """Let every name lead to these addresses."""

    def getaddrinfo(_host, port, *_, flags=0, **__):
        if flags:
            raise socket.gaierror
        return [(family, socket.SOCK_STREAM, 6, "", (a, port)) for family, a in answers]

    monkeypatch.setattr(targets.socket, "getaddrinfo", getaddrinfo)
