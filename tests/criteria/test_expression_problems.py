"""Problems are data: their text is made from the templates of their code when it is shown."""

import pytest

from funnelflow.criteria import AS_WRITTEN, MORE
from funnelflow.criteria.expression_problems import codes_of

FILE = {
    "explanation": "About this: {title}.",
    "F203": {
        "title": "no such stage",
        "explanation": "The stage is not there.",
        "messages": {
            "unknown": [
                "there is no stage {name!r}",
                "did you mean {guess!r}?",
                "known stages: {known}",
            ],
            "many": "{count:,} stages: {known!r}",
        },
    },
    "F406": {
        "title": "a cycle",
        "severity": "warning",
        "messages": {"cycle": "round: {path: -> }"},
    },
}
CODES = codes_of(FILE)
CODE = CODES["F203"]


def test_a_code_is_an_error_unless_the_file_says_that_it_is_a_warning():
    assert {name: code.severity for name, code in CODES.items()} == {
        "F203": "error",
        "F406": "warning",
    }


def test_a_code_without_an_explanation_has_the_common_one():
    assert CODE.explanation == "The stage is not there."
    assert CODES["F406"].explanation == "About this: a cycle."


def test_a_message_is_filled_in():
    assert CODE.message("unknown", {"name": "led"}) == "there is no stage 'led'"


def test_the_first_wording_is_that_of_a_problem_without_a_variant():
    assert CODE.message("", {"name": "led"}) == CODE.message("unknown", {"name": "led"})


@pytest.mark.parametrize(
    ("parameters", "help_"),
    [
        ({"guess": "lead", "known": ("lead",)}, "did you mean 'lead'?"),
        ({"known": ("lead", "prospect", MORE)}, "known stages: lead, prospect, …"),
        ({}, ""),
    ],
)
def test_the_help_is_the_first_whose_parameters_are_there(parameters, help_):
    assert CODE.help("unknown", parameters) == help_


def test_a_list_is_quoted_item_by_item():
    message = CODE.message("many", {"count": 1234, "known": ("a", "it's", MORE)})
    assert message == "1,234 stages: 'a', \"it's\", …"


def test_a_list_is_joined_with_what_its_template_says():
    assert CODES["F406"].message("", {"path": ("a", "b", "a")}) == "round: a -> b -> a"


def test_a_text_that_was_written_elsewhere_is_kept_as_it_is():
    parameters = {"message": "a {brace}", "help": "another {brace}"}
    assert CODE.message(AS_WRITTEN, parameters) == "a {brace}"
    assert CODE.help(AS_WRITTEN, parameters) == "another {brace}"
