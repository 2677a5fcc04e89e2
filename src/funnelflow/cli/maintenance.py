"""``funnelflow verify``: the database proves itself."""

import click

from funnelflow.cli.contacts import moment_of
from funnelflow.cli.facts import moment
from funnelflow.cli.options import acting, as_json, command, dry_run
from funnelflow.cli.output import counted, hint, note, say, watching, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, TextSpan, line
from funnelflow.maintenance.tick import Ticked
from funnelflow.maintenance.verify_contacts import Finding, Verification


@command("tick", "funnelflow tick", "funnelflow tick --dry-run")
@click.option("--at", metavar="TIME", help="The time to bring everybody to, if not now.")
@acting
@dry_run
@as_json
def tick(at: str | None, actor: str, *, dry_run: bool) -> int:
    """Take the timed transitions that are due.

    A contact's clock goes on with every event about it; tick brings it to now
    where that makes a transition happen. Run it from time to time, such as
    every night.
    """
    session = current()
    with session.open() as workspace:
        ticked = workspace.tick(moment_of(at, workspace), actor=actor, dry_run=dry_run)
    if session.json:
        write_json(ticked.to_json())
        return 0
    say(_lines(ticked))
    if dry_run:
        note("dry run: nothing was stored")
    return 0


def _lines(ticked: Ticked) -> list[Line]:
    """Say what time has done."""
    when = f"{moment(ticked.now)} UTC"
    if not ticked.due:
        return [line(f"nothing is due at {when}")]
    moves = "would move" if ticked.dry_run else "moved"
    stays = ticked.due - ticked.moved
    rest = f"; for {counted(stays, 'other')} the criteria are not met" if stays else ""
    return [
        line(TextSpan(f"{counted(ticked.moved, 'contact')} {moves}", "strong"), f" at {when}{rest}")
    ]


@command("verify", "funnelflow verify", "funnelflow verify --json")
@as_json
def verify() -> int:
    """Prove the stored answers from the evidence.

    Checks that every row is as it was written, folds every contact's evidence
    again by the definitions that decided it, and names all that disagrees.
    Exits 1 if anything does.
    """
    session = current()
    findings: list[Finding] = []
    show = findings.append if session.json else _show
    with session.open() as workspace, watching("verifying", "contacts") as step:
        proof = workspace.verify(found=show, progress=lambda done: step(done.contacts, None))
    if session.json:
        write_json(proof.to_json(findings))
    else:
        _conclude(proof)
    return 0 if proof.is_sound else 1


def _show(finding: Finding) -> None:
    say([line(TextSpan("✗ ", "bad"), str(finding))])


def _conclude(proof: Verification) -> None:
    looked = f"{counted(proof.contacts, 'contact')} and {counted(proof.rows, 'row')} of history"
    if proof.is_sound:
        say([line(TextSpan("✓ ", "good"), f"{looked}: everything agrees")])
        return
    note(f"{looked}: {counted(proof.problems, 'problem')}")
    for said in dict.fromkeys(finding.hint for finding in proof.findings if finding.hint):
        hint(said)
    if proof.problems > sum(bool(finding.hint) for finding in proof.findings):
        hint("keep a copy of the database as it is, then restore a backup")
