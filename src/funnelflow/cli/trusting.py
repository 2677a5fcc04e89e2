"""``funnelflow trust``: a workspace of somebody else's, used all the same."""

from collections.abc import Iterator
from pathlib import Path

import click

from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import note, note_dry_run
from funnelflow.cli.session import answer
from funnelflow.cli.text import Line, Page, line, strong
from funnelflow.workspace.settings import find_workspace
from funnelflow.workspace.trust import TrustReport, trust_report
from funnelflow.workspace.trust import trust as trust_it


@command("trust", "funnelflow trust . --dry-run", "funnelflow trust .")
@click.argument(
    "directory", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--withdraw", is_flag=True, help="Trust it no longer.")
@dry_run
@as_json
def trust(directory: Path, *, withdraw: bool, dry_run: bool) -> int:
    """Trust a workspace that is not one's own.

    A workspace runs code: its plugins, and the commands that its settings name. One that
    belongs to somebody else, or that others can write to, is therefore not used before you have
    looked at it and said this. It is trusted as it is now: when its plugins or such settings
    change, it is to be looked at again. What you trust is kept for you, not in the workspace.
    """
    root = find_workspace(directory)
    found = trust_report(root)
    if not dry_run:
        trust_it(root, withdraw=withdraw)
        found = trust_report(root)
    if answer(found.to_json, lambda page: page_lines(found, page)):
        if dry_run:
            note_dry_run()
        elif not found.why:
            note("it is your own, and needs no trust")
    return 0


def page_lines(found: TrustReport, page: Page) -> list[Line]:
    """Draw what there is to trust."""
    state = "trusted" if found.is_trusted else "not trusted"
    rows = {"why it asks": found.why or "it does not: it is yours", "runs": ", ".join(found.files)}
    said = {**rows, "settings": ", ".join(f"[{name}]" for name in found.settings)}
    return [*_head(found, state), *page.named({k: v for k, v in said.items() if v}, indent=2)]


def _head(found: TrustReport, state: str) -> Iterator[Line]:
    yield line(strong(f"{found.directory}: "), state)
