"""The report as a page: it loads and runs nothing, says everything, and stays small."""

import base64
import hashlib
import re
import shlex
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from attrs import evolve

from funnelflow.report import definition_of, stage_pictures
from funnelflow.report.markup import clean
from funnelflow.report.number_words import share_words
from funnelflow.report.page import report_page
from funnelflow.report.page_sections import sections_of
from funnelflow.report.records import Number
from funnelflow.report.sections import PluginNumber
from funnelflow.report.stage_pictures import definition_picture

from .pictured import HOSTILE, ONE_STAGE, counted, linked_of

VOID = {"meta", "link", "br", "rect", "line", "path", "circle"}


class Read(HTMLParser):
    """Reads a page: its elements, their attributes, its text, and whether all that opens closes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        """Return the attributes of the elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def linked(tmp_path):
    """Give a definition with one of everything."""
    return linked_of(tmp_path)


@pytest.fixture
def hostile(linked):
    """Give a report whose titles, labels and values are hostile."""
    report = counted(linked, by="source", sources=(HOSTILE, "x" * 9_000, ""))
    return evolve(
        report,
        title=HOSTILE,
        stages=tuple(evolve(one, title=HOSTILE) for one in report.stages),
        conversion=tuple(evolve(one, title=HOSTILE) for one in report.conversion),
        time_in_stage=tuple(evolve(one, title=HOSTILE) for one in report.time_in_stage),
        ageing=tuple(evolve(one, title=HOSTILE) for one in report.ageing),
        blockers=tuple(evolve(one, label=HOSTILE) for one in report.blockers),
        plugin_numbers=(
            PluginNumber("mine", HOSTILE, 1.5, 3, HOSTILE, HOSTILE, HOSTILE),
            PluginNumber("broken", "Broken", None, 0, "", "What it would be", "p", HOSTILE),
        ),
    )


def test_a_page_loads_nothing_and_runs_nothing(linked):
    page = report_page([counted(linked)], definitions={"standard-like": linked})
    read = Read(page)
    (css,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    (policy,) = [one["content"] for one in read.of("meta") if "http-equiv" in one]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert {tag for tag, _ in read.elements} & {
        "script",
        "iframe",
        "object",
        "img",
        "form",
    } == set()
    assert [a for _, a in read.elements if any(k.startswith("on") or k == "style" for k in a)] == []
    assert [one["href"] for one in read.of("a") if not one["href"].startswith("#")] == []
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in css


def test_every_link_of_a_page_leads_somewhere_and_no_id_stands_twice(linked):
    reports = [counted(linked), evolve(counted(linked, 5), funnel="other")]
    read = Read(report_page(reports, definitions={"standard-like": linked}))
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {one["href"][1:] for one in read.of("a")}
    named |= {one[k] for one in read.of("svg") for k in ("aria-labelledby", "aria-describedby")}
    assert named <= set(ids)


def test_every_picture_has_a_table_behind_it(linked):
    sections = list(sections_of(counted(linked, by="source"), linked))
    names = [picture.name for section in sections for picture in section.pictures]
    assert {
        "blocker-1",
        "funnel",
        "matrix",
        "flow",
        "cohorts",
        "survival",
        "time-in-stage",
        "trend",
    } <= {*names}
    assert len(names) == len({*names})
    assert [s.title for s in sections if s.pictures and not any(t.rows for t in s.tables)] == []


def test_every_number_of_a_page_is_explained_and_its_contacts_can_be_listed(linked):
    report = counted(linked)
    page = report_page([report], options={"at": "2026-03-01 09:00", "period": None})
    text = "\n".join(Read(page).texts)
    commands = {
        words[-1]
        for one in text.splitlines()
        if (words := shlex.split(one) if one.startswith("funnelflow") else [])
    }
    assert "funnelflow report --funnel standard-like --at '2026-03-01 09:00' --who" in text
    names = {
        cell.name
        for section in sections_of(report)
        for table in section.tables
        for row in table.rows
        for cell in row
        if cell.name
    }
    assert names - commands == {"velocity"}
    assert [name for name in names if definition_of(name).text not in text] == []


def test_what_the_data_says_stands_there_as_text(hostile):
    page = report_page([hostile])
    read = Read(page)
    assert read.open == []
    assert "script" not in {tag for tag, _ in read.elements}
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page
    )
    assert clean(HOSTILE) in read.texts
    assert "x" * 300 not in page


