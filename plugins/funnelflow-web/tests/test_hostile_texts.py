"""Texts that want to be more than texts, in every field of every page: none of them is run.

Every page that can be reached from the board is opened in a real browser, and the forms of two are
sent with such texts. The policy for scripts has nothing to refuse either: what is a text stays one.
"""

import shutil
from urllib.parse import urlsplit

import pytest

import funnelflow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MOST_PAGES = 60

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")
pytest.importorskip("playwright", reason="pip install 'funnelflow-web[dev]'")

HOSTILE = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1>',
    "' onmouseover='window.hit=1' autofocus onfocus='window.hit=1' x='",
    "javascript:window.hit=1",
    "</textarea></title></style><script>window.hit=1</script>",
    "{{7*7}}{% raw %}${7*7}",
    "<!--<iframe srcdoc='<script>top.hit=1</script>'>",
    "\u2028\u2029</script><script>window.hit=1</script>",
    "<a href=javascript:window.hit=1 id=click hx-get=/ hx-trigger=load>x</a>",
    "[x](javascript:window.hit=1)",
    "<base href=//evil.example><form action=//evil.example>",
)
DEFINITION = """\
funnel: standard
version: 9
title: {0}
about: {1}
vocabulary: standard
initial: target
force: [boss]
stages:
  target: {{title: {2}, about: {3}, playbook: [{4}], owner: {5}}}
  prospect: {{about: {6}}}
  customer: {{type: won}}
transitions:
  - from: target
    to: prospect
    require:
      - {7}: contact.budget > 5000
      - {8}: has(contact.need)
  - {{from: prospect, to: customer, on: [purchased]}}
"""


@pytest.fixture
def database():
    """Give the setting of a database; what is seen does not hang on its kind."""
    return "funnelflow.db"


@pytest.fixture
def directory(tmp_path):
    """Give a workspace in which every text is hostile."""
    place = tmp_path / "<b>shop"
    place.mkdir()
    quoted = ["'" + one.replace("'", "''") + "'" for one in HOSTILE if one.isprintable()]
    (place / "definitions").mkdir()
    (place / "definitions" / "standard.yaml").write_text(DEFINITION.format(*quoted))
    with funnelflow.create(place, "standard", database="funnelflow.db") as workspace:
        for number, text in enumerate(HOSTILE):
            who = text if text.isprintable() else f"c{number}"
            facts = dict.fromkeys(("name", "email", "company", "job_title", "need"), text)
            workspace.add(who, {**facts, "interests": [text]}, actor=text[:60].strip())
            workspace.record(who, "call", {"direction": "inbound"}, actor=text[:60].strip())
            workspace.move(who, "prospect", actor=text[:60].strip())
            workspace.move(who, "prospect", force=True, reason=text, roles=["boss"])
            workspace.void(who, [2], text)
    return place


@pytest.fixture
def browser(serve):
    """Give a browser's page, the address of a server, and what went wrong."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # not where it is missing

    server = serve()
    wrong = []
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = running.new_page()
        page.on("dialog", lambda one: (wrong.append("a dialog"), one.dismiss()))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: (
                wrong.append(said.text)
                if "Content Security Policy" in said.text or "Refused" in said.text
                else None
            ),
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((server.address, "data:"))
                else wrong.append(f"asked {asked.url}")
            ),
        )
        yield page, server, wrong
        running.close()


SUBMIT = """([number, text]) => {
    const form = document.querySelectorAll('form')[number];
    for (const one of form.elements) {
        if (one.name === 'csrf' || one.type === 'submit') continue;
        if (one.tagName === 'SELECT') one.add(new Option(text, text, true, true));
        else one.value = text;
    }
    HTMLFormElement.prototype.submit.call(form);
}"""
"""Fills in a form with a text, and sends it."""


def links_of(page, server):
    """Give the addresses of this server to which a page leads."""
    found = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
    strange = [one for one in found if not one.startswith((server.address, "data:", "#"))]
    assert strange == []
    return {one.partition("#")[0] for one in found if urlsplit(one).scheme == "http"}


def look(page, wrong, where):
    """Look at what a page has become, after the pointer and the focus went over all of it."""
    page.evaluate(
        """() => { for (const one of document.querySelectorAll('body *')) {
            for (const kind of ['mouseover', 'focus', 'mouseenter'])
                one.dispatchEvent(new Event(kind, {bubbles: true})) } }"""
    )
    assert page.evaluate("() => window.hit === undefined"), where
    assert page.locator("iframe, object, embed, base").count() == 0, where
    assert page.eval_on_selector_all("form", "all => all.map(one => one.action)") is not None
    inline = "all => all.filter(one => !one.src).length"
    assert page.eval_on_selector_all("script", inline) == 0, where
    handlers = """() => [...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames())
        .filter(name => name.startsWith('on'))"""
    assert page.evaluate(handlers) == [], where
    assert wrong == [], where


def test_no_text_of_any_page_is_run(browser):
    page, server, wrong = browser
    waiting, seen = [server.address + "/"], set()
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        if page.goto(address) is None:
            continue
        look(page, wrong, address)
        waiting += sorted(links_of(page, server) - seen)
    assert len(seen) > len(HOSTILE)


def test_no_form_of_any_page_gives_back_what_is_run(browser):
    page, server, wrong = browser
    page.goto(server.address + "/")
    first = next(one for one in sorted(links_of(page, server)) if "/contacts/" in one)
    for address in (server.address + "/", first):
        page.goto(address)
        count = page.locator("form").count()
        for number in range(count):
            for text in HOSTILE[:2]:
                page.goto(address)
                if number >= page.locator("form").count():
                    continue
                with page.expect_navigation():
                    page.evaluate(SUBMIT, [number, text])
                look(page, wrong, (address, number, text))
    assert server.is_running()


def test_no_address_gives_back_what_is_run(browser):
    page, server, wrong = browser
    for text in HOSTILE:
        for path in ("/nothing/", "/?where=", "/contacts/"):
            page.goto(f"{server.address}{path}{text.replace('#', '').replace('?', '')}")
            look(page, wrong, (path, text))
