"""The same story, read by every definition that ships: where they agree, and where not."""

import pytest

from .worlds import funnel, told

LISTED = ("listed", {})
PRODUCT_SEEN = ("content_viewed", {"topic": "product"})
COLD_CALL_ANSWERED = (
    "call",
    {"direction": "outbound", "way": "two_way", "interested": True},
)
TALK_WITH_A_REP = ("call", {"direction": "outbound", "way": "two_way"})
DOWNLOAD = ("downloaded", {})


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("outreach", "prospect"),
        ("levels", "lead.connected"),
        ("dialogue", "lead.inquiry"),
        ("qualified", "lead.warm"),
        ("persona", "lead"),
        ("synonym", "lead"),
        ("commitment", "unknown"),
        ("doorstep", "lead"),
        ("standard", "lead.inquiry"),
        ("hubspot-lifecycle", "contact"),
        ("salesforce-lead", "working"),
        ("demand-waterfall", "inquiry.raw"),
        ("score-and-grade", "visitor"),
    ],
)
def test_an_interested_answer_to_a_cold_call(name, stage):
    known = {"phone": "+44 20 7946 0000", "fits_profile": True, "persona": "head of logistics"}
    assert told(name, COLD_CALL_ANSWERED, **known) == stage


def test_an_interested_answer_is_a_prospect_of_dialogue_only_after_a_talk_with_a_rep():
    known = {"phone": "+44 20 7946 0000", "fits_profile": True}
    assert told("dialogue", COLD_CALL_ANSWERED, DOWNLOAD, **known) == "lead.sales_ready"
    assert told("dialogue", COLD_CALL_ANSWERED, DOWNLOAD, TALK_WITH_A_REP, **known) == "prospect"


def test_a_cold_call_alone_makes_no_prospect_of_dialogue_however_often():
    known = {"phone": "+44 20 7946 0000"}
    assert told("dialogue", COLD_CALL_ANSWERED, COLD_CALL_ANSWERED, **known) == "lead.inquiry"


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("outreach", "prospect"),
        ("dialogue", "target"),
        ("qualified", "unknown"),
        ("persona", "lead"),
        ("synonym", "stranger"),
        ("levels", "market"),
        ("commitment", "unknown"),
        ("doorstep", "stranger"),
        ("standard", "target"),
        ("hubspot-lifecycle", "contact"),
        ("salesforce-lead", "open"),
        ("demand-waterfall", "market"),
        ("score-and-grade", "visitor"),
    ],
)
def test_a_look_at_a_product_page_without_contact_data(name, stage):
    assert told(name, PRODUCT_SEEN) == stage


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("qualified", "lead.cold"),
        ("levels", "lead.new"),
        ("dialogue", "target"),
        ("persona", "anyone"),
        ("synonym", "stranger"),
        ("outreach", "public"),
        ("commitment", "unknown"),
        ("doorstep", "stranger"),
        ("standard", "target"),
        ("hubspot-lifecycle", "contact"),
        ("salesforce-lead", "open"),
        ("demand-waterfall", "market"),
        ("score-and-grade", "visitor"),
    ],
)
def test_a_name_from_a_purchased_list(name, stage):
    assert told(name, LISTED, name="Ada") == stage


def test_somebody_who_fits_is_a_prospect_here_and_a_lead_there():
    known = {"name": "Ada", "fits_profile": True, "persona": "head of logistics"}
    assert told("persona", LISTED, **known) == "prospect"
    assert told("outreach", LISTED, **known) == "lead"


def test_interest_turns_the_prospect_of_one_into_a_lead_and_the_lead_of_the_other_around():
    known = {"name": "Ada", "fits_profile": True, "persona": "head of logistics"}
    assert told("persona", LISTED, PRODUCT_SEEN, **known) == "lead"
    assert told("outreach", LISTED, PRODUCT_SEEN, **known) == "prospect"


def test_a_mail_address_is_a_prospect_of_the_system_and_nobody_of_ours():
    assert told("score-and-grade", LISTED, email="info@example.com") == "prospect"
    assert told("standard", LISTED, email="info@example.com") == "target"


def test_a_company_address_is_no_individual_and_no_lead_of_dialogue():
    form = ("form_submitted", {"email": "info@example.com"})
    assert told("dialogue", form, party="organisation") == "target"
    assert told("dialogue", form) == "lead.inquiry"
    assert told("qualified", form, party="organisation", kind="business") == "lead.cold"


def test_the_wrong_person_loses_no_lead():
    known = {"kind": "person", "could_use": True, "would_profit": True, "authority": "none"}
    lost = ("disqualified", {"lost_reason": "no_authority"})
    assert told("levels", LISTED, ("meeting", {}), lost, **known) == "lead.seeking"
    assert told("qualified", LISTED, ("meeting", {}), lost, name="Ada", **known) == "disqualified"


def test_who_commits_without_a_word_with_us_is_a_prospect_of_commitment_alone():
    known = {"interested": True, "buying_phase": "decided", "committed": True, "name": "Ada"}
    assert told("commitment", LISTED, **known) == "prospect.committed"
    assert told("levels", LISTED, **known) == "lead.new"
    assert told("dialogue", LISTED, **known) == "target"


def test_every_definition_calls_who_bought_something_that_is_won():
    bought = ("form_submitted", {"email": "ada@example.com"}), ("purchased", {})
    for name in ("standard", "qualified", "outreach", "levels", "hubspot-lifecycle"):
        assert funnel(name).linked.type_of(told(name, *bought)) == "won"
