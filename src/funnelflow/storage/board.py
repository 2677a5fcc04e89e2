"""A funnel as a board: its stages as columns, and in each the contacts that are there."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection

from funnelflow.criteria.custom import answering
from funnelflow.definition import Linked
from funnelflow.engine import Question, questions, why
from funnelflow.storage.contact_lists import Wanted, count_by_stage, list_contacts
from funnelflow.storage.contacts import StoredContact
from funnelflow.storage.context import Context
from funnelflow.storage.json_form import question_json, value_json
from funnelflow.storage.queries import Present, current_definition
from funnelflow.storage.replay import given_answers
from funnelflow.storage.tracked_contacts import LoadedDefinition


@frozen
class BoardCard:
    """A contact on a board.

    Attributes:
        contact: The contact.
        owner: Who looks after it: its field `owner`, or else who looks after the stage.
        question: What to find out next; None where no answer could open anything.
    """

    contact: StoredContact
    owner: str
    question: Question | None

    def to_json(self) -> dict[str, Any]:
        """Return the card as data."""
        asked = self.question
        return {
            "contact": self.contact.id,
            "since": value_json(self.contact.contact.since),
            "sequence": self.contact.sequence,
            "owner": self.owner,
            "question": None
            if asked is None
            else {**question_json(asked.field), "left": asked.left},
        }


@frozen
class BoardColumn:
    """A stage on a board.

    Attributes:
        stage: The leaf stage, by its dotted name.
        count: How many contacts of those that are asked for are in it.
        cards: The first of them.
    """

    stage: str
    count: int
    cards: tuple[BoardCard, ...]


@frozen
class Board:
    """A funnel as a board.

    Attributes:
        linked: The definition that the funnel is under.
        columns: Its leaf stages, in the order of the definition.
    """

    linked: Linked
    columns: tuple[BoardColumn, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the board as data."""
        return {
            "funnel": self.linked.definition.name,
            "columns": [
                {
                    "stage": column.stage,
                    "type": self.linked.type_of(column.stage),
                    "count": column.count,
                    "cards": [card.to_json() for card in column.cards],
                }
                for column in self.columns
            ],
        }


def read_board(
    context: Context,
    connection: Connection,
    wanted: Wanted,
    limit: int,
    limits: Mapping[str, int],
    roles: tuple[str, ...] = (),
) -> Board:
    """Read a board; see `Workspace.board`.

    Args:
        context: The workspace.
        connection: A reading transaction.
        wanted: Whose board, of which contacts, and in which order. A stage makes it a board of
            that stage alone.
        limit: How many cards a column has at most.
        limits: The same of single stages.
        roles: The roles of who looks.

    Raises:
        Error: As `list_contacts`.
    """
    store, present = context.definitions, context.present(connection)
    name = wanted.funnel or context.default_funnel
    loaded = current_definition(connection, store, name)
    linked = loaded.funnel.linked
    leaves = linked.leaves
    if wanted.stage is not None:
        leaves = linked.leaves_of(linked.resolve_stage(wanted.stage))
    counts = count_by_stage(connection, store, present, evolve(wanted, funnel=name))
    columns = []
    for leaf in leaves:
        asked = evolve(wanted, stage=leaf, funnel=name)
        count = counts[leaf]
        most = limits.get(leaf, limit) if count else 0
        found = list_contacts(connection, store, present, asked, most) if most else ()
        cards = tuple(_card(one, loaded, present, roles) for one in found)
        columns.append(BoardColumn(leaf, count, cards))
    return Board(linked, tuple(columns))


def _card(
    stored: StoredContact, loaded: LoadedDefinition, present: Present, roles: tuple[str, ...]
) -> BoardCard:
    """Make the card of a contact."""
    linked, contact = loaded.funnel.linked, stored.contact
    given = given_answers(present.connection, loaded, stored.number)
    if given is not None:
        given.turn_to(present.now)
    with answering(given):
        considered = why(loaded.funnel, contact, present.now, roles)
    owner = linked.owner_of(contact.stage, contact.fields)
    return BoardCard(stored, owner, next(iter(questions(considered, linked)), None))
