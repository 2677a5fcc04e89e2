"""Pages and pictures in a real browser: what is seen, on which screens, and that nothing runs.

Debian's Chromium, without a window and without a network; skipped where there is none. With
FUNNELFLOW_SCREENSHOTS=DIRECTORY what is seen is kept there, to be looked at.
"""

import os
import shutil
from pathlib import Path

import pytest
from attrs import evolve

from funnelflow.report.page import report_page
from funnelflow.report.page_sections import sections_of
from funnelflow.report.svg_writer import style

from .pictured import HOSTILE, ONE_STAGE, counted, linked_of

SCREENSHOTS = os.environ.get("FUNNELFLOW_SCREENSHOTS", "")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1280}
PAPER = 718
"""A4 without its margins, at 96 dots an inch."""
SERIOUS = {"serious", "critical"}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")

OVERLAPS = """
() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map(e => [e, e.getBoundingClientRect()]);
    for (const [e, box] of texts) {
      if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1
          || box.top < frame.top - 1 || box.bottom > frame.bottom + 1))
        found.push(["outside", svg.id || svg.getAttribute("aria-labelledby"), e.textContent]);
      if (e.closest("[transform*=rotate]")) continue;
      for (const [other, area] of texts) {
        if (other === e || other.closest("[transform*=rotate]")) continue;
        const across = Math.min(box.right, area.right) - Math.max(box.left, area.left);
        const down = Math.min(box.bottom, area.bottom) - Math.max(box.top, area.top);
        if (across > 1 && down > 4)
          found.push(["over", e.textContent, other.textContent]);
      }
    }
  }
  return found;
}
"""
"""Returns texts of pictures that stand outside of them or on each other."""


@pytest.fixture(scope="module")
def browser():
    """Start a browser with a fresh profile."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # only where there is a browser

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Looked:
    """A page in the browser, with all that it did besides being seen."""

    def __init__(self, browser, path, width=1280, scheme="light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        self.page = self.context.new_page()
        self.did = []
        self.requests = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.did.append(message.text))
        self.page.on("dialog", lambda dialog: (self.did.append("dialog"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.did.append(str(error)))
        self.page.goto(path.as_uri())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write a page about made-up contacts."""
    directory = tmp_path_factory.mktemp("page")
    linked = linked_of(directory)
    report = counted(linked, 200, by="source", days=200)
    path = directory / "report.html"
    page = report_page([report], definitions={report.funnel: linked})
    path.write_text(page, encoding="utf-8")
    return path


def keep(name, image):
    """Keep what is seen, where somebody wants to look at it; returns whether anything is."""
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        (Path(SCREENSHOTS) / f"{name}.png").write_bytes(image)
    return len(image) > 20_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
def test_a_page_is_readable_on_every_screen_in_light_and_dark(browser, written, device, scheme):
    with Looked(browser, written, WIDTHS[device], scheme) as looked:
        assert keep(f"report-{device}-{scheme}", looked.page.screenshot(full_page=True))
        assert looked.page.evaluate("document.documentElement.scrollWidth") == WIDTHS[device]
        assert (looked.requests, looked.did) == ([written.as_uri()], [])


