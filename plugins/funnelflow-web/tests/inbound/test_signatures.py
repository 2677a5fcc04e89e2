"""Signatures: those that the specifications show are right, and no other one is."""

import datetime as dt
import hashlib
import hmac
import re
import time
import tomllib
from pathlib import Path

import pytest
import standardwebhooks.webhooks
from attrs import evolve
from funnelflow_web.inbound.signatures import Incoming, NotProvedError, check_sender
from funnelflow_web.inbound.sources import read_sources
from funnelflow_web.settings import WebSettings
from hypothesis import given
from hypothesis import strategies as st
from web_senders import FORGERIES, ORIGIN, SECRETS, SETTINGS, Happened, forge, form, send, signed

from funnelflow import ConfigurationError
from funnelflow.plugins import read_settings

SOURCES = read_sources(SETTINGS)
ONE = Happened(1, "ada", 1_760_000_000)
KINDS = [*SECRETS]


def sound(kind):
    """Give a sound delivery of a kind, of now."""
    return form({"email": "ada@example.com"}) if kind == "form" else send(kind, ONE)


def check(delivery, now=None, **changed):
    """Check who sent a delivery."""
    source = SOURCES[delivery.source]
    now = dt.datetime.now(dt.UTC) if now is None else now
    return check_sender(evolve(source, **changed) if changed else source, delivery.incoming(), now)


def test_the_example_of_standard_webhooks_is_right(monkeypatch):
    when = 1614265330

    class Then(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return dt.datetime.fromtimestamp(when, tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)
    source = read_sources(
        {"x": {"kind": "json", "mapping": "m", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}
    )["x"]
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(when),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    incoming = Incoming(headers, b'{"test": 2432232314}')
    assert check_sender(source, incoming, Then.now(dt.UTC)) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_the_example_of_hubspot_is_right():
    source = read_sources(
        {
            "crm": {
                "kind": "hubspot",
                "secret": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
                "url": "https://www.example.com/webhook_uri",
            }
        }
    )["crm"]
    headers = {
        "x-hubspot-signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
        "x-hubspot-request-timestamp": "1693657560000",
    }
    incoming = Incoming(headers, b"{'example_field':'example_value'}")
    then = dt.datetime.fromtimestamp(1693657560, dt.UTC)
    assert check_sender(source, incoming, then) == ""
    for late in (301, -301):
        with pytest.raises(NotProvedError):
            check_sender(source, incoming, then + dt.timedelta(seconds=late))


def test_the_examples_of_hmac_sha1_are_right():
    """Segment has no example; what it signs with has some, in RFC 2202."""
    examples = {
        b"Jefe": (b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        b"\x0b" * 20: (b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    }
    for key, (text, made) in examples.items():
        assert hmac.new(key, text, hashlib.sha1).hexdigest() == made
    sent = send("segment", ONE)
    assert sent.headers["X-Signature"] == (
        hmac.new(SECRETS["segment"].encode(), sent.body, hashlib.sha1).hexdigest()
    )
    check(sent)


@pytest.mark.parametrize("kind", SETTINGS)
def test_what_a_source_sends_is_proved(kind):
    delivery = sound(kind)
    assert check(delivery) == delivery.headers.get("Webhook-Id", "")


@pytest.mark.parametrize("how", range(len(FORGERIES)))
@pytest.mark.parametrize("kind", SETTINGS)
def test_what_is_forged_is_not(kind, how):
    with pytest.raises(NotProvedError):
        check(forge(sound(kind), how))


def test_a_token_counts_as_a_token_alone():
    sent = send("json", ONE)
    for said in (f"Basic {SECRETS['json']}", SECRETS["json"], f"Bearer {SECRETS['json']} x"):
        with pytest.raises(NotProvedError):
            check(evolve(sent, headers={**sent.headers, "Authorization": said}))


@pytest.mark.parametrize("kind", ["cloudevents", "standard-webhooks", "hubspot"])
@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
def test_what_was_signed_at_another_time_is_not(kind, minutes):
    with pytest.raises(NotProvedError):
        check(send(kind, ONE, time.time() - minutes * 60))


@pytest.mark.parametrize("said", ["", "soon", "nan", "-1", "1e999", "9" * 400, "٣" * 13])
def test_a_time_that_is_none_proves_nothing(said):
    for kind, name in (
        ("standard-webhooks", "Webhook-Timestamp"),
        ("hubspot", "X-HubSpot-Request-Timestamp"),
    ):
        sent = send(kind, ONE)
        with pytest.raises(NotProvedError):
            check(evolve(sent, headers={**sent.headers, name: said}))


@pytest.mark.parametrize("kind", KINDS)
def test_the_former_secret_counts_while_there_is_one(kind):
    other = SECRETS[kind].replace("a", "b").replace("y", "z")
    check(send(kind, ONE), secret=other, former_secret=SECRETS[kind])
    with pytest.raises(NotProvedError):
        check(send(kind, ONE), secret=other)


def test_hubspot_signs_the_address_with_what_stands_behind_it():
    sent = send("hubspot", ONE)
    with pytest.raises(NotProvedError):
        check(evolve(sent, query="a=1"))


def test_no_page_of_another_site_sends_a_form():
    for origin in ("https://evil.example", "null", ORIGIN + ".evil.example", ORIGIN.upper()):
        sent = signed("form", b"email=a%40b.c")
        with pytest.raises(NotProvedError):
            check(evolve(sent, headers={**sent.headers, "Origin": origin}))


@given(st.sampled_from(KINDS), st.binary(max_size=80), st.text(max_size=40))
def test_nothing_at_random_is_proved_and_nothing_else_is_raised(kind, body, said):
    sent = send(kind, ONE)
    headers = dict.fromkeys(sent.headers, said)
    with pytest.raises(NotProvedError):
        check(evolve(sent, headers=headers, body=body))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "fax"}, "must be one of"),
        ({"kind": "json", "secret": "x" * 20}, "name a mapping"),
        ({"kind": "segment"}, "secret' is missing"),
        ({"kind": "segment", "secret": "short"}, "16 characters"),
        ({"kind": "segment", "secret": "${NOT_THERE}"}, "NOT_THERE"),
        ({"kind": "cloudevents", "secret": "v1,whsec_abc"}, "no secret of Standard Webhooks"),
        ({"kind": "hubspot", "secret": "x" * 36}, "the address that HubSpot was given"),
        ({"kind": "hubspot", "secret": "x" * 36, "proof": "bearer"}, "must be one of hubspot"),
        ({"kind": "form"}, "origins must name"),
        ({"kind": "form", "origins": ["https://a.example/page"]}, "is no origin"),
        ({"kind": "form", "origins": ["https://a.example"], "thanks": "javascript:x"}, "address"),
        ({"kind": "segment", "secret": "x" * 20, "colour": "blue"}, "no setting 'colour'"),
        ({"kind": "segment", "secret": "x" * 20, "max_size": 0}, "max_size must be"),
    ],
)
def test_a_source_that_cannot_be_used_is_said(settings, words):
    with pytest.raises(ConfigurationError, match=words) as raised:
        read_sources({"x": settings})
    assert "x" * 16 not in str(raised.value)


