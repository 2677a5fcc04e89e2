"""Every command that a hint prints runs as it is printed."""

import re
import shlex

import pytest

COMMAND = re.compile(r"`(funnelflow [^`]*)`|(funnelflow [a-z][^`]*?)(?: ;|$)")
"""A command in a hint: in backticks, or up to where the hint ends."""
OPEN = re.compile(r"…|\b[A-Z]{2,}\b|--help")
"""What stands where somebody must write something of their own, or asks for help only."""

FAILING = [
    "why nobody", "record nobody replied", "move ada nowhere", "move ada customer",
    "set nobody x=1", "record ada nothing", "set ada colour=red", "list --where contact.colour",
    "lisst", "delete ada", "show nothing", "undo 99 --reason x", "undo 99",
    "void ada 9 --reason x", "merge ada --into eve", "erase ada", "translate eve --to pipeline",
    "translate ada --to nothing", "import none.csv", "apply bad.csv", "apply decimal.csv",
    "apply zone.csv", "db restore none", "report --by colour", "list @hot", "enter ada nothing",
    "leave ada dialogue", "unmerge ada", "compare pipeline nothing", "test none.yaml",
    "check none.yaml", "trust nowhere", "plugins show nothing", "outbox retry 5",
    "adopt none.yaml", "runs --limit x", "whatif none.yaml", "export evidence out.odd",
    "config nothing", "history nobody", "story none",
]  # fmt: skip


@pytest.fixture
def files(workspace, call):
    """Put files with mistakes beside a contact."""
    head = "contact,event,at,budget\n"
    (workspace / "bad.csv").write_text(head + "ada,repled,2026-03-01T09:00:00Z,\n")
    (workspace / "decimal.csv").write_text(head + 'ada,called,2026-03-01T09:00:00Z,"1,5"\n')
    (workspace / "zone.csv").write_text(head + "ada,replied,2026-03-01,\n")
    (workspace / "m.toml").write_text('[events]\nreplid = "replied"\n')
    assert call("add", "ada").exit_code == 0


def commands_in(text):
    """Return the commands that hints print and that leave nothing to be written."""
    lines = re.sub(r"\n {6,}", " ", text).splitlines()
    hints = [line for line in lines if line.startswith("hint: ")]
    found = [one or other for line in hints for one, other in COMMAND.findall(line)]
    return [one for one in found if not OPEN.search(one)]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("failing", FAILING)
def test_the_commands_in_hints_run_as_printed(call, failing):
    failed = call(*shlex.split(failing))
    assert failed.exit_code in (1, 2)
    for printed in commands_in(failed.output):
        done = call(*shlex.split(printed)[1:])
        assert done.exit_code in (0, 1), f"{printed}\n{done.output}"
