"""The packages that ship are whole: what stands in their wheels, and what they ask for."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from email.parser import HeaderParser
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packages import build_wheel

ROOT = Path(__file__).parents[2]
BESIDE = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PLUGINS = [path for path in BESIDE if path.name != "funnelflow-spark"]  # which has no hooks
PACKAGES = [ROOT, *BESIDE]
OPTIONAL = {"hypothesis", "pytest", "psycopg", "pyarrow", "duckdb", "z3-solver"}
"""What funnelflow uses where it is there: pytest loads its plugin, the others are extras."""
EXTRAS = {"arrow": {"pyarrow"}, "postgres": {"psycopg"}, "prove": {"z3-solver"}}
"""What the extras of funnelflow bring."""
ELSEWHERE = {"funnelflow-spark": {"pyspark", "pandas"}}
"""What a package needs that is not installed for these tests."""
INDIRECT = {"graphviz", "itsdangerous"}
"""What another package imports for these: transitions, to draw, and Starlette, for sessions."""

every_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
every_plugin = pytest.mark.parametrize("package", BESIDE, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def wheel_of(tmp_path_factory):
    """Return what builds the wheel of a package, once."""
    built = {}

    def build(package):
        if package not in built:
            built[package] = ZipFile(build_wheel(package, tmp_path_factory.mktemp("wheel")))
        return built[package]

    yield build
    for wheel in built.values():
        wheel.close()


def project(package):
    return tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(texts):
    """Return the names of the packages that are required, with those of funnelflow's extras."""
    found = {re.match(r"[\w.-]+", text)[0].lower() for text in texts}
    asked = {e for text in texts for e in re.findall(r"^funnelflow\[(\w+)\]", text)}
    return found.union(*(EXTRAS[extra] for extra in asked))


def sources(directory):
    """Return the files of a package that somebody wrote; tools leave bytecode and hidden caches."""
    return [
        path
        for path in directory.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    ]


def imported(directory):
    """Return the packages of others that the files below a directory import."""
    providers = packages_distributions()
    own = {path.name for path in (directory / "src").glob("*")}
    names = {
        name.partition(".")[0]
        for path in directory.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in names_of(node)
    }
    others = names - sys.stdlib_module_names - own
    return {providers[name][0].lower() for name in others if name in providers}


def names_of(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


@every_package
def test_a_wheel_holds_every_file_of_its_package(package, wheel_of):
    held = set(wheel_of(package).namelist())
    (module,) = (package / "src").glob("funnelflow*")
    written = {path.relative_to(package / "src").as_posix() for path in sources(module)}
    assert f"{module.name}/py.typed" in written
    assert written - held == set()


def test_the_wheel_of_funnelflow_holds_every_definition(wheel_of):
    written = {f"funnelflow/{p.relative_to(ROOT)}" for p in sources(ROOT / "definitions")}
    assert written - set(wheel_of(ROOT).namelist()) == set()


@every_package
def test_a_wheel_says_what_it_is(package, wheel_of):
    wheel = wheel_of(package)
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said = HeaderParser().parsestr(wheel.read(name).decode("utf-8"))
    assert said["Requires-Python"] == project(ROOT)["requires-python"]
    assert said["License-Expression"] == "MIT"
    assert "Typing :: Typed" in said.get_all("Classifier")
    assert said["Summary"]
    assert said.get_payload().strip() == (package / "README.md").read_text("utf-8").strip()
    licence = wheel.read(name.replace("METADATA", "licenses/LICENSE"))
    assert licence == (ROOT / "LICENSE").read_bytes()


@every_package
def test_a_package_requires_what_it_imports_and_nothing_else(package):
    asked = requirements(project(package)["dependencies"])
    needed = imported(package / "src") | ELSEWHERE.get(package.name, set())
    needed -= OPTIONAL - asked
    assert needed - {"funnelflow"} == asked - {"funnelflow"} - INDIRECT


@every_plugin
def test_a_plugin_can_be_tested_with_what_it_asks_for(package):
    said = project(package)
    asked = requirements(said["dependencies"] + said["optional-dependencies"]["dev"])
    assert imported(package / "tests") - asked - {package.name} == set()


@every_plugin
def test_a_plugin_requires_the_funnelflow_that_it_is_made_with(package):
    version = ".".join(project(ROOT)["version"].split(".")[:2])
    asked = [re.sub(r"\[\w+\]", "", text) for text in project(package)["dependencies"]]
    assert f"funnelflow>={version}" in asked


def test_the_plugins_are_found_by_their_names(plugin_site, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "funnelflow", "plugins", "list", "--json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(plugin_site)},
        capture_output=True,
        check=True,
    )
    found = {report["source"]: report for report in json.loads(done.stdout)}
    assert sorted(found) == [package.name for package in PLUGINS]
    for package in PLUGINS:
        report = found[package.name]
        assert report["status"] == "active"
        assert report["version"] == project(package)["version"]
        assert list(project(package)["entry-points"]["funnelflow.v1"]) == [report["name"]]


def test_finding_the_plugins_imports_no_database_library(plugin_site):
    """Every command that looks for plugins pays for what they import."""
    modules = ", ".join(package.name.replace("-", "_") for package in PLUGINS)
    program = f"import sys, {modules}; print('sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(plugin_site)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "False\n"
