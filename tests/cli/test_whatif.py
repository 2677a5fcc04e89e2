"""``funnelflow whatif``, and what ``adopt`` shows of a version before it asks."""

import json
from xml.etree import ElementTree as ET

import pytest


@pytest.fixture
def told(workspace, call):
    """Tell of two leads; one has less money than a prospect needs."""
    for name, budget in (("rich", 9000), ("poor", 3500)):
        call("add", name, "email=a@example.com", "--at", "2026-03-01T09:00:00Z")
        call("record", name, "form_submitted", "--at", "2026-03-02T09:00:00Z")
        facts = (f"budget={budget}", "authority=decides", "horizon_days=30")
        call("record", name, "assessed", *facts, "--at", "2026-03-03T09:00:00Z")
    return workspace


def test_it_says_by_effect_and_over_the_evidence_whom_a_value_lets_in(told, call):
    done = call("whatif", "standard", "budget=3000")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "asked for 3,000, not for 5,000?" in done.stdout
    assert "proved to let in everybody it let in, and more" in done.stdout
    assert "lets in now: budget=3000" in done.stdout
    assert "+1 (0/0/1)" in done.stdout
    assert "such as poor" in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


def test_the_same_as_data_and_as_a_picture(told, call):
    done = call("whatif", "budget=3000,8000", "--json", "--svg", "curve.svg")
    found = json.loads(done.stdout)
    assert [
        (p["value"], p["let_in"]["count"]) for p in found["curve"] if p["value"] in {3000, 8000}
    ] == [
        (3000, 2),
        (8000, 1),
    ]
    assert found["effects"][0]["proved"] is True
    picture = (told / "curve.svg").read_text()
    assert "drawn by funnelflow" in picture
    assert ET.fromstring(picture).tag.endswith("svg")
    assert "5,000 (now)" in picture


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("budget=1", "replies=2"), "neither one FIELD=VALUE nor one changed definition"),
        (("budget=",), "neither one FIELD=VALUE"),
        (("standard", "budget=much"), "much"),
        (("nowhere",), "no definition"),
        (("standard", "--svg", "x.svg"), "only a threshold has a curve"),
    ],
)
def test_what_makes_no_sense_is_told(told, call, arguments, said):
    done = call("whatif", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_adoption_shows_it_before_it_asks(told, call):
    file = told / "definitions" / "standard.yaml"
    text = file.read_text()
    assert ">= 5000" in text
    file.write_text(text.replace(">= 5000", ">= 3000"))
    done = call("adopt", "standard")
    assert "By its effect" in done.stdout
    assert "Had it been in use all along" in done.stdout
    assert "+1 (0/0/1)" in done.stdout
    data = json.loads(call("adopt", "standard", "--json").stdout)
    assert data["what_if"]["effects"][0]["kind"] == "looser"
    assert json.loads(call("adopt", "standard", "--yes", "--json").stdout)["what_if"] is None
