"""A lint rule that a release adds closes no workspace: what is stored was accepted once."""

import shlex

import pytest

from funnelflow.criteria import AS_WRITTEN
from funnelflow.definition import lint
from funnelflow.definition.problems import Place
from funnelflow.errors import Error


@pytest.fixture
def new_rule(monkeypatch, ada):  # whose definition was accepted before
    """Make every definition an error from now on."""

    def refuse(definition, _index, problems):
        place = Place(problems, definition.position)
        place.report("F402", AS_WRITTEN, message="an invented rule is broken")

    monkeypatch.setattr(lint, "check_parts", refuse)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("list", 0),
        ("list --where 'contact.budget > 1'", 0),
        ("why ada", 0),
        ("history ada", 0),
        ("show", 0),
        ("record ada form_submitted", 0),
        ("set ada budget=9000", 0),
        ("add bob", 0),
        ("move ada prospect", 1),
        ("tick", 0),
        ("verify", 0),
    ],
)
def test_a_workspace_works_on_under_a_lint_rule_that_it_breaks(call, new_rule, line, code):
    done = call(*shlex.split(line))
    assert done.exit_code == code, done.stderr


def test_the_doctor_names_the_rule_that_the_file_breaks(call, new_rule):
    done = call("doctor")
    assert "an invented rule is broken" in done.stdout + done.stderr
    assert not isinstance(done.exception, Error)
