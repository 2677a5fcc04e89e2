"""What ``[[notify]]`` may say, and what is said where it is wrong."""

import pickle
import re

import pytest

from funnelflow.errors import ConfigurationError
from funnelflow.notify import open_endpoints
from funnelflow.storage.subscriptions import SubscriptionsError
from funnelflow.workspace.settings import read_config

LOG = '[[notify]]\nchannel = "log"\n'


def config(tmp_path, toml):
    (tmp_path / "funnelflow.toml").write_text(toml)
    return read_config(tmp_path, environment={})


def endpoints(tmp_path, workspace, toml):
    return open_endpoints(config(tmp_path, toml).subscriptions, workspace.plugins, tmp_path)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("notify = 3\n", "toml:1: notify must be a list of tables"),
        ('\n[notify]\nchannel = "log"\n', "toml:2: notify must be a list of tables"),
        ("notify = [3]\n", "toml:1: notify must be a list of tables"),
        ('notify = [{channel = "log", x = 1}]\n', "toml:1: [[notify]] has no 'x'"),
        ("[[notify]]\n", "toml:1: this [[notify]] names no channel"),
        ('\n[[notify]]\nchannel = "log"\nwhne = "x"\n', "toml:4: [[notify]] has no 'whne'"),
        ('[[notify]]\nchannel = "log"\nurl = "x"\n', "toml:3: [[notify]] has no 'url'"),
        ("[[notify]]\nchannel = 3\n", "toml:2: channel must be text"),
        (LOG + "when = 3\n", "toml:3: when must be text"),
        (LOG + 'fields = "email"\n', "toml:3: fields must be a list of names"),
        (LOG + "fields = [1]\n", "toml:3: fields must be a list of names"),
        (LOG + 'name = "a b"\n', "toml:3: 'a b' is no name of an endpoint"),
        (LOG + "settings = 3\n", "toml:3: settings must be a table"),
        (LOG + LOG, "toml:3: there are two endpoints 'log'"),
        (LOG + 'name = "a"\n' + LOG + 'name = "a"\n', "toml:6: there are two endpoints 'a'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, toml, said):
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        config(tmp_path, toml)


def test_what_belongs_to_the_channel_is_reported_where_it_goes(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        config(tmp_path, '[[notify]]\nchannel = "webhook"\nurl = "x"\n')
    assert "[notify.settings]" in caught.value.hint


def test_an_endpoint_is_called_like_its_channel_unless_it_has_a_name(tmp_path):
    subscriptions = config(
        tmp_path, LOG + '[[notify]]\nchannel = "log"\nname = "second"\n'
    ).subscriptions
    assert [subscription.name for subscription in subscriptions] == ["log", "second"]


def test_a_channel_that_nobody_offers_is_reported_with_the_nearest(tmp_path, workspace):
    with pytest.raises(ConfigurationError, match=r"toml:2: there is no notifier 'lgo'") as caught:
        endpoints(tmp_path, workspace, '[[notify]]\nchannel = "lgo"\n')
    assert caught.value.hint == "did you mean 'log'?"


def test_a_setting_that_is_none_is_reported_with_its_line(tmp_path, workspace):
    toml = LOG + '[notify.settings]\npath = "x"\npaht = "y"\n'
    with pytest.raises(ConfigurationError, match="toml:5: there is no setting 'paht'"):
        endpoints(tmp_path, workspace, toml)


def test_everything_that_is_wrong_is_reported_at_once(tmp_path, workspace):
    toml = '[[notify]]\nchannel = "a"\n[[notify]]\nchannel = "command"\n'
    with pytest.raises(ConfigurationError) as caught:
        endpoints(tmp_path, workspace, toml)
    assert "no notifier 'a'" in caught.value.message
    assert "the setting 'command' is missing" in caught.value.message


def test_a_relative_path_starts_in_the_workspace(tmp_path, workspace):
    (channel,) = endpoints(tmp_path, workspace, LOG + '[notify.settings]\npath = "a/b"\n')
    assert channel.settings.path == tmp_path / "a" / "b"


def test_a_variable_that_is_not_there_is_reported(tmp_path, workspace, monkeypatch):
    monkeypatch.delenv("NO_SUCH_THING", raising=False)
    toml = LOG + '[notify.settings]\npath = "${NO_SUCH_THING}"\n'
    with pytest.raises(ConfigurationError, match=r"toml:4: path names \$\{NO_SUCH_THING\}"):
        endpoints(tmp_path, workspace, toml)


def test_all_that_is_wrong_with_several_is_said_at_once(tmp_path):
    with pytest.raises(SubscriptionsError) as caught:
        config(tmp_path, "[[notify]]\nchannel = 3\n[[notify]]\nfields = 3\nx = 1\n")
    lines = [problem.position.line for problem in caught.value.problems]
    assert lines == [2, 4, 5, 3]


def test_the_error_travels_between_processes(tmp_path):
    with pytest.raises(SubscriptionsError) as caught:
        config(tmp_path, "[[notify]]\n")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.message, again.problems) == (caught.value.message, caught.value.problems)
