"""What the shell offers behind the tab key: bounded, quiet, and never an error.

Completion runs at every key press, so it looks at no more than it must, and whatever is
wrong with a workspace is no reason to print into somebody's prompt.
"""

import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem

import funnelflow
from funnelflow.cli.session import Session, of
from funnelflow.cli.text import printable

MOST = 50
"""How many names are offered at once."""

Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offering(names: Callable[[Session, str], Iterable[str]]) -> Completer:
    """Make a completer of a function that names everything; it gets the incomplete word too."""

    def complete(
        context: click.Context, _parameter: click.Parameter, word: str
    ) -> list[CompletionItem]:
        try:
            fitting = (n for n in names(of(context), word) if n.startswith(word))
            clean = (n for n in fitting if printable(n) == n)
            return [CompletionItem(name) for name in islice(clean, MOST)]
        except Exception:  # noqa: BLE001  # a prompt is no place for an error; the command tells it
            return []

    return complete


def complete_definition(
    context: click.Context, parameter: click.Parameter, word: str
) -> list[CompletionItem]:
    """Offer names of definitions, and files."""
    return [*_definition_names(context, parameter, word), CompletionItem(word, type="file")]


def _names(session: Session, _word: str) -> Iterable[str]:
    from funnelflow.cli.find import library_here  # noqa: PLC0415  # completing an option needs none of it

    return sorted(library_here(session).names())


def _definitions(session: Session) -> "Iterable[funnelflow.Definition]":
    """Read the definitions that the workspace works with, without opening its database."""
    from funnelflow.cli.find import library_here, workspace_funnels  # noqa: PLC0415  # see above
    from funnelflow.definition import read_definition  # noqa: PLC0415  # see above

    library = library_here(session)
    readings = (read_definition(path, library) for path in workspace_funnels(session, library))
    return (reading.definition for reading in readings if reading.definition is not None)


def _stages(session: Session, _word: str) -> Iterable[str]:
    names = (name for d in _definitions(session) for name, _ in d.walk())
    return dict.fromkeys(names)


def _events(session: Session, _word: str) -> Iterable[str]:
    return dict.fromkeys(name for d in _definitions(session) for name in d.vocabulary.events)


def _facts(session: Session, word: str) -> Iterable[str]:
    """Offer ``name=``, and behind that the values that a field may have."""
    if "=" not in word:
        return dict.fromkeys(f"{n}=" for d in _definitions(session) for n in d.vocabulary.fields)
    name = word.partition("=")[0]
    fields = (d.vocabulary.fields.get(name) for d in _definitions(session))
    return dict.fromkeys(f"{name}={c}" for f in fields if f is not None for c in f.choices)


def _contacts(session: Session, word: str) -> Iterable[str]:
    """Ask the database for no more than is offered; both halves of the filter can use its index."""
    start = json.dumps(word)
    where = f"contact.id >= {start} && contact.id.startsWith({start})"
    with session.open() as workspace:
        return [stored.id for stored in workspace.list(where, limit=MOST)]


def _codes(_session: Session, _word: str) -> Iterable[str]:
    from funnelflow.definition import CODES  # noqa: PLC0415  # see above

    return CODES


def _mappings(session: Session, _word: str) -> Iterable[str]:
    from funnelflow.ingest.mapping import mapping_names  # noqa: PLC0415  # see above
    from funnelflow.workspace.settings import find_workspace  # noqa: PLC0415  # see above

    return mapping_names(find_workspace(session.workspace))


_definition_names = offering(_names)
complete_stage = offering(_stages)
complete_event = offering(_events)
complete_fact = offering(_facts)
complete_contact = offering(_contacts)
complete_mapping = offering(_mappings)
complete_code = offering(_codes)