@pytest.mark.parametrize(("device", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_axe_core_finds_nothing_serious(browser, tmp_path, device, scheme):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # needs the browser

    linked = linked_of(tmp_path)
    report = counted(linked, 40, days=25)
    path = tmp_path / "short.html"
    path.write_text(report_page([report], definitions={report.funnel: linked}), encoding="utf-8")
    with Looked(browser, path, WIDTHS[device], scheme) as looked:
        looked.page.eval_on_selector_all("details", "all => all.forEach(e => e.open = true)")
        only = {"resultTypes": ["violations"]}
        found = Axe().run(looked.page, options=only).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS] == []


def test_dark_is_dark(browser, written):
    grounds = []
    for scheme in ("light", "dark"):
        with Looked(browser, written, scheme=scheme) as looked:
            ground = "getComputedStyle(document.body).backgroundColor"
            bar = "getComputedStyle(document.querySelector('svg .bar')).fill"
            grounds.append((looked.page.evaluate(ground), looked.page.evaluate(bar)))
    assert grounds == [
        ("rgb(255, 255, 255)", "rgb(11, 110, 153)"),
        ("rgb(20, 23, 26)", "rgb(88, 180, 217)"),
    ]


def test_texts_of_pictures_stand_in_them_and_not_on_each_other(browser, tmp_path):
    linked = linked_of(tmp_path)
    report = counted(linked, by="source")
    one_stage = linked_of(tmp_path, ONE_STAGE)
    reports = [
        (report, linked),
        (counted(linked, 1), linked),
        (counted(linked, 0), linked),
        (counted(one_stage, 3), one_stage),
        (hostile(report), linked),
    ]
    pictures = [
        evolve(picture, name=f"{place}-{picture.name}")
        for place, (one, definition) in enumerate(reports)
        for section in sections_of(one, definition)
        for picture in section.pictures
    ]
    path = tmp_path / "pictures.html"
    drawn = "".join(f"<p>{picture.inline()}</p>" for picture in pictures)
    path.write_text(f"<style>{style(page=True)}</style>{drawn}", encoding="utf-8")
    with Looked(browser, path) as looked:
        keep("pictures", looked.page.screenshot(full_page=True))
        assert looked.page.evaluate(OVERLAPS) == []


def hostile(report):
    """Return a report with hostile titles."""
    return evolve(
        report,
        title=HOSTILE,
        stages=tuple(evolve(one, title=HOSTILE) for one in report.stages),
        conversion=tuple(evolve(one, title=HOSTILE) for one in report.conversion),
        time_in_stage=tuple(evolve(one, title=HOSTILE) for one in report.time_in_stage),
    )


def test_nothing_of_the_data_is_run_and_nothing_turns_around(browser, tmp_path):
    linked = linked_of(tmp_path)
    runs = "<img src=x onerror=alert(1)><svg onload=alert(2)><a href='javascript:alert(3)'>x</a>"
    report = hostile(counted(linked, by="source", sources=(HOSTILE, runs, "]]></style><b>")))
    path = tmp_path / "hostile.html"
    path.write_text(report_page([report]), encoding="utf-8")
    with Looked(browser, path) as looked:
        looked.page.wait_for_timeout(100)
        assert (looked.requests, looked.did) == ([path.as_uri()], [])
        assert looked.page.evaluate("document.querySelectorAll('script, img, b').length") == 0
        assert looked.page.evaluate("document.title") == "Report: standard-like"
        assert runs[:50] in looked.page.text_content("main")


def test_a_picture_of_its_own_is_seen_in_light_and_dark(browser, tmp_path):
    linked = linked_of(tmp_path)
    (flow,) = (
        picture
        for section in sections_of(counted(linked))
        for picture in section.pictures
        if picture.name == "flow"
    )
    path = tmp_path / "flow.svg"
    path.write_text(flow.file(), encoding="utf-8")
    grounds = []
    for scheme in ("light", "dark"):
        with Looked(browser, path, scheme=scheme) as looked:
            ground = "getComputedStyle(document.querySelector('rect.page')).fill"
            grounds.append(looked.page.evaluate(ground))
            assert (looked.requests, looked.did) == ([path.as_uri()], [])
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


def test_on_paper_everything_is_light_open_and_there(browser, written):
    with Looked(browser, written, PAPER, "dark") as looked:
        looked.page.emulate_media(media="print")
        assert keep("report-paper", looked.page.screenshot(full_page=True))
        assert looked.page.evaluate("document.documentElement.scrollWidth") == PAPER
        ground = looked.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        hidden = (
            "[...document.querySelectorAll('dl, table')].filter(e => !e.checkVisibility()).length"
        )
        assert looked.page.evaluate(hidden) == 0
        pdf = looked.page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")


def test_a_page_is_used_with_keys_alone(browser, written):
    with Looked(browser, written, WIDTHS["phone"]) as looked:
        looked.page.keyboard.press("Tab")
        assert looked.page.evaluate("document.activeElement.className") == "skip"
        looked.page.keyboard.press("Enter")
        assert looked.page.evaluate("location.hash") == "#main"
        looked.page.focus("summary")
        looked.page.keyboard.press("Enter")
        assert looked.page.evaluate("document.querySelector('details').open")
