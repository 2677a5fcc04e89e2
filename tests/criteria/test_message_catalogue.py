"""Problems are data: their text is made from the templates of their code when it is shown."""

import pytest

from funnelflow.criteria import AS_WRITTEN, MORE, Code, wordings

CODE = Code(
    "F203",
    "error",
    "no such stage",
    "The stage is not there.",
    wordings(
        {
            "unknown": (
                "there is no stage {name!r}",
                "did you mean {guess!r}?",
                "known stages: {known}",
            ),
            "many": "{count:,} stages: {known!r}",
        }
    ),
)


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
    code = Code("F406", "warning", "a cycle", "", wordings({"cycle": "round: {path: -> }"}))
    assert code.message("", {"path": ("a", "b", "a")}) == "round: a -> b -> a"


def test_a_text_that_was_written_elsewhere_is_kept_as_it_is():
    parameters = {"message": "a {brace}", "help": "another {brace}"}
    assert CODE.message(AS_WRITTEN, parameters) == "a {brace}"
    assert CODE.help(AS_WRITTEN, parameters) == "another {brace}"
