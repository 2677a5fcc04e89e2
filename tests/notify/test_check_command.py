"""``funnelflow check`` looks at whom a workspace tells, as ``doctor`` does."""

import json

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE

BAD = """[[notify]]
channel = "log"
when = "event.after == 'custmer'"
"""
GOOD = BAD.replace("custmer", "customer")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command line in a workspace with these endpoints; gives it and the directory."""
    shop = tmp_path / "shop"
    (shop / "definitions").mkdir(parents=True)
    (shop / "definitions" / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "outside.yaml").write_text(PIPELINE.replace("pipeline", "outside"))
    Workspace.create(shop, "pipeline").close()
    monkeypatch.chdir(shop)
    settings = '[workspace]\nfunnel = "pipeline"\n\n'

    def run(*arguments, toml=BAD):
        (shop / "funnelflow.toml").write_text(f"{settings}{toml}")
        return CliRunner().invoke(app, arguments, prog_name="funnelflow")

    return run


@pytest.mark.parametrize(
    "files", [[], ["definitions/pipeline.yaml"], ["pipeline"], ["dialogue", "pipeline"]]
)
def test_a_check_of_a_workspace_looks_at_its_endpoints(call, files):
    done = call("check", *files)
    assert done.exit_code == 1
    assert 'funnelflow.toml:6:24: E154 "custmer" is none of the values' in done.stdout
    assert '^^^^^^^^^\n    help: did you mean "customer"?' in done.stdout
    assert "1 endpoint checked: 1 error" in done.stderr.replace("definitions", "definition")


@pytest.mark.parametrize("files", [["../outside.yaml"], ["dialogue"]])
def test_what_stands_outside_of_the_workspace_is_checked_alone(call, files):
    done = call("check", *files)
    assert (done.exit_code, done.stdout) == (0, "")


def test_endpoints_that_are_in_order_are_counted(call):
    done = call("check", toml=GOOD)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "1 definition and 1 endpoint checked: nothing is wrong\n"


def test_a_workspace_without_endpoints_says_nothing_of_them(call):
    assert call("check", toml="").stderr == "1 definition checked: nothing is wrong\n"


def test_a_workspace_with_endpoints_needs_no_files_of_definitions(call, tmp_path):
    (tmp_path / "shop" / "definitions").rename(tmp_path / "shop" / "elsewhere")
    done = call("check")
    assert done.exit_code == 1
    assert done.stderr == "0 definitions and 1 endpoint checked: 1 error\n"
    assert call("check", toml="").exit_code == 2


def test_no_database_is_needed(call, tmp_path):
    (tmp_path / "shop" / "funnelflow.db").unlink()
    assert "E154" in call("check").stdout
    assert not (tmp_path / "shop" / "funnelflow.db").exists()


def test_every_funnel_in_use_is_meant(call, tmp_path):
    other = "funnel: other\ninitial: a\nstages: {a: {type: won}}\n"
    (tmp_path / "shop" / "definitions" / "other.yaml").write_text(other)
    budget = '[[notify]]\nchannel = "log"\nwhen = "contact.budget > 1"\n'
    assert call("check", toml=budget).exit_code == 0
    call("add", "ada", "--funnel", "other", toml="")
    assert "there is no field contact.budget in other" in call("check", toml=budget).stdout


def test_the_file_of_a_definition_counts_before_what_is_in_use(call, tmp_path):
    path = tmp_path / "shop" / "definitions" / "pipeline.yaml"
    path.write_text(PIPELINE.replace("customer", "client"))
    assert call("check", toml=GOOD).exit_code == 1
    assert "endpoint log: by log" in call("doctor", toml=GOOD).stdout


def test_a_definition_with_faults_hides_nothing_about_endpoints(call, tmp_path):
    path = tmp_path / "shop" / "definitions" / "pipeline.yaml"
    path.write_text(PIPELINE.replace("initial: new", "initial: nwe"))
    shown = call("check").stdout
    assert "F402" in shown or "F203" in shown
    assert "E154" in shown


def test_doctor_says_the_same(call):
    shown = " ".join(call("doctor").stdout.split())
    assert 'funnelflow.toml:6:24: "custmer" is none of the values of event.after' in shown
    two = BAD + 'fields = ["x"]\n'
    assert "(and 1 more: funnelflow check)" in " ".join(call("doctor", toml=two).stdout.split())


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[[notify]]\nchanel = 1\n", "F701 [[notify]] has no 'chanel'"),
        ("[nowhere]\n", "toml:4:1: F706 there is no table 'nowhere'"),
        ("[roles]\nx = 1\n", "F706 role `x` must be a list of actors"),
    ],
)
def test_settings_that_are_not_understood_are_problems_too(call, toml, said):
    done = call("check", toml=toml)
    assert done.exit_code == 1
    assert said in done.stdout


def test_a_variable_that_is_missing_is_a_warning_for_files_and_an_error_for_doctor(call):
    toml = '[[notify]]\nchannel = "log"\n[notify.settings]\npath = "${NO_SUCH_THING}"\n'
    assert call("check", toml=toml).exit_code == 0
    assert call("check", "--strict", toml=toml).exit_code == 1
    assert call("doctor", toml=toml).exit_code == 1
    assert call("deliver", toml=toml).exit_code == 2


def test_programs_get_the_same_as_json(call):
    (problem,) = json.loads(call("check", "--json").stdout)
    assert (problem["code"], problem["line"], problem["column"]) == ("E154", 6, 24)


def test_the_codes_are_explained(call):
    assert "names a notifier" in call("check", "--explain", "F702").stdout
