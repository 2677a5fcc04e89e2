"""The pages of what is counted, of definitions and of messages."""

import re
from urllib.parse import unquote

import funnelflow
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.tables import outbox

HOSTILE = "<script>alert(1)</script>"


def test_every_number_of_the_report_opens_into_exactly_whom_it_counts(browser, people):
    page = browser.go("/report")
    assert page.headers["Content-Security-Policy"] in page.text.replace("&#39;", "'")
    numbers = dict(re.findall(r'href="/report/who\?funnel=(\w+)&amp;number=([^"]*)"', page.text))
    assert numbers
    for name in ("stage/target", "stage/lead.inquiry"):
        found = browser.go(f"/report/who?funnel=standard&number={name}").text
        listed = re.findall(r"<tr><td>([^<]*)</td>", found)
        assert listed == [one.contact for one in people.counted(name, "standard")]
    assert unquote(numbers["standard"])
    assert browser.go("/report/who?number=nonsense").status_code == 400


def test_todo_lists_who_needs_somebody(browser, people):
    people.set("eve", {"budget": 9000, "authority": "decides"})
    text = browser.go("/todo").text
    found = people.todo()
    assert found
    assert re.findall(r'<li class="card"><strong>([^<]*)<', text) == [one.contact for one in found]


def test_definitions_are_shown_compared_and_checked(browser, people):
    assert "standard" in browser.go("/definitions").text
    assert "prospect.qualified" in browser.go("/definitions/standard").text
    drawn = browser.go("/definitions/standard/diagram.svg")
    assert drawn.headers["Content-Type"].startswith("image/svg+xml")
    assert browser.go("/definitions/nope").status_code == 400
    differs = browser.go("/definitions/compare?a=dialogue&b=qualified").text
    assert "prospect" in differs
    browser.go("/definitions")
    wrong = browser.send("/definitions/check", text="funnel: ours\nstages: {a: {}}\ninitial: b\n")
    assert re.search(r"line 3, column \d+", wrong.text)
    sound = browser.send("/definitions/check", text="funnel: ours\nstages: {a: {}}\ninitial: a\n")
    assert "funnel: ours" in sound.text
    assert "error" not in sound.text
    hostile = browser.send("/definitions/check", text=HOSTILE)
    assert HOSTILE not in hostile.text
    assert people.funnels() == ("standard",)


SETTINGS = """
[[notify]]
name = "team"
channel = "log"

[plugins.web]
url = "http://127.0.0.1"
login = "proxy"
proxy_addresses = ["127.0.0.0/8"]
retry_roles = ["helpdesk"]
"""


def test_a_message_that_was_given_up_is_tried_again_by_whoever_may(serve, directory, browse):
    file = directory / "funnelflow.toml"
    file.write_text(file.read_text().replace("[roles]\n", '[roles]\nhelpdesk = ["grace"]\n'))
    address = serve(SETTINGS).address
    with funnelflow.open(directory) as workspace:
        workspace.record("eve", "form_submitted", {"email": "eve@example.com"}, create=True)
        box = Outbox(workspace.engine, workspace.clock)
        with workspace.engine.begin() as connection:
            connection.execute(outbox.update().values(state="dead"))
        number = str(box.messages()[0].id)
        for name, status, state in (("ada", 403, "dead"), ("grace", 200, "waiting")):
            with browse(address, **{"X-Forwarded-User": name}) as browser:
                text = browser.go("/outbox").text
                assert "eve" in text
                assert ("Try again" in text) == (status == 200)
                assert browser.send("/outbox/retry", number=number).status_code == status
            assert [one.state for one in box.messages()] == [state]


def test_a_number_that_no_database_holds_is_no_fault_of_the_server(browser):
    large = "9" * 30
    assert browser.go(f"/contacts/{large}").status_code in (400, 404)
    assert browser.go(f"/outbox?after={large}").status_code == 200
    assert browser.send("/outbox/retry", number=large).status_code in (200, 400)
