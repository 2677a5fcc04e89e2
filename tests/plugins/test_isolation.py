"""One broken plugin hurts nobody: each way of being broken, with a real plugin file."""

import contextlib
import io
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from funnelflow.criteria import CustomCall
from funnelflow.errors import ConfigurationError
from funnelflow.plugins import Committed, PluginHost, load_plugins
from funnelflow.plugins.host import MOST_PROBLEMS, FailureLog
from funnelflow.plugins.isolation import WATCH, Fault, attempt, inside, refuse_inside

from .support import NOW, committed, transition

GOOD = """
@hookimpl
def funnelflow_criteria():
    return [CriterionProvider("sound", lambda call: True, "Sound")]
"""


@pytest.fixture(autouse=True)
def good(write) -> None:
    """A plugin that must go on working beside every broken one."""
    write("a_good", GOOD)


def only_report(reported) -> str:
    """Return the one warning that there is, after a look at where it leads."""
    assert len(reported.said) == 1
    message, plugin, _ = reported.said[0]
    assert plugin == "broken"
    return message


def the_good_works(host: PluginHost) -> bool:
    call = CustomCall({}, {}, NOW, {})
    return host.criteria["sound"].function(call) is True


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("def broken(:", "SyntaxError"),
        ("raise ValueError('at import')", "ValueError: at import"),
        ("import sys; sys.exit(3)", "it called sys.exit(3)"),
        ("class Out(BaseException): ...\nraise Out('of here')", "Out: of here"),
        ("raise RecursionError", "RecursionError"),
    ],
)
def test_an_import_that_fails_is_reported_once_and_the_others_work(
    write, host, reported, source, said
):
    write("broken", source)
    found = host()
    assert said in only_report(reported)
    assert "plugin broken cannot be used" in reported.messages[0]
    assert the_good_works(found)


def test_a_wrong_name_of_a_hook_is_reported_with_the_right_one(write, host, reported):
    write("broken", "@hookimpl\ndef funnelflow_criterias(): return []")
    assert the_good_works(host())
    assert only_report(reported).endswith(
        "there is no hook funnelflow_criterias; did you mean funnelflow_criteria?"
    )


def test_a_hook_that_is_not_marked_is_reported(write, host, reported):
    write("broken", "def funnelflow_criteria(): return []")
    assert the_good_works(host())
    assert "funnelflow_criteria lacks @hookimpl" in only_report(reported)


def test_wrong_arguments_are_reported_with_the_right_ones(write, host, reported):
    write("broken", "@hookimpl\ndef funnelflow_after_commit(contact): ...")
    assert the_good_works(host())
    assert only_report(reported).endswith(
        "funnelflow_after_commit(contact) takes contact, but the hook may take context and settings"
    )