@pytest.mark.parametrize("name", ["../x", "a b", "", "ä"])
def test_a_source_is_called_as_an_address_can_be(name):
    with pytest.raises(Exception, match="name of a source"):
        read_sources({name: SETTINGS["json"]})


def test_a_secret_is_read_from_a_file_each_time(tmp_path):
    path = tmp_path / "secret"
    path.write_text("a-secret-of-the-tests\n")
    settings = {"kind": "segment", "secret_file": "secret"}
    source = read_sources({"x": settings}, tmp_path)["x"]
    assert source.secrets == ("a-secret-of-the-tests",)
    path.unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        _ = source.secrets


def test_no_secret_is_shown():
    assert all(secret not in repr(SOURCES) for secret in SECRETS.values())


def test_the_sources_of_the_readme_can_be_used(monkeypatch):
    monkeypatch.setenv("CRM_SECRET", "x" * 36)
    monkeypatch.setenv("SHOP_TOKEN", "x" * 36)
    monkeypatch.setenv("OIDC_SECRET", "x" * 36)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    tables = [tomllib.loads(block)["plugins"]["web"] for block in blocks]
    assert set(read_sources(tables[0]["sources"])) == {"newsletter", "crm", "shop"}
    logins = [read_settings(WebSettings, table, str).value for table in tables[1:]]
    said = [(one.login, one.missing()) for one in logins if one.login]
    assert said == [("oidc", ""), ("proxy", "")]
