"""Checking what is beside the contacts: definitions, funnels, and how far files were applied."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, select

from funnelflow.definition import DefinitionError
from funnelflow.errors import FunnelflowError
from funnelflow.store.canonical import checksum
from funnelflow.store.checkpoints import import_checksum
from funnelflow.store.findings import Finding
from funnelflow.store.shelf import Shelf
from funnelflow.store.tables import definitions, funnels, imports

__all__ = ["Deciders", "check_definitions"]

NO_CRITERION: Final = "F206"
"""The code of a criterion that no plugin offers."""


@frozen
class Deciders:
    """The stored definitions, as far as they can be trusted.

    Attributes:
        digests: What each may be called in the digests of rows, by its number: as it is
            stored, and as its content gives.
        broken: Those that cannot decide anything any more.
    """

    digests: Mapping[int, frozenset[str]]
    broken: frozenset[int]


def check_definitions(connection: Connection, shelf: Shelf) -> tuple[Deciders, list[Finding]]:
    """Check definitions, funnels and imports; give the definitions, and what was found."""
    digests: dict[int, frozenset[str]] = {}
    broken: set[int] = set()
    found: list[Finding] = []
    for row in connection.execute(select(definitions).order_by(definitions.c.id)):
        counted = hashlib.sha256(str(row.content).encode("utf-8", "surrogateescape")).hexdigest()
        digests[row.id] = frozenset({row.digest, counted})
        faults = list(_definition(connection, shelf, row, counted))
        if faults:
            broken.add(row.id)
        found.extend(faults)
    for row in connection.execute(select(funnels).order_by(funnels.c.name)):
        found.extend(_funnel(row, digests))
    found.extend(
        Finding("import", str(row.path), 0, "its row has been altered")
        for row in connection.execute(select(imports).order_by(imports.c.id))
        if row.checksum != import_checksum(row._asdict())
    )
    return Deciders(digests, frozenset(broken)), found


def _definition(connection: Connection, shelf: Shelf, row: Any, counted: str) -> Iterator[Finding]:
    """Check one definition."""
    name = f"{row.name} ({row.id})"
    if row.digest != counted:
        yield Finding("definition", name, 0, "its content or its digest has been altered")
        return
    try:
        running = shelf.by_id(connection, row.id)
    except FunnelflowError as error:
        yield _unusable(name, error)
        return
    said = json.loads(row.content)
    if (row.name, row.version) != (running.name, said.get("version", 1)):
        yield Finding("definition", name, 0, "its name or version has been altered")
    elif row.checksum != checksum(row.digest, row.name, row.version, row.stored_at):
        yield Finding("definition", name, 0, "the time at which it was stored has been altered")


def _unusable(name: str, error: FunnelflowError) -> Finding:
    """Say why a definition cannot decide: a plugin is missing, or it has been damaged."""
    problems = error.problems if isinstance(error, DefinitionError) else ()
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors or any(problem.code != NO_CRITERION for problem in errors):
        return Finding("definition", name, 0, f"it cannot be used: {error.message}")
    said = "; ".join(dict.fromkeys(problem.message for problem in errors))
    hint = "install the plugin that offers it again, or turn it on; nothing is damaged by that"
    return Finding("definition", name, 0, f"what it decided cannot be proved: {said}", hint)


def _funnel(row: Any, digests: Mapping[int, frozenset[str]]) -> Iterator[Finding]:
    """Check which definition a funnel is under."""
    if row.checksum != checksum(row.name, row.definition, row.adopted_at):
        yield Finding("funnel", str(row.name), 0, "its row has been altered")
    elif row.definition not in digests:
        yield Finding("funnel", str(row.name), 0, "its definition is missing")
