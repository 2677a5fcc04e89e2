"""The same contact in everybody's words: compare, story, glossary and translate."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.definition import shipped_definitions

STORIES = sorted((Path(__file__).parents[2] / "examples" / "stories").glob("*.yaml"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A workspace with the contacts of the demo, made once."""
    directory = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        assert CliRunner().invoke(app, ["demo"]).exit_code == 0
    return directory / "funnelflow-demo"


@pytest.fixture
def demo_call(demo, call, monkeypatch):
    """Run a command in the demo's workspace, which no test changes."""
    monkeypatch.chdir(demo)
    return call


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_stories_of_the_examples_end_where_they_say(call, path):
    done = call("story", str(path))
    assert done.exit_code == 0, done.output


def test_a_story_is_a_table_of_stages_over_time(call, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("story: A look\nwhen: [content_viewed: {topic: product}]\n")
    lines = call("story", str(path), "outreach", "dialogue").stdout.splitlines()
    assert lines[0] == "A look"
    assert lines[2].split() == ["outreach", "dialogue"]
    assert lines[4].split() == ["content_viewed", "topic=product", "prospect", "target"]


def test_a_story_that_ends_elsewhere_is_a_no(call, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("story: A look\nwhen: [content_viewed]\nthen: {dialogue: prospect}\n")
    done = call("story", str(path))
    assert (done.exit_code, done.stderr) == (1, "dialogue ends in target, not prospect\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("story: x\n", "a story needs the key 'when'"),
        ("story: x\nwhen: []\nthem: {}\n", "a story has no key 'them'"),
        ("- a\n", "this is no story"),
        ("story: x\nwhen: [{move: }]\n", "s.yaml:2"),
    ],
)
def test_what_is_no_story_is_reported_with_its_place(call, tmp_path, text, says):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    done = call("story", str(path), "dialogue")
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.output


def test_compare_says_what_each_asks_of_a_prospect(call):
    out = call("compare", "qualified", "dialogue").stdout
    prospect = out[out.index("PROSPECT (also: sales prospect)") :]
    assert "Both ask for fit with our profile." in prospect
    assert "Only dialogue asks for engagements since they gave their details, the" in prospect
    assert "qualified says prospect, dialogue says target: “All answers together" in prospect
    assert "kappa -0.06" in prospect
    assert "Forced moves" in prospect
    assert "sometimes" not in out


def test_compare_gives_what_is_proved_and_what_is_seen_as_data(call):
    data = json.loads(call("compare", "hubspot-lifecycle", "salesforce-lead", "--json").stdout)
    (one,) = data["pairs"]
    cells = {(c["first"], c["second"]): c for c in one["cells"]}
    assert {cell["often"] for cell in one["cells"]} == {"always", "never", "seen", "not seen"}
    assert all(cell["proved"] == (cell["often"] in ("always", "never")) for cell in one["cells"])
    assert cells["opportunity", "converted"]["often"] == "always"
    assert all(word["proved"] for word in data["words"])


def test_compare_of_several_draws_one_table_a_word_and_how_far_every_two_agree(call):
    out = call("compare", "qualified", "dialogue", "levels").stdout
    prospect = out[out.index("PROSPECT") :]
    assert "qualified and dialogue ask for fit with our profile." in prospect
    assert "In dialogue and levels everybody has been a lead before." in prospect
    assert "qualified and levels" in prospect


def test_compare_fits_eighty_columns(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for names in (("qualified", "dialogue"), ("demand-waterfall", "hubspot-lifecycle", "levels")):
        out = call("compare", *names).stdout
        assert max(map(len, out.splitlines())) <= 80


def test_compare_refuses_a_definition_beside_itself(call):
    done = call("compare", "dialogue", "dialogue")
    assert done.exit_code == 2
    assert "named twice" in done.stderr


def test_two_versions_of_one_definition_are_compared_by_what_was_typed(call, tmp_path):
    text = (shipped_definitions() / "standard.yaml").read_text()
    path = tmp_path / "standard.yaml"
    path.write_text(text.replace("contact.budget >= 5000", "contact.budget >= 3000"))
    (tmp_path / "vocabularies").mkdir()
    vocabulary = shipped_definitions() / "vocabularies" / "standard.yaml"
    (tmp_path / "vocabularies" / "standard.yaml").write_text(vocabulary.read_text())
    (one,) = json.loads(call("compare", "standard", str(path), "--json").stdout)["pairs"]
    assert (one["first"], one["second"]) == ("standard", str(path))


def test_compare_counts_contacts_as_translate_does(demo_call):
    translated = demo_call("translate", "--all", "--to", "dialogue").stdout
    number = int(re.search(r"([\d,]+) not certain", translated)[1].replace(",", ""))
    out = demo_call("compare", "standard", "dialogue", "--contacts").stdout
    assert f"not certain: 28 in standard, {number} in dialogue" in out
    assert "136 (10?)" in out
    assert "The one criterion that makes" in out
    assert "c-0" not in out


def test_translate_says_which_evidence_took_the_contact_there(demo_call):
    out = demo_call("translate", "c-0021", "--to", "dialogue").stdout
    assert "Since 20" in out
    assert "was disqualified" in out
    assert "It asks for: A reason is given." in out
    data = json.loads(demo_call("translate", "c-0021", "--to", "dialogue", "--json").stdout)
    assert data["came_by"]["to"] == data["translated"]


def test_compare_draws_a_heat_map(call, tmp_path):
    path = tmp_path / "words.svg"
    assert (
        call("compare", "hubspot-lifecycle", "salesforce-lead", "--svg", str(path)).exit_code == 0
    )
    picture = ET.parse(path).getroot()
    texts = [e.text for e in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "customer" in texts
    assert "never" in texts
    assert "not seen" in texts
    assert call("compare", "synonym", "dialogue", "--svg", str(path)).exit_code == 0
    assert "dialogue" in path.read_text()


def test_a_picture_takes_the_place_of_no_file_that_is_none(call, tmp_path):
    path = tmp_path / "funnelflow.db"
    path.write_bytes(b"SQLite format 3\x00")
    draw = ("compare", "synonym", "dialogue", "--svg", str(path))
    done = call(*draw)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is there, and funnelflow has not drawn it" in done.stderr
    assert path.read_bytes() == b"SQLite format 3\x00"
    assert call(*draw, "--force").exit_code == 0
    assert ET.parse(path).getroot().get("role") == "img"
    assert [p.name for p in tmp_path.iterdir()] == ["funnelflow.db"]


@pytest.mark.parametrize("names", [(), ("dialogue",), ("a", "b", "c", "--svg", "x.svg")])
def test_compare_asks_for_two(call, names):
    done = call("compare", *names)
    assert done.exit_code == 2
    assert "name two definitions" in done.stderr


def test_a_glossary_says_what_each_definition_means_by_a_word(call):
    out = call("glossary", "outreach", "dialogue").stdout
    assert "PROSPECT" in out
    assert "  outreach: prospect" in out
    assert "  dialogue: prospect" in out


def test_a_glossary_is_a_page_that_escapes_what_it_holds(call, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "funnel: mine\nvocabulary: standard\ninitial: a\nstages:\n"
        "  a: {about: '<script>1</script>'}\n  b: {type: won}\n"
        "transitions:\n  - {from: a, to: b, on: purchased}\n"
    )
    page = call("glossary", str(path), "dialogue", "--html").stdout
    HTMLParser().feed(page)
    assert page.startswith("<!doctype html>")
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_a_translation_names_the_questions_that_would_settle_it(call, ada):
    data = json.loads(call("translate", ada, "--to", "qualified", "--json").stdout)
    assert data["contact"] == "ada"
    assert data["translated"].startswith("lead")
    assert data["flagged"] == bool(data["questions"])


def test_translating_everybody_counts_each_contact_once(call, ada):
    call("add", "bob")
    data = json.loads(call("translate", "--all", "--to", "dialogue", "--json").stdout)
    assert data["contacts"] == 2
    assert sum(cell["contacts"] for cell in data["cells"]) == 2


def test_comparing_over_contacts_counts_each_contact_once(call, ada):
    call("add", "bob")
    done = call("compare", "outreach", "dialogue", "--contacts", "--json")
    (matrix,) = json.loads(done.stdout)
    assert (matrix["from"], matrix["to"], matrix["contacts"]) == ("outreach", "dialogue", 2)
    lines = call("compare", "outreach", "dialogue", "--contacts").stdout.splitlines()
    assert lines[0].startswith("outreach \\ dialogue")
    assert any(line.startswith("2 contacts; ") for line in lines)


def test_translating_changes_nothing(call, ada):
    before = call("history", ada, "--json").stdout
    call("translate", ada, "--to", "dialogue")
    call("translate", "--all", "--to", "dialogue")
    assert call("history", ada, "--json").stdout == before


@pytest.mark.parametrize("arguments", [(), ("ada", "--all")], ids=["none", "both"])
def test_translate_takes_one_contact_or_all(call, ada, arguments):
    done = call("translate", *arguments, "--to", "dialogue")
    assert (done.exit_code, "say either one contact or --all" in done.stderr) == (2, True)


def test_a_contact_or_a_funnel_that_is_not_there_is_named(call, ada):
    assert "did you mean 'ada'?" in call("translate", "adaa", "--to", "dialogue").stderr
    done = call("translate", "--all", "--from", "standrad", "--to", "dialogue")
    assert (done.exit_code, "did you mean 'standard'?" in done.stderr) == (2, True)
