"""A file may name who did something; who recorded that is kept beside it, and their roles count."""

import pytest

from funnelflow.errors import ConfigurationError
from funnelflow.ingest import FileOptions
from funnelflow.workspace.workspace import Workspace

FILE = """\
contact,event,at,actor,email,budget,authority
ada,subscribed,2026-03-01T09:00:00Z,grace,a@x.org,9000,true
ada,replied,2026-03-01T10:00:00Z,,,,
ada,called,2026-03-01T11:00:00Z,grace,,,
ada,signed,2026-03-01T12:00:00Z,grace,,,
"""
ROLES = '[roles]\nsales = ["grace"]\n'


def applied(workspace: Workspace, write, actor: str, *, settings: str = "") -> Workspace:
    """Apply the file as somebody, where grace is in sales."""
    path = workspace.config.directory / "funnelflow.toml"
    text = path.read_text().replace("[roles]\n", ROLES)
    path.write_text(text.replace("[workspace]\n", f"[workspace]\n{settings}"))
    workspace.apply(write(FILE), FileOptions(actor=actor))
    return workspace


def test_both_are_kept_who_did_it_and_who_recorded_it(workspace, write):
    rows = applied(workspace, write, "eve").history("ada").rows
    assert [(row.event, row.actor, row.recorder) for row in rows if row.event != "add"] == [
        ("subscribed", "grace", "eve"),
        ("replied", "eve", "eve"),
        ("called", "grace", "eve"),
        ("signed", "grace", "eve"),
    ]
    assert rows[-1].to_json()["recorder"] == "eve"
    assert workspace.verify().is_sound


@pytest.mark.parametrize(
    ("actor", "settings", "stage"),
    [
        ("eve", "", "prospect"),
        ("grace", "", "customer"),
        ("eve", 'file_roles = "actor"\n', "customer"),
        ("", "", "customer"),  # nobody says who records, so that only the rows' word is there
    ],
)
def test_roles_are_those_of_the_recorder_unless_the_settings_say_otherwise(
    workspace, write, actor, settings, stage
):
    applied(workspace, write, actor, settings=settings)
    assert workspace.contact("ada").contact.stage == stage
    assert workspace.verify().is_sound


def test_a_setting_that_is_neither_is_refused(workspace, write):
    with pytest.raises(ConfigurationError, match="`file_roles` must be") as raised:
        applied(workspace, write, "eve", settings='file_roles = "both"\n')
    assert raised.value.hint


def test_who_records_a_single_change_is_its_actor(workspace):
    workspace.add("ada", actor="eve")
    (row,) = workspace.history("ada").rows
    assert (row.actor, row.recorder) == ("eve", "eve")
