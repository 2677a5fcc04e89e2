"""``funnelflow why``: where a contact stands, and what is missing."""

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Any

import click

from funnelflow.cli.complete import complete_contact
from funnelflow.cli.contacts import moment_of
from funnelflow.cli.data import considered_data, contact_data, question_data
from funnelflow.cli.options import acting, as_json, command
from funnelflow.cli.output import hint, page_for, say, write_json
from funnelflow.cli.render_why import questions, why_answer
from funnelflow.cli.session import current
from funnelflow.cli.stages import owner_of, playbook_of
from funnelflow.definition import Linked
from funnelflow.engine import Considered
from funnelflow.store import StoredContact

__all__ = ["why"]


@command("why", "funnelflow why ada", "funnelflow why ada --json")
@click.argument("contact", shell_complete=complete_contact)
@click.option("--at", metavar="TIME", help="How it stands at this time, if not now.")
@acting
@as_json
def why(contact: str, at: str | None, actor: str) -> int:
    """Explain where a contact stands and what is missing.

    Shows its stage, what to do now, every transition out of it with every
    criterion, what to ask next, and what time will do by itself.
    """
    session = current()
    with session.open() as workspace:
        asked = moment_of(at, workspace)
        now = asked or dt.datetime.now(dt.UTC)
        stored, considered = workspace.why(contact, asked, actor=actor)
        linked = workspace.funnel(stored.funnel).linked
    if session.json:
        write_json(_data(stored, considered, linked))
        return 0
    answer = why_answer(stored.contact, considered, linked, now, page_for(sys.stdout))
    say(answer.lines)
    hint(answer.hint)
    return 0


def _data(stored: StoredContact, considered: Sequence[Considered], linked: Linked) -> Any:
    stage = stored.contact.stage
    return {
        **contact_data(stored),
        "owner": owner_of(stage, linked),
        "playbook": list(playbook_of(stage, linked)),
        "transitions": [considered_data(way) for way in considered],
        "questions": [
            {**question_data(q.field), "stages": list(q.stages), "left": q.left}
            for q in questions(considered, linked)
        ],
    }
