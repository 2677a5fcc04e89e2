"""Plugins looked at from another process: nothing they do stops the looking."""

import pytest

from funnelflow.errors import ConfigurationError
from funnelflow.plugins import probing

OFFERS = """
@hookimpl
def funnelflow_criteria():
    return [CriterionProvider("sound", lambda call: True, "Sound")]
"""


def probe_plugins(root, **how):
    """Look at the plugins of the workspace; what is installed beside the tests is left out."""
    return tuple(r for r in probing.probe_plugins(root, **how) if r.kind == "workspace")


def statuses(root, **how):
    return {r.name: (r.status, *r.problems) for r in probe_plugins(root, **how)}


def test_a_plugin_that_is_in_order_is_reported_with_what_it_offers(write, root):
    path = write("rules", OFFERS)
    path.write_text(f'"""Rules of the house.\n\nMore.\n"""\n{path.read_text()}')
    (report,) = probe_plugins(root)
    assert report.status == "active"
    assert report.source == "plugins/rules.py"
    assert report.about == "Rules of the house."
    assert report.hooks == ("funnelflow_criteria",)
    assert report.offers == {"criteria": ("sound",)}
    assert report.turn_off == "--no-plugins=rules"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("while True: pass", "its import did not come back within 2 seconds"),
        ("import os; os._exit(9)", "its import ended the process (exit code 9)"),
        (
            "@hookimpl\ndef funnelflow_commands():\n    while True: pass",
            "funnelflow_commands did not come back within 2 seconds",
        ),
    ],
)
def test_a_plugin_that_hangs_or_ends_the_process_is_named_and_the_others_are_seen(
    write, root, source, said
):
    write("broken", source)
    write("rules", OFFERS)
    found = statuses(root, deadline=2)
    assert found["broken"] == ("broken", said)
    assert found["rules"][0] == "active"


def test_what_plugins_write_to_any_descriptor_is_not_the_answer(write, root):
    write("loud", "import os; print('loud'); os.write(1, b'louder'); os.system('echo loudest')")
    assert statuses(root) == {"loud": ("active",)}


def test_blocked_plugins_are_reported_and_not_imported(write, root):
    write("broken", "while True: pass")
    (report,) = probe_plugins(root, no_plugins="*")
    assert (report.status, report.blocked_by) == ("blocked", "--no-plugins")


def test_settings_are_reported_with_secrets_masked(write, root):
    write(
        "mine",
        """
        import attrs
        @attrs.frozen
        class Settings:
            url: str = "x"
            token: str = attrs.field(default="", metadata=secret)
        @hookimpl
        def funnelflow_settings(): return Settings
        """,
    )
    (root / "funnelflow.toml").write_text('[plugins.mine]\ntoken = "s3cret"\n')
    (report,) = probe_plugins(root)
    assert [(s.name, s.shown, s.origin) for s in report.settings] == [
        ("url", "x", "default"),
        ("token", "***", "file"),
    ]
    assert "s3cret" not in str(report.to_json())


def test_a_configuration_that_is_not_understood_is_refused(root):
    (root / "funnelflow.toml").write_text("[plugins]\ndisabled = 1\n")
    with pytest.raises(ConfigurationError, match="`disabled` must be a list"):
        probe_plugins(root)


def test_a_conflict_is_a_problem_of_both(write, root):
    write("a", OFFERS)
    write("b", OFFERS)
    for report in probe_plugins(root):
        assert "both offer the criterion 'sound'" in report.problems[0]
        assert report.offers == {}
