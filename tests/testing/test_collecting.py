"""Every scenario of a definition file is a test, in a project with no Python of its own."""

import pytest

FUNNEL = """\
funnel: small
fields: {budget: number}
events: {asked: {}, bought: {}}
initial: new
stages: {new: {}, talking: {}, customer: {type: won}}
transitions:
  - {from: new, to: talking, on: asked}
  - from: talking
    to: customer
    on: bought
    require: [Has money: contact.budget > 0]
scenarios:
  - story: Who asks is talking
    when: [asked]
    then: talking
  - story: Who has money buys
    given: {budget: 5}
    when: [asked, bought]
    then: customer
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "small.yaml").write_text(FUNNEL)
    return tmp_path


def test_each_scenario_of_a_directory_of_definitions_is_a_test(project, run_pytest):
    ran = run_pytest(project, "definitions/", "-v")
    assert ran.counts() == {"passed": 3}
    assert "small.yaml::is sound PASSED" in ran.out
    assert "small.yaml::Who asks is talking PASSED" in ran.out


def test_one_scenario_can_be_chosen(project, run_pytest):
    ran = run_pytest(project, "definitions/small.yaml::Who asks is talking")
    assert ran.counts() == {"passed": 1}


def test_a_story_that_ends_elsewhere_fails_with_its_steps_and_its_line(project, run_pytest):
    path = project / "definitions" / "small.yaml"
    path.write_text(FUNNEL.replace("given: {budget: 5}", "given: {budget: 0}"))
    ran = run_pytest(project)
    assert ran.code == 1
    assert ran.counts() == {"failed": 1, "passed": 2}
    assert "Who has money buys: it ended in talking, and must end in customer" in ran.out
    assert "not to customer: Has money (budget is 0; needs more than 0)" in ran.out
    assert "Traceback" not in ran.out


def test_a_definition_with_errors_is_one_failure_that_names_them_all(project, run_pytest):
    path = project / "definitions" / "small.yaml"
    path.write_text(FUNNEL.replace("to: talking", "to: talkin").replace("on: bought", "on: bougt"))
    ran = run_pytest(project)
    assert ran.counts() == {"failed": 1}
    assert "there is no stage 'talkin'" in ran.out
    assert "there is no event 'bougt'" in ran.out


def test_what_no_scenario_exercises_is_said_in_the_end(project, run_pytest):
    path = project / "definitions" / "small.yaml"
    path.write_text(FUNNEL[: FUNNEL.index("  - story: Who has money")])
    ran = run_pytest(project)
    assert "small: 1 of 2 transitions are taken, 0 of 1 criteria are looked at" in ran.out
    assert "never taken: talking to customer on bought" in ran.out
    assert "never looked at: Has money (talking to customer on bought)" in ran.out


def test_nothing_is_said_of_coverage_when_only_some_scenarios_ran(project, run_pytest):
    ran = run_pytest(project, "-k", "asks")
    assert ran.counts() == {"passed": 1}
    assert "no scenario exercises" not in ran.out


def test_a_file_that_is_named_is_taken_wherever_it_is(project, run_pytest):
    (project / "mine.yaml").write_text(FUNNEL)
    assert run_pytest(project, "mine.yaml").counts() == {"passed": 3}


def test_yaml_elsewhere_and_yaml_that_is_no_funnel_is_left_alone(project, run_pytest):
    (project / "other").mkdir()
    (project / "other" / "small.yaml").write_text(FUNNEL)
    (project / "definitions" / "vocabulary.yaml").write_text("vocabulary: mine\n")
    (project / "definitions" / "broken.yaml").write_text("]: [")
    assert run_pytest(project).counts() == {"passed": 3}


def test_the_directories_can_be_named(project, run_pytest):
    (project / "definitions").rename(project / "funnels")
    (project / "pytest.ini").write_text("[pytest]\nfunnelflow_definitions = funnels\n")
    assert run_pytest(project).counts() == {"passed": 3}


def test_a_workspaces_own_plugins_and_vocabularies_are_used(project, run_pytest):
    (project / "funnelflow.toml").write_text("[workspace]\n")
    (project / "plugins").mkdir()
    (project / "plugins" / "rules.py").write_text(
        "from funnelflow.plugins import *\n"
        "@hookimpl\n"
        "def funnelflow_criteria():\n"
        "    rich = lambda call: call.fields.get('budget', 0) > 3\n"
        "    return [CriterionProvider('rich', rich, 'Is rich')]\n"
    )
    path = project / "definitions" / "small.yaml"
    path.write_text(FUNNEL.replace("Has money: contact.budget > 0", "criterion: rich"))
    assert run_pytest(project, "definitions").counts() == {"passed": 3}


def test_a_module_of_the_project_can_be_a_plugin_without_being_installed(project, run_pytest):
    (project / "rules_of_the_project.py").write_text(
        "from funnelflow.plugins import *\n"
        "@hookimpl\n"
        "def funnelflow_criteria():\n"
        "    rich = lambda call: call.fields.get('budget', 0) > 3\n"
        "    return [CriterionProvider('rich', rich, 'Is rich')]\n"
    )
    (project / "pytest.ini").write_text("[pytest]\nfunnelflow_plugins = rules_of_the_project\n")
    path = project / "definitions" / "small.yaml"
    path.write_text(FUNNEL.replace("Has money: contact.budget > 0", "criterion: rich"))
    assert run_pytest(project, "definitions").counts() == {"passed": 3}


def test_a_story_that_comes_twice_has_two_names(project, run_pytest):
    path = project / "definitions" / "small.yaml"
    path.write_text(FUNNEL.replace("Who has money buys", "Who asks is talking"))
    assert "Who asks is talking (2)" in run_pytest(project, "-v").out
