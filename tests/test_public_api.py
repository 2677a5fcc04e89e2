"""What `import funnelflow` offers: which names, at which cost, and with which types."""

import subprocess
import sys
from pathlib import Path

import pytest

import funnelflow

ROOT = Path(__file__).parents[1]


def test_every_public_name_is_there():
    for name in funnelflow.__all__:
        assert getattr(funnelflow, name) is not None
        assert name in dir(funnelflow)


def test_no_other_name_is():
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        funnelflow.opne  # noqa: B018


def test_the_kinds_of_errors_are_errors():
    kinds = [name for name in funnelflow.__all__ if name.endswith("Error")]
    assert len(kinds) > 8
    for name in kinds:
        kind = getattr(funnelflow, name)
        assert issubclass(kind, funnelflow.Error)
        assert kind.code
        assert 400 <= kind.http_status < 600


def test_importing_the_package_loads_nothing_else():
    program = (
        "import sys; before = set(sys.modules); import funnelflow; "
        "print(sorted(set(sys.modules) - before))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "['funnelflow']"


PROGRAM = """\
import funnelflow

shop = funnelflow.open("shop", database="other.db")
answer = shop.record("ada", "form_submitted", {"email": "x"}, roles=["sales"], create=True)
said: dict[str, object] = answer.to_json()
stage: str = answer.decision.after
rows = list(shop.rows("contact.budget > 5000", limit=10))
try:
    shop.move("ada", "customer", actor="bob")
except funnelflow.UnknownContactError as error:
    status: int = error.http_status
    print(error.to_json(), error.name, status)
funnel = funnelflow.Funnel(funnelflow.load_definition("own.yaml"))
problems = funnelflow.check(funnel.definition)
"""

MISTAKES = [
    ('shop.recrod("ada", "x")', "attr-defined"),
    ('shop.record("ada")', "call-arg"),
    ('shop.record("ada", "x", role=["sales"])', "call-arg"),
    ('shop.record("ada", "x", dry_run="yes")', "typeddict-item|arg-type"),
    ('shop.move("ada", to=None)', "arg-type"),
    ("number: int = answer.decision.after", "assignment"),
    ("funnelflow.opne()", "attr-defined"),
    ('shop.list(limit="10")', "arg-type"),
    ("failure.staus", "attr-defined"),
]


def test_mypy_finds_the_callers_mistakes_and_no_others(tmp_path):
    path = tmp_path / "program.py"
    lines = PROGRAM.splitlines()
    wrong = [*lines, "failure = funnelflow.Error('x')", *(line for line, _ in MISTAKES)]
    path.write_text("\n".join(wrong) + "\n")
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), path],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    errors = [line for line in found.stdout.splitlines() if ": error:" in line]
    first = len(lines) + 2
    for number, (line, codes) in enumerate(MISTAKES, start=first):
        (said,) = [e for e in errors if e.startswith(f"{path}:{number}:")]
        assert any(f"[{code}]" in said for code in codes.split("|")), (line, said)
    assert len(errors) == len(MISTAKES), found.stdout
