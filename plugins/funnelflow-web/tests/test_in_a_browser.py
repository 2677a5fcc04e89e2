"""The board in a real browser: with a mouse, with the keyboard, on several screens.

Debian's Chromium, without a window; skipped where there is none. With
FUNNELFLOW_SCREENSHOTS=DIRECTORY what is seen is kept there, to be looked at.
"""

import os
import shutil

import pytest

import funnelflow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = os.environ.get("FUNNELFLOW_SCREENSHOTS", "")
WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1280}
SERIOUS = {"serious", "critical"}
HOSTILE = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")
pytest.importorskip("playwright", reason="pip install 'funnelflow-web[dev]'")


@pytest.fixture
def database():
    """Give the setting of a database; what is seen does not hang on its kind."""
    return "funnelflow.db"


@pytest.fixture(scope="module")
def chromium():
    """Run a browser."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # not where it is missing

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def shop(directory):
    """Give a workspace with hostile names in it."""
    with funnelflow.open(directory) as workspace:
        for number in range(3):
            workspace.add(f"target-{number}", {"company": f"{HOSTILE} {number}"})
        workspace.record("eve", "form_submitted", {"email": HOSTILE}, create=True, actor=HOSTILE)
        workspace.add(HOSTILE, {"company": "x" * 300})
        yield workspace


@pytest.fixture
def page(chromium, serve, shop):  # the workspace is there before the server
    """Give the board, on which nothing may go wrong."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    found = context.new_page()
    wrong = []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    server = serve()
    elsewhere = []
    found.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((server.address, "data:")) else elsewhere.append(asked.url)
        ),
    )
    found.goto(server.address)
    yield found
    assert "hit" not in found.title()
    assert not wrong
    assert not elsewhere
    context.close()


def card(page, who):
    return page.locator(".card", has=page.get_by_role("link", name=who, exact=True))


def keep(page, name):
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)


def test_a_card_that_is_dropped_asks_for_what_is_missing_and_moves(page, shop):
    target = page.locator('[data-stage="lead.inquiry"]')
    card(page, "target-0").drag_to(target)
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("target-0 stays target").wait_for()
    keep(page, "refused")
    assert card(page, "target-0").count() == 1
    shop.record("target-0", "form_submitted")
    dialog.get_by_label("Which mail address reaches you best?").fill("t0@example.com")
    dialog.get_by_role("button", name="Save and move").click()
    dialog.get_by_text("Something happened meanwhile").wait_for()
    keep(page, "meanwhile")
    dialog.get_by_role("button", name="all the same").click()
    target.locator(".card", has_text="target-0").wait_for()
    assert shop.contact("target-0").contact.stage == "lead.inquiry"
    assert not dialog.is_visible()


def test_the_same_goes_by_the_keyboard_alone(page, shop):
    page.get_by_role("link", name="Move… target-1").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Where to?").wait_for()
    assert page.evaluate("() => document.activeElement.id") == "move-to"
    page.keyboard.type("disqualified")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog.get_by_text("target-1 stays target").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert shop.contact("target-1").sequence == 2


def test_what_somebody_else_changes_appears_by_itself(page, shop):
    shop.add("newcomer")
    card(page, "newcomer").wait_for(timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_every_screen_and_axe_finds_nothing_serious(chromium, serve, shop, scheme):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # as above

    address = serve().address
    places = {
        "board": "/",
        "contact": f"/contacts/{shop.contact('eve').number}?event=call&others=1",
        "todo": "/todo",
        "definitions": "/definitions",
        "definition": "/definitions/standard",
        "outbox": "/outbox",
        "counted": "/report/who?number=stage/target",
    }
    widths = WIDTHS if scheme == "light" else {"desktop": WIDTHS["desktop"]}
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for name, path in places.items():
        for width_name, width in widths.items():
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(address + path)
            keep(page, f"{name}-{width_name}-{scheme}")
            wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, (name, width_name)
            found = Axe().run(page).response["violations"]
            serious = [
                (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS
            ]
            assert not serious, (name, width_name)
            assert "hit" not in page.title()
    context.close()
