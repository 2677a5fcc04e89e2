"""What a file brings that is older than `fresh` is kept and not sent; `quiet` sends nothing."""

import datetime as dt

import pytest

from funnelflow.errors import ConfigurationError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE, make

NOTIFY = '[[notify]]\nchannel = "recorder"\n'
NOW = dt.datetime(2026, 3, 20, 9, tzinfo=dt.UTC)
EVENTS = (
    "contact,event,at\n"
    "old,asked,2026-03-01T09:00:00Z\n"
    "new,asked,2026-03-19T09:00:00Z\n"
    "edge,asked,2026-03-13T09:00:00Z\n"
)


@pytest.fixture
def shop(tmp_path, database, recorder):
    """Return what makes a workspace with settings, where it is 20 March."""

    def open_with(toml=NOTIFY, definition=PIPELINE):
        made = make(tmp_path, definition, toml, recorder, database)
        plugins = made.plugins
        made.close()
        return Workspace.open(tmp_path, plugins=plugins, clock=lambda: NOW)

    return open_with


def states(workspace):
    """Return what became of the message about each contact."""
    box = Outbox(workspace.engine, workspace.clock)
    return {m.contact_id: (m.state, m.problem) for m in box.messages()}


def test_what_a_file_brings_late_is_kept_counted_and_not_sent(shop, write):
    with shop() as workspace:
        summary = workspace.apply(write(EVENTS))
        assert summary.counts.untold == 1
        assert states(workspace) == {
            "old": ("discarded", "older than 7 days when a file brought it"),
            "new": ("waiting", ""),
            "edge": ("waiting", ""),
        }


def test_how_old_news_may_be_is_a_setting_of_the_endpoint(shop, write):
    with shop(NOTIFY + 'fresh = "30d"\n') as workspace:
        assert workspace.apply(write(EVENTS)).counts.untold == 0
        assert states(workspace)["old"] == ("waiting", "")


def test_what_is_recorded_by_itself_is_sent_however_old_it_is(shop):
    with shop() as workspace:
        workspace.record("old", "asked", at="2026-03-01T09:00:00Z", create=True)
        assert states(workspace) == {"old": ("waiting", "")}


def test_a_quiet_file_sends_nobody_anything(shop, write):
    with shop() as workspace:
        workspace.apply(write(EVENTS), FileOptions(quiet=True))
        assert states(workspace) == {}
        assert workspace.contact("new").contact.stage == "talking"
        workspace.record("new", "reset")
        assert set(states(workspace)) == {"new"}


def test_a_quiet_tick_and_a_quiet_adoption_send_nobody_anything(shop, tmp_path):
    waits = PIPELINE + "  - {from: talking, to: new, after: 1d}\n"
    with shop(definition=waits) as workspace:
        workspace.record("ada", "asked", at="2026-03-18T09:00:00Z", create=True)
        workspace.record("bob", "asked", at="2026-03-19T10:00:00Z", create=True)
        before = states(workspace)
        assert workspace.tick(quiet=True).moved == 1
        newer = tmp_path / "newer.yaml"
        newer.write_text(
            waits.replace("version: 3", "version: 4").replace("on: asked", "on: signed")
        )
        assert workspace.adopt(newer, quiet=True).moved == 1
        assert states(workspace) == before
        assert workspace.verify().is_sound


def test_a_quiet_merge_and_a_quiet_giving_back_send_nobody_anything(shop):
    with shop() as workspace:
        workspace.add("ada", at=NOW)
        workspace.record("bob", "asked", at=NOW, create=True)
        before = states(workspace)
        workspace.merge("bob", "ada", quiet=True)
        workspace.unmerge("bob", quiet=True)
        assert states(workspace) == before
        workspace.merge("bob", "ada")
        assert states(workspace)["ada"] == ("waiting", "")


@pytest.mark.parametrize("value", ['"soon"', '"-1d"', "7"])
def test_what_is_no_length_of_time_is_refused_with_its_place(shop, value):
    with pytest.raises(ConfigurationError, match="fresh must be"):
        shop(NOTIFY + f"fresh = {value}\n")
