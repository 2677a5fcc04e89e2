"""Reports as files: a page and pictures, which take the place of nothing that is not ours."""

import html
import json
import os
import re
import shlex
import xml.etree.ElementTree as ET

import pytest


def test_a_report_is_written_as_one_page(ada, workspace, call):
    done = call("report", "--html", "report.html", "--period", "week")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "drawn: report.html\n")
    page = (workspace / "report.html").read_text(encoding="utf-8")
    assert ">1 contact, as of " in page
    assert "funnelflow report --funnel standard --period week --who stage/lead" in page
    assert call("report", "--html", "report.html").exit_code == 0
    assert "--period" not in (workspace / "report.html").read_text(encoding="utf-8")


def test_the_commands_of_a_page_list_the_contacts_of_its_numbers(ada, workspace, call):
    call("report", "--html", "report.html", "--by", "budget")
    page = html.unescape((workspace / "report.html").read_text(encoding="utf-8"))
    commands = re.findall(r"<code>(funnelflow report [^<\n]*)</code>", page)
    assert len(commands) > 60
    for command in commands[::9]:
        done = call(*shlex.split(command)[1:], "--json")
        assert done.exit_code == 0, command
    assert "ada" in call(*shlex.split(commands[0])[1:-1], "stage/lead").stdout


def test_a_page_is_its_owners_alone_until_they_say_otherwise(ada, workspace, call):
    before = os.umask(0o022)
    try:
        call("report", "--html", "report.html")
        page = workspace / "report.html"
        assert page.stat().st_mode & 0o777 == 0o600
        page.chmod(0o644)
        call("report", "--html", "report.html")
        assert page.stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_a_page_takes_the_place_of_no_file_that_is_none(ada, workspace, call):
    before = (workspace / "funnelflow.db").read_bytes()
    done = call("report", "--html", "funnelflow.db")
    assert done.exit_code == 2
    assert "funnelflow.db is there, and funnelflow has not drawn it" in done.stderr
    assert (workspace / "funnelflow.db").read_bytes() == before


def test_the_pictures_of_a_report_go_into_a_directory(ada, workspace, call):
    assert call("report", "--svg", "deep/pictures").exit_code == 0
    drawn = sorted((workspace / "deep" / "pictures").iterdir())
    assert {"definition", "flow", "funnel", "matrix", "stages"} <= {path.stem for path in drawn}
    assert {ET.parse(path).getroot().get("role") for path in drawn} == {"img"}
    assert call("report", "--svg", "deep/pictures").exit_code == 0
    drawn[0].write_text("mine")
    assert call("report", "--svg", "deep/pictures").exit_code == 2
    assert call("report", "--svg", "deep/pictures", "--force").exit_code == 0
    assert "mine" not in drawn[0].read_text()


def test_a_report_that_is_drawn_is_answered_as_data_too(ada, workspace, call):
    done = call("report", "--html", "report.html", "--json")
    assert [one["funnel"] for one in json.loads(done.stdout)["funnels"]] == ["standard"]
    assert (workspace / "report.html").exists()


@pytest.mark.parametrize(
    "other", [("--who", "contacts"), ("--compare", "standard", "dialogue"), ("--watch",)]
)
def test_what_is_no_report_is_not_drawn_and_not_silently(ada, workspace, call, other):
    done = call("report", "--html", "report.html", *other)
    assert done.exit_code == 2
    assert "draw a report" in done.stderr
    assert not (workspace / "report.html").exists()


def test_a_report_of_nobody_is_drawn(workspace, call):
    assert call("report", "--html", "report.html").exit_code == 0
    assert ">0 contacts, as of " in (workspace / "report.html").read_text(encoding="utf-8")
