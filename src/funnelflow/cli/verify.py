"""``funnelflow verify``: the database proves itself."""

from typing import Any

from attrs import asdict

from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import counted, hint, note, say, write_json
from funnelflow.cli.progress import watching
from funnelflow.cli.session import current
from funnelflow.cli.text import Span, line
from funnelflow.store import Finding, Verification

__all__ = ["verify"]


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
    tell = findings.append if session.json else _tell
    with session.open() as workspace, watching("verifying", "contacts") as step:
        proof = workspace.verify(found=tell, progress=lambda done: step(done.contacts, None))
    if session.json:
        write_json(_data(proof, findings))
    else:
        _conclude(proof)
    return 0 if proof.is_sound else 1


def _tell(finding: Finding) -> None:
    say([line(Span("✗ ", "bad"), str(finding))])


def _conclude(proof: Verification) -> None:
    looked = f"{counted(proof.contacts, 'contact')} and {counted(proof.rows, 'row')} of history"
    if proof.is_sound:
        say([line(Span("✓ ", "good"), f"{looked}: everything agrees")])
        return
    note(f"{looked}: {counted(proof.problems, 'problem')}")
    for said in dict.fromkeys(finding.hint for finding in proof.findings if finding.hint):
        hint(said)
    if proof.problems > sum(bool(finding.hint) for finding in proof.findings):
        hint("keep a copy of the database as it is, then restore a backup")


def _data(proof: Verification, findings: list[Finding]) -> dict[str, Any]:
    return {
        "sound": proof.is_sound,
        "contacts": proof.contacts,
        "rows": proof.rows,
        "problems": proof.problems,
        "findings": [asdict(finding) for finding in findings],
    }