def test_a_wrapper_is_refused(write, host, reported):
    write("broken", "@hookimpl(wrapper=True)\ndef funnelflow_criteria():\n    return (yield)")
    assert the_good_works(host())
    assert "is a wrapper" in only_report(reported)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise OSError('no')", "funnelflow_criteria: OSError: no"),
        ("import sys; sys.exit('bye')", "funnelflow_criteria: it called sys.exit('bye')"),
        ("return 5", "it gave int; give a list of records"),
        ("return ['no record']", "gave str, not CriterionProvider"),
        ("yield 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_registration_hook_that_fails_offers_nothing(write, host, reported, body, said):
    write("broken", f"@hookimpl\ndef funnelflow_criteria():\n    {body}")
    found = host()
    assert list(found.criteria) == ["sound"]
    assert said in only_report(reported)
    assert the_good_works(found)


@pytest.mark.parametrize("body", ["raise OSError('no')", "raise SystemExit", "1 / 0"])
def test_an_observer_that_fails_changes_nothing_and_the_next_is_called(write, host, reported, body):
    write("broken", f"@hookimpl\ndef funnelflow_after_commit(context):\n    {body}")
    write(
        "later",
        "seen = []\n@hookimpl\ndef funnelflow_after_commit(context): seen.append(context.contact)",
    )
    found = host()
    found.committed(committed())
    found.committed(committed())
    assert "failed in funnelflow_after_commit" in only_report(reported)
    later = found.plugins[-1].hooks["funnelflow_after_commit"].function
    assert later.__globals__["seen"] == ["ada", "ada"]


def test_a_veto_that_fails_is_a_veto_that_says_so(write, host, reported):
    write("broken", "@hookimpl\ndef funnelflow_before_transition(context): raise OSError('no')")
    assert host().before(transition()) == [("broken", "it failed: OSError: no")]
    assert "OSError" in only_report(reported)


@pytest.mark.parametrize(
    ("answer", "given"),
    [("7", "int"), ("False", "False"), ("True", "True"), ("''", "an empty text"), ("[]", "list")],
)
def test_what_is_neither_none_nor_a_reason_is_a_veto_that_says_what_was_given(
    write, host, answer, given
):
    write("broken", f"@hookimpl\ndef funnelflow_before_transition(context): return {answer}")
    assert host().before(transition()) == [("broken", f"gave {given}, not a reason or None")]


def test_a_reason_is_one_line_without_control_characters(write, host):
    write(
        "broken",
        "@hookimpl\ndef funnelflow_before_transition(context): return 'a\\n b\\x1b[2J'",
    )
    assert host().before(transition()) == [("broken", "a b�[2J")]


@pytest.mark.parametrize("failure", ["raise KeyError('x')", "raise SystemExit(1)"])
def test_a_criterion_that_fails_raises_on_and_is_reported_once(write, host, reported, failure):
    write(
        "broken",
        f"""
        def bad(call):
            {failure}
        @hookimpl
        def funnelflow_criteria():
            return [CriterionProvider("bad", bad, "Bad")]
        """,
    )
    function = host().criteria["bad"].function
    for _ in range(2):
        with pytest.raises((KeyError, SystemExit)):
            function(CustomCall({}, {}, NOW, {}))
    assert "failed in criterion bad" in only_report(reported)


def test_what_it_prints_at_any_time_goes_to_stderr(write, host, capsys):
    write(
        "broken",
        """
        import sys
        print("at import")
        @hookimpl
        def funnelflow_criteria():
            print("at registration")
            return []
        @hookimpl
        def funnelflow_after_commit(context):
            sys.stdout.write("after commit")
        """,
    )
    found = host()
    assert "sound" in found.criteria
    found.committed(committed())
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "at import\nat registration\nafter commit"


def test_what_other_threads_print_meanwhile_goes_to_stdout(capsys):
    inside_now, printed = threading.Event(), threading.Event()

    def serve() -> None:
        inside_now.wait(5)
        sys.stdout.write("an answer\n")
        printed.set()

    thread = threading.Thread(target=serve)
    thread.start()
    with inside("chatty", "criterion slow"):
        inside_now.set()
        printed.wait(5)
        sys.stdout.write("a remark\n")
    thread.join()
    out, err = capsys.readouterr()
    assert (out, err) == ("an answer\n", "a remark\n")


def test_who_replaces_stdout_while_a_plugin_runs_keeps_it(capsys):
    other = io.StringIO()
    with inside("chatty", "its import"):
        with contextlib.redirect_stdout(other):
            with inside("chatty", "its import"):
                sys.stdout.write("nested\n")
            sys.stdout.write("caught\n")
        sys.stdout.write("to stderr too\n")
    sys.stdout.write("data\n")
    out, err = capsys.readouterr()
    assert other.getvalue() == "nested\ncaught\n"
    assert (out, err) == ("data\n", "to stderr too\n")


def test_what_a_plugin_prints_where_there_is_no_stream_is_lost(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    with inside("chatty", "its import"):
        print("nobody hears", flush=True)  # noqa: T201  # as plugins do
    assert sys.stdout is None


def test_a_failure_is_reported_again_after_a_minute_with_how_often(
    write, host, reported, monkeypatch
):
    write("broken", "@hookimpl\ndef funnelflow_after_commit(context): raise OSError('full')")
    found = host()
    seconds = itertools.count(0.0, 10.0)
    monkeypatch.setattr(found, "_failures", FailureLog(lambda: next(seconds)))
    for _ in range(13):
        found.committed(committed())
    first, *again = reported.messages
    assert "times" not in first
    assert again == [f"{first} (6 times since this was last said)"] * 2


def test_different_failures_of_one_kind_are_not_all_kept(write, host):
    write(
        "broken",
        """
        @hookimpl
        def funnelflow_after_commit(context): raise OSError(context.sequence)
        """,
    )
    found = host()
    for sequence in range(100):
        found.committed(committed(sequence=sequence))
    assert len(found.plugins[-1].problems) == MOST_PROBLEMS + 1
    assert "OSError: 99" in found.plugins[-1].problems[-1]


def test_an_optional_hook_that_there_is_none_of_is_left_out(write, host, reported):
    write(
        "later",
        """
        @hookimpl(optionalhook=True)
        def funnelflow_of_tomorrow(): ...
        @hookimpl
        def funnelflow_after_commit(context): ...
        """,
    )
    found = host()
    assert reported.said == []
    assert list(found.plugins[-1].hooks) == ["funnelflow_after_commit"]


@pytest.mark.parametrize(
    ("bounds", "is_used"),
    [
        (">=9", False),
        (">=0.1,<9", True),
        ("<0.1", False),
        ("~=0.1", True),
        ("~=9.1", False),
        ("!=0.2,>=0.0.1", True),
        ("==0.1.*", True),
        ("", True),
    ],
)
def test_a_package_that_requires_another_version_is_not_used(
    monkeypatch, reported, bounds, is_used, root
):
    class Package:
        name, version = "funnelflow-later", "1.2"
        requires = ("attrs>=99", f'funnelflow[postgres]{bounds}; python_version > "3"')

    class Point:
        name, value, module, dist = "later", "funnelflow_later", "funnelflow_later", Package
        load = staticmethod(object)

    monkeypatch.setattr("funnelflow.plugins.loading.entry_points", lambda **_: (Point,))
    monkeypatch.setattr("funnelflow.plugins.loading.version", lambda _: "0.1.dev3")
    found = load_plugins(root, on_problem=reported, environment={})
    assert (found.plugins[0].status == "active") is is_used
    assert (reported.said == []) is is_used
    if bounds == ">=9":
        assert reported.messages[0] == (
            "plugin later 1.2 cannot be used: it requires funnelflow>=9, "
            "and this is funnelflow 0.1.dev3"
        )


def test_stdout_is_itself_again_after_a_failure(capsys):
    with pytest.raises(Fault):
        attempt("broken", "its import", lambda: 1 / 0)
    sys.stdout.write("data\n")
    assert capsys.readouterr().out == "data\n"


@pytest.mark.parametrize(
    "change",
    [
        "context.fields['budget'] = 0",
        "context.fields.clear()",
        "context.facts['budget'] = 0",
        "context.after = 'customer'",
        "context.path[0].to = 'customer'",
    ],
)
def test_what_it_is_given_cannot_be_changed(write, host, reported, change):
    write("broken", f"@hookimpl\ndef funnelflow_after_commit(context): {change}")
    context = committed(fields={"budget": 5.0})
    host().committed(context)
    assert only_report(reported)
    assert context.fields == {"budget": 5.0}


def test_a_context_does_not_change_with_what_it_was_made_of():
    fields = {"budget": 5.0}
    context = committed(fields=fields)
    fields["budget"] = 0.0
    assert context.fields["budget"] == 5.0


def test_a_slow_import_is_reported_with_its_time_and_the_plugin_is_used(
    write, host, reported, monkeypatch
):
    monkeypatch.setattr("funnelflow.plugins.loading.SLOW", 0.05)
    write("broken", "import time; time.sleep(0.1)" + GOOD.replace("sound", "slow"))
    found = host()
    assert "its import took 0.1 seconds" in only_report(reported)
    assert "slow" in found.criteria


def test_a_call_that_does_not_come_back_is_named_with_what_turns_it_off(capfd, monkeypatch):
    monkeypatch.setattr(WATCH, "patience", 0.05)
    with inside("broken", "its import"):
        time.sleep(1.2)
    err = capfd.readouterr().err
    assert "plugin broken has not come back from its import" in err
    assert "--no-plugins=broken" in err


def test_an_endless_loop_in_process_ends_with_ctrl_c_and_names_its_plugin(write, root):
    write("broken", "while True: pass")
    program = (
        "import funnelflow.plugins.isolation as g; g.WATCH.patience = 0.2\n"
        "from funnelflow.plugins import load_plugins; from pathlib import Path\n"
        f"load_plugins(Path({str(root)!r}))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        reported = "plugin broken has not come back from its import"
        is_shown = any(reported in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        try:
            _, rest = process.communicate(timeout=20)
        finally:
            process.kill()
    assert is_shown
    assert "KeyboardInterrupt" in rest
    assert process.returncode != 0


def test_a_change_from_within_a_hook_is_refused(write, host, reported):
    write(
        "broken",
        """
        @hookimpl
        def funnelflow_after_commit(context):
            refuse_inside("record something")
        """,
    )
    host().committed(committed())
    assert "tried to record something from within funnelflow_after_commit" in only_report(reported)


def test_a_change_outside_of_hooks_is_not_refused():
    refuse_inside("record something")


def test_two_plugins_with_one_name_of_a_criterion_are_both_named_and_neither_is_used(
    write, host, reported
):
    write("b_other", GOOD)
    found = host()
    assert "sound" not in found.criteria
    (message,) = reported.messages
    assert message == (
        "plugins a_good and b_other both offer the criterion 'sound', so neither's is used"
    )
    assert all(message in plugin.problems for plugin in found.plugins)


def test_a_name_of_funnelflows_own_is_not_used(write, host, reported):
    write(
        "broken",
        """
        @hookimpl
        def funnelflow_formats():
            return [FormatProvider("csv", (".cells",), lambda path: [])]
        """,
    )
    assert "csv" not in host().formats
    assert "the format 'csv' which is the name of funnelflow's own" in only_report(reported)


def test_two_plugins_of_one_name_are_not_imported_and_can_be_told_apart(
    write, host, reported, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_good.py").write_text("raise AssertionError('imported')")
    found = host(modules=["a_good"])
    assert [plugin.status for plugin in found.plugins] == ["broken", "broken"]
    assert "workspace:a_good" in reported.messages[0]
    assert "module:a_good" in reported.messages[0]
    reported.said.clear()
    left = host(modules=["a_good"], no_plugins="module:a_good")
    assert [plugin.status for plugin in left.plugins] == ["active", "blocked"]
    assert reported.said == []


def test_a_plugin_that_is_at_hand_must_be_in_order():
    class Wrong:
        pass

    host = PluginHost()
    host.register(Wrong(), "right")
    with pytest.raises(ConfigurationError, match="there is a plugin 'right' already"):
        host.register(Wrong(), "right")


def test_a_context_has_room_for_more():
    assert Committed.__attrs_attrs__
    assert all(attribute.kw_only for attribute in Committed.__attrs_attrs__)


def test_a_file_that_begins_with_an_underscore_is_no_plugin(write, host):
    path = write("_helpers", "raise AssertionError")
    assert Path(path).exists()
    assert [plugin.name for plugin in host().plugins] == ["a_good"]
    assert os.environ.get("FUNNELFLOW_NO_PLUGINS") is None
