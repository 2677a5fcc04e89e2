"""What holds for the whole project: public names, help, documents, and no trace of a machine."""

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest

import funnelflow
from funnelflow.cli.app import app

ROOT = Path(__file__).parents[1]
SOURCE = Path(funnelflow.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

PUBLIC = {
    "funnelflow.arrow": """
        DECISIONS EXPORTED OPTIONAL POSITIONS REJECTED STAYS AnyDefinition batches_of decisions fold
        funnels_of positions stays
    """,
    "funnelflow.cli": """
        as_json command current main
    """,
    "funnelflow.compare": """
        Agreement Crosswalk GlossaryEntry JointStages Meaning Moment Need NeedCell NeedRow
        NeedTable SharedWord Side StoryOfMany StoryReading Threshold Translation Way WayNeeds
        WhatIf WordNeeds WordPair agreement_of crosswalk glossary joint_stages need_table
        read_scenarios read_story shared_words story_events the_threshold translate with_decisive
    """,
    "funnelflow.criteria": """
        AS_WRITTEN BOOLEAN DURATION EXPRESSION_CODES INTEGER MORE NUMBER SCALARS SEVERITIES
        TEXT TIMESTAMP AllOf AnyOf AtLeast Catalogue Check Clause Code CompiledRule
        CriterionError Custom CustomAnswer CustomCall Explanation Expression
        ExpressionProblem Facts Field Fields Leaf Position Roles Rule Scalar Schedule Scope
        Seen Severity SqlFilter Type Value Verdict check_rule compile_expression
        compile_rule compile_values constants_of duration_words list_of next_change
        parse_duration parse_type reads_of_event rule_customs rule_expressions schedule
        unschedulable
    """,
    "funnelflow.definition": """
        BUILT_IN_EVENTS CODES Code Criterion CriterionProvider Definition DefinitionChange
        DefinitionError EventType Field Format Group Invariant Library Linked LinkedEvent
        LinkedInvariant LinkedTransition LoadedFile Position Problem Requirement Scenario
        ScenarioStep SchemaName SharedStory Span Stage StageType Transition Vocabulary check diff
        digest either from_json link link_stored load_definition load_story read_definition
        read_vocabulary renamed_stages render_problems schema schema_text shipped_definitions
        takes to_json
    """,
    "funnelflow.engine": """
        Cause Considered Contact Coverage Decision Event FactChange
        Funnel GuardedTransition Outcome Question ScenarioResult Taken Verb Veto coverage_of decide
        questions retold run_scenario scenario_events settable why
    """,
    "funnelflow.ingest": """
        MODES FileError FileMapping FileOptions Form IncomingRecord KeptRecord KeptRecords Mode
        Progress Receipt Rejection RowError Rows SourceFile Summary Watch apply_file as_file
        check_source find_mapping import_file read_mapping read_objects receive_records
        retry_kept set_aside
    """,
    "funnelflow.maintenance": """
        Adopted AdoptionPlan Ahead BackedUp BrokenPromise BulkAnswer BulkDone Conflict Dumped
        Erased ExportRequest Finding FoundValue HeadsFileError Merged Repaired Shift SinceHeads
        StandsElsewhere Ticked Undone UnmappedStageError Verification back_up broken_promises
        contacts_ahead dump_database exported_rows in_use load_database plan_adoption restore
        run_adoption run_bulk run_erasure run_merge run_repair run_tick run_unmerge
        run_verification search_values undo_run what_if what_if_threshold write_rows
    """,
    "funnelflow.notify": """
        BUILT_IN CONTENT_TYPE Delivered Deliverer Delivery Endpoint Pace check_subscriptions
        message_of next_attempt open_endpoint open_endpoints
    """,
    "funnelflow.plugins": """
        BeforeTransition CommandProvider Committed ContactCreated CriterionProvider
        DeliveryError FormatProvider Message NotifierProvider NumberProvider Plugin PluginHost
        Settings WorkspaceHandle expand
        hookimpl load_plugins read_plugin_config read_settings refuse_inside secret
        shown_settings
    """,
    "funnelflow.report": """
        Calendar CountedContact Frame Journey JourneyDecision LateRow Lengths Number
        NumberDefinition PeriodKind Picture Report ReportOptions Tally TodoItem TodoReason
        build_report counted_in definition_of definition_picture limits_of number_definitions
        report_of report_page report_policy
    """,
    "funnelflow.testing": """
        Answer CriterionContract Example FrozenClock NotifierContract Received Receiver
        StoreContract WorkspaceMaker example_message
    """,
}
"""The public names of each package. A new one is a decision: add it here in the same change."""


def packages() -> list[str]:
    """List the packages right below `funnelflow`."""
    return sorted(f"funnelflow.{p.parent.name}" for p in SOURCE.glob("*/__init__.py"))


def commands(group: click.Group, name: str) -> list[tuple[str, click.Command]]:
    """List a group's commands with their names, those of groups within it too."""
    context = click.Context(group, info_name=name)
    found = [
        (f"{name} {inner}", command)
        for inner in group.list_commands(context)
        if (command := group.get_command(context, inner)) is not None
    ]
    nested = [
        pair for inner, c in found if isinstance(c, click.Group) for pair in commands(c, inner)
    ]
    return [pair for pair in found if not isinstance(pair[1], click.Group)] + nested


def project_files() -> list[Path]:
    """List the text files of the project; what tools leave behind is not among them."""
    folders = ("src", "tests", "tools", "definitions", "benchmarks", "examples", "plugins", ".ci")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [
        path
        for path in [*found, *ROOT.glob("*.md"), ROOT / "pyproject.toml"]
        if "__pycache__" not in path.parts and path.suffix not in {".pyc", ".db", ".png"}
    ]


def lines_with(pattern: str) -> list[str]:
    """List the lines of the project in which a pattern is found, each with its place."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in project_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
        if re.search(pattern, line)
    ]


def test_every_package_with_a_public_api_is_pinned():
    with_api = [r for r in packages() if hasattr(importlib.import_module(r), "__all__")]
    assert with_api == sorted(PUBLIC)


def test_only_packages_say_what_is_public():
    listing = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if path.name != "__init__.py" and "\n__all__ = " in path.read_text(encoding="utf-8")
    ]
    assert listing == []


@pytest.mark.parametrize("package", sorted(PUBLIC))
def test_the_public_names_of_a_package_are_pinned(package):
    assert importlib.import_module(package).__all__ == PUBLIC[package].split()


@pytest.mark.parametrize("package", sorted(PUBLIC))
def test_everything_public_is_documented(package):
    module = importlib.import_module(package)
    assert module.__doc__
    undocumented = [
        name
        for name in module.__all__
        if (inspect.isclass(thing := getattr(module, name)) or inspect.isfunction(thing))
        and not inspect.getdoc(thing)
    ]
    assert undocumented == []


def test_every_module_says_what_is_in_it():
    silent = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def repeated(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return what is named more than once, with where."""
    where: dict[str, list[str]] = {}
    for name, path in names:
        where.setdefault(name, []).append(path)
    return {name: paths for name, paths in where.items() if len(paths) > 1}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Read every Python file of the package, each with its path below it."""
    for path in SOURCE.rglob("*.py"):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text(encoding="utf-8"))


def test_no_file_name_stands_twice_below_the_command_line():
    files = [
        (path.name, str(path.relative_to(SOURCE)))
        for path in SOURCE.rglob("*.py")
        if path.name != "__init__.py" and not {"cli", "migrations"} & {*path.parts}
    ]
    assert repeated(files) == {}


def test_no_public_class_name_stands_twice():
    classes = [
        (node.name, path)
        for path, tree in sources()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert repeated(classes) == {}


def test_no_name_of_a_public_api_stands_for_two_things():
    meanings: dict[str, list[object]] = {}
    for package in PUBLIC:
        module = importlib.import_module(package)
        for name in module.__all__:
            meanings.setdefault(name, []).append(getattr(module, name))
    assert [n for n, things in meanings.items() if any(t is not things[0] for t in things)] == []


HIDDEN_IMPORTS = {
    "storage/changes.py",  # names the type of one attribute of what units of work share
    "testing/pytest_plugin.py",  # pytest loads it in every project of the environment
}
"""Files besides lazy packages in which only a type checker sees some imports of funnelflow."""


def test_imports_are_hidden_from_python_only_in_lazy_packages():
    hiding = {
        path
        for path, tree in sources()
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("funnelflow")
    }
    assert {path for path in hiding if not path.endswith("__init__.py")} <= HIDDEN_IMPORTS


def test_every_command_has_help_with_an_example():
    for name, command in commands(app, "funnelflow"):
        page = command.get_help(click.Context(command, info_name=name))
        assert command.help, name
        assert f"\n  {name}" in page.partition("Examples:")[2], name


def test_every_command_that_writes_can_say_first_what_would_happen():
    reads = {"check", "compare", "doctor", "export", "glossary", "history", "list", "runs", "show"}
    reads |= {"report", "todo", "status", "story", "test", "translate", "verify", "whatif", "why"}
    without = {
        name.split()[-1]
        for name, command in commands(app, "funnelflow")
        if not any(option.name == "dry_run" for option in command.params)
    }
    assert without <= reads


def test_every_option_says_what_it_is_for():
    for name, command in commands(app, "funnelflow"):
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"


def test_the_changelog_has_an_entry_for_this_version():
    version = PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (entry,) = re.findall(
        rf"^## {re.escape(version)}\b.*\n(?:(?!## ).*\n)+", changelog, re.MULTILINE
    )
    assert "\n- " in entry


def test_every_package_is_on_the_map_for_contributors():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [r for r in packages() if f"`src/{r.replace('.', '/')}`" not in text] == []


def test_every_test_with_a_full_size_is_named_for_contributors():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sizes = [
        found
        for path in (ROOT / "tests").rglob("test_*.py")
        for found in re.findall(
            r'^[A-Z]+ = .*environ\.get\("(\w+)"', path.read_text("utf-8"), re.MULTILINE
        )
    ]
    assert len(sizes) > 3
    assert [size for size in sizes if f"`{size}=" not in text] == []
    assert "--hypothesis-profile=full" in text
    assert "python -m funnelflow.testing.cel_conformance" in text


def test_every_benchmark_is_named_for_contributors():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = re.findall(
        r'^    "(\w+)":', (ROOT / "benchmarks/__main__.py").read_text(), re.MULTILINE
    )
    assert len(names) > 5
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_the_readme_names_the_main_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("init", "demo", "check", "test", "show", "add", "record", "move", "why", "apply"):
        assert re.search(rf"funnelflow {name}\b|`{name}`", readme), name


def test_nothing_names_a_path_of_a_machine():
    assert lines_with(r"(?<![\w.~}/])/(?:work|farm|root|home|Users)/\w") == []


def test_nothing_is_left_for_later():
    assert lines_with(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b") == []


def test_the_package_carries_its_definitions_and_samples():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"definitions": "funnelflow/definitions"}
    assert (SOURCE / "samples" / "events.csv").is_file()
    assert (SOURCE / "py.typed").is_file()


def lazy_packages() -> list[str]:
    """List the packages that import their public names when they are first used."""
    return [
        f"funnelflow.{path.parent.name}"
        for path in SOURCE.glob("*/__init__.py")
        if "lazy_names(" in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("package", lazy_packages())
def test_a_lazy_package_finds_all_that_is_public(package):
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", lazy_packages())
def test_no_module_of_a_lazy_package_stands_in_for_a_public_name(package):
    module = importlib.import_module(package)
    files = {path.stem for path in Path(str(module.__file__)).parent.glob("*.py")}
    imported = ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
    lazily = {
        name.name
        for block in imported
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert lazily
    assert files & lazily == set()
