"""The board and the page of a contact, as a browser without scripts asks for them."""

import re
import threading

import pytest

import funnelflow

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


def names(answer):
    """Give who is on a board."""
    return re.findall(r'class="name" href="/contacts/\d+">([^<]*)<', answer.text)


def place_of(workspace, contact):
    return f"/contacts/{workspace.contact(contact).number}"


def test_the_board_has_everybody_in_their_stage_and_says_what_is_missing(browser, people):
    text = browser.page.text
    cards = dict(re.findall(r'class="name" href="(/contacts/\d+)">([^<]*)<', text))
    assert cards == {place_of(people, who): who for who in ("ada", "bob", "eve")}
    assert people.why("ada").questions()[0].field.ask in text
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{{7*7}}" in text


def test_a_refused_move_has_its_reasons_and_what_is_filled_in_moves_the_contact(browser, people):
    place = place_of(people, "ada")
    answer = browser.send(f"{place}/move", to="lead.inquiry", expect="1")
    assert "ada stays target" in answer.text
    assert "We can reach them" in answer.text
    assert 'name="fact.email"' in answer.text
    assert "Save and move" in answer.text
    people.record("ada", "form_submitted")
    moved = browser.send(
        f"{place}/move", to="lead.inquiry", **{"fact.email": "ada@example.com", "expect": "3"}
    )
    assert moved.status_code == 200
    ada = people.contact("ada").contact
    assert (ada.stage, ada.fields["email"]) == ("lead.inquiry", "ada@example.com")


def test_a_race_that_is_lost_says_what_happened_meanwhile_and_changes_nothing(browser, people):
    seen = people.contact("bob").sequence
    people.record("bob", "content_viewed", actor="grace")
    rows = people.contact("bob").sequence
    answer = browser.send(f"{place_of(people, 'bob')}/move", to="disqualified", expect=str(seen))
    assert answer.status_code == 409
    assert "content_viewed by grace" in answer.text
    assert people.contact("bob").sequence == rows


def test_of_many_at_once_one_moves_and_the_others_are_told(browser, people):
    place, seen = place_of(people, "eve"), str(people.contact("eve").sequence)
    answers = []

    def move():
        answers.append(browser.send(f"{place}/set", **{"fact.budget": "1"}).status_code)
        answers.append(browser.send(f"{place}/move", to="disqualified", expect=seen).status_code)

    threads = [threading.Thread(target=move) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == 8
    assert set(answers) <= {200, 409}
    assert people.contact("eve").sequence >= int(seen) + 4


def test_a_filter_holds_until_it_is_taken_away_and_stands_in_no_address(browser, people):
    found = browser.send("/filter", funnel="standard", where='contact.email == "eve@example.com"')
    assert names(found) == ["eve"]
    assert "eve" not in str(found.url)
    wrong = browser.send("/filter", funnel="standard", where="contact.emial == 1")
    assert "emial" in wrong.text
    assert "ada" in names(wrong)
    assert "ada" in names(browser.send("/filter", funnel="standard", where=""))


def test_everything_that_is_done_on_the_page_of_a_contact_is_in_its_story(browser, people):
    place = place_of(people, "bob")
    browser.go(f"{place}?event=call")
    assert browser.send(f"{place}/record", event="call", **{"fact.direction": "inbound"}).is_success
    assert browser.send(f"{place}/set", **{"fact.email": "bob@example.com"}).is_success
    row = people.contact("bob").sequence
    assert browser.send(f"{place}/void", row=str(row), reason="a typing mistake").is_success
    story = browser.go(place).text
    assert "taken back" in story
    assert "a typing mistake" in story
    assert "email" not in people.contact("bob").contact.fields
    wrong = browser.send(f"{place}/set", **{"fact.budget": "much"})
    assert wrong.status_code == 422
    assert "budget" in wrong.text
    assert people.contact("bob").sequence == row + 1


def test_two_records_of_a_person_are_merged_and_erased(browser, people):
    ada, eve = place_of(people, "ada"), place_of(people, "eve")
    assert browser.send(f"{ada}/merge", into="eve", reason="one person").is_success
    assert people.contact("ada").id == "eve"
    assert browser.send(f"{eve}/erase", confirm="eva").status_code == 400
    assert people.contact("eve").id == "eve"
    assert browser.send(f"{eve}/erase", confirm="eve").is_success
    with pytest.raises(funnelflow.ErasedContactError):
        people.contact("eve")
    assert browser.go(eve).status_code == 404


def test_nothing_is_changed_without_the_token_of_a_page(browser, people):
    place = place_of(people, "ada")
    before = people.contact("ada").sequence
    for form in ({}, {"csrf": ""}, {"csrf": "guessed"}):
        for path in ("move", "set", "record", "void", "merge", "erase"):
            answer = browser.post(f"{place}/{path}", data={"to": "disqualified", **form})
            assert answer.status_code == 403
            break  # more failures than that, and whoever asks has to wait
    assert people.contact("ada").sequence == before


def test_what_there_is_not_is_said_on_a_page(browser):
    assert browser.go("/contacts/987654").status_code == 404
    assert browser.go("/?funnel=nope").status_code == 400
    assert "no funnel" in browser.page.text
    assert browser.go("/nothing").status_code == 404
    found = browser.go("/").status_code
    assert found == 200
    assert "nobody" in browser.send("/find", contact="nobody").text