def test_of_too_many_ways_those_that_were_taken_most_are_drawn(linked, monkeypatch):
    monkeypatch.setattr(stage_pictures, "MOST_ARROWS", 4)
    report = counted(linked, 30)
    body = definition_picture(linked, {}, report.flow).body
    assert "4 of 12 ways are drawn, those taken most" in body
    assert "not taken" not in body


def test_a_picture_says_of_each_criterion_how_many_lack_it(linked):
    (section,) = (one for one in sections_of(counted(linked)) if one.key == "blockers")
    (blocker,) = counted(linked).blockers
    body = section.pictures[0].body
    for one in blocker.criteria:
        assert one.label in body
        assert f"{share_words(one.unmet)} not met, {share_words(one.unknown)} unknown" in body


def test_ways_of_another_version_are_not_drawn_into_a_definition(linked):
    flow = counted(linked).flow
    moves = (*flow.moves, evolve(flow.moves[0], source="target", to="gone"))
    picture = definition_picture(linked, {}, evolve(flow, moves=moves))
    assert "gone" not in picture.body


def test_pictures_of_hostile_names_are_xml(hostile, linked):
    for section in sections_of(hostile, linked):
        for picture in section.pictures:
            root = ET.fromstring(picture.file())
            assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}


def test_a_share_of_few_is_marked_and_said_as_a_count(linked):
    page = report_page([counted(linked, 5)])
    assert 'class="few">few<' in page
    assert "5 of 5" in page
    assert "100\N{NO-BREAK SPACE}%" not in page


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("text", [None, ONE_STAGE], ids=["many stages", "one stage"])
def test_nobody_and_one_contact_and_one_stage_are_drawn(tmp_path, text, count):
    linked = linked_of(tmp_path, *([text] if text else []))
    report = counted(linked, count)
    page = report_page([report], definitions={report.funnel: linked})
    assert Read(page).open == []
    for section in sections_of(report, linked):
        for picture in section.pictures:
            ET.fromstring(picture.file())


def test_a_page_of_no_funnel_says_so():
    assert "no funnel" in report_page([])


def test_a_page_stays_below_two_megabytes_and_says_what_it_leaves_out(tmp_path):
    stages = ", ".join(f"stage_{n}: {{title: '{'long ' * 12}{n}'}}" for n in range(150))
    text = ONE_STAGE.replace("only: {}", stages).replace("initial: only", "initial: stage_0")
    ways = "".join(
        f"  - {{from: stage_{n}, to: stage_{(n * 7 + 3) % 150}, on: seen}}\n" for n in range(150)
    )
    linked = linked_of(tmp_path, text.replace("transitions: []", f"transitions:\n{ways}"))
    report = counted(linked, 200)
    reports = [evolve(report, funnel=f"f-{n}") for n in range(3)]
    page = report_page(reports, definitions={one.funnel: linked for one in reports})
    assert len(page.encode()) < 2_000_000
    assert "Left out, as the page would grow too large" in page
    assert Read(page).open == []


def test_of_many_rows_a_page_says_how_many_it_leaves_out(linked):
    report = counted(linked)
    values = tuple(
        evolve(report.win_rates.sources[0], label=f"v{n}", count=Number(f"source/=v{n}", 1, 900))
        for n in range(900)
    )
    page = report_page([evolve(report, win_rates=evolve(report.win_rates, sources=values))])
    assert "700 more rows are left out." in page
    assert "more, named alike" in page
