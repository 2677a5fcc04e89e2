"""The definitions of a workspace: kept by their content, each made ready to run once."""

import datetime as dt
import json
from functools import partial

from sqlalchemy import Connection, select, text

from funnelflow.definition import (
    Definition,
    Library,
    digest,
    from_json,
    link_stored,
)
from funnelflow.definition.codec import canonical_json, content_digest
from funnelflow.definition.field_types import shared_fields
from funnelflow.engine import Funnel
from funnelflow.errors import StoreError, UnknownNameError, UsageError
from funnelflow.plugins.custom_criteria import close_missing
from funnelflow.storage.connect import afterwards, uncommitted
from funnelflow.storage.row_format import checksum, to_text
from funnelflow.storage.tables import definitions, funnels
from funnelflow.storage.tracked_contacts import LoadedDefinition


class DefinitionStore:
    """The definitions that decided, and those that decide now; each is made ready once.

    Args:
        library: Where definitions and the criteria of plugins are looked up. A criterion that
            no plugin offers any more is closed in what is stored.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._by_id: dict[int, LoadedDefinition] = {}

    def forget(self) -> None:
        """Forget what was made ready: others may stand under the same numbers now."""
        self._by_id.clear()

    def by_id(self, connection: Connection, number: int) -> LoadedDefinition:
        """Return a stored definition by its number.

        Raises:
            StoreError: There is none, or its content is not what it was.
            DefinitionError: It needs something that is not installed any more.
        """
        loaded = self._by_id.get(number)
        return self._load(connection, number) if loaded is None else loaded

    def current(self, connection: Connection, name: str) -> LoadedDefinition | None:
        """Return the definition that a funnel is under now; None before its first use."""
        number = connection.execute(
            select(funnels.c.definition).where(funnels.c.name == name)
        ).scalar()
        return None if number is None else self.by_id(connection, number)

    def ensure_in_use(
        self, connection: Connection, name: str, now: dt.datetime
    ) -> LoadedDefinition:
        """Return the definition that a funnel is under; at its first use, take its file into use.

        The row is locked against `adopt` until the transaction ends, so that no contact comes
        under a definition after its adoption has passed by.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        wanted = select(funnels.c.definition).where(funnels.c.name == name)
        number = connection.execute(wanted.with_for_update(read=True)).scalar()
        if number is None:
            self._take_into_use(connection, name, now)
            number = connection.execute(wanted.with_for_update(read=True)).scalar_one()
        return self.by_id(connection, number)

    def file(self, name: str) -> Definition:
        """Read the file of a funnel.

        Raises:
            UnknownNameError: There is none.
            DefinitionError: It has errors.
        """
        path = self.library.find(name)
        if path is not None:
            from funnelflow.definition import load_definition  # noqa: PLC0415  # loads YAML

            found = load_definition(path, self.library).definition
        elif name in self.library.definitions:
            found = self.library.definitions[name]
        else:
            raise UnknownNameError("funnel", name, self.library.names())
        if found.name != name:
            raise UsageError(
                f"the file of {name!r} defines the funnel {found.name!r}",
                hint="name the file like the funnel in it",
            )
        return found

    def ready(self, definition: Definition, number: int = 0) -> LoadedDefinition:
        """Make a definition ready that may not be stored.

        Raises:
            DefinitionError: It has errors.
        """
        return LoadedDefinition(number, digest(definition), Funnel(definition, self.library))

    def number_of(self, connection: Connection, definition: Definition) -> int:
        """Return the number of a definition in this database; 0 if it is not stored."""
        wanted = select(definitions.c.id).where(definitions.c.digest == digest(definition))
        return connection.execute(wanted).scalar() or 0

    def require_same_types(
        self, connection: Connection, definition: Definition, instead_of: str = ""
    ) -> None:
        """Refuse a definition that gives a field another type than one in use for another funnel.

        A contact may be in both, and what is told of it is told once.

        Args:
            connection: The database.
            definition: The definition.
            instead_of: A funnel in whose stead it comes.

        Raises:
            UsageError: It does.
        """
        others = select(funnels.c.definition).where(
            funnels.c.name.not_in([definition.name, instead_of])
        )
        for number in connection.execute(others.order_by(funnels.c.name)).scalars().all():
            used = self.by_id(connection, number).funnel.definition
            for ours, theirs in shared_fields(definition.vocabulary, used.vocabulary):
                if ours.type != theirs.type:
                    place = f"{ours.position or definition.name}"
                    raise UsageError(
                        f"{place}: the field {ours.name!r} is {ours.type} here, and {theirs.type} "
                        f"in {used.name}, version {used.version}, which is in use",
                        hint="a field has one type in a workspace: change it, or give it a name of "
                        "its own",
                    )

    def _take_into_use(self, connection: Connection, name: str, now: dt.datetime) -> None:
        """Put a funnel under the definition in its file, unless somebody just did."""
        definition = self.file(name)
        self.require_same_types(connection, definition)
        number, _ = store_definition(connection, definition, now)
        write_funnel(connection, name, number, to_text(now), replace=False)

    def _load(self, connection: Connection, number: int) -> LoadedDefinition:
        """Read a definition and keep it: one that this transaction stored from the commit on."""
        own: dict[int, LoadedDefinition | None] = uncommitted(connection)
        if number not in own:
            return self._by_id.setdefault(number, self._read(connection, number))
        loaded = own[number]
        if loaded is None:
            loaded = own[number] = self._read(connection, number)
            afterwards(connection, partial(self._by_id.__setitem__, number, loaded))
        return loaded

    def _read(self, connection: Connection, number: int) -> LoadedDefinition:
        """Read a definition from its row and make it ready."""
        row = connection.execute(
            select(definitions.c.digest, definitions.c.content).where(definitions.c.id == number)
        ).one_or_none()
        if row is None:
            raise StoreError(
                f"the definition {number} is missing from the database",
                hint="`funnelflow verify` says which contacts it decided",
            )
        if content_digest(row.content) != row.digest:
            raise StoreError(
                f"the definition {number} in the database has been altered",
                hint="restore a backup; `funnelflow verify` says what else is wrong",
            )
        definition = from_json(json.loads(row.content))
        library = close_missing(self.library, definition)
        return LoadedDefinition(number, row.digest, Funnel(link_stored(definition, library)))


def store_definition(
    connection: Connection, definition: Definition, now: dt.datetime
) -> tuple[int, str]:
    """Keep a definition by its content, once.

    Returns:
        Its number in this database, and its digest.
    """
    content = canonical_json(definition)
    known_as = content_digest(content)
    stored = to_text(now)
    inserted = connection.execute(
        text(
            "INSERT INTO definitions (digest, name, version, content, stored_at, checksum) "
            "VALUES (:digest, :name, :version, :content, :stored, :checksum) "
            "ON CONFLICT (digest) DO NOTHING"
        ),
        {
            "digest": known_as,
            "name": definition.name,
            "version": definition.version,
            "content": content,
            "stored": stored,
            "checksum": checksum(known_as, definition.name, definition.version, stored),
        },
    )
    number = connection.execute(
        select(definitions.c.id).where(definitions.c.digest == known_as)
    ).scalar_one()
    if inserted.rowcount == 1:
        uncommitted(connection)[number] = None
    return number, known_as


def write_funnel(
    connection: Connection, name: str, number: int, adopted_at: str, *, replace: bool = True
) -> None:
    """Put a funnel under a definition.

    Args:
        connection: A writing transaction.
        name: The funnel.
        number: The number of the definition.
        adopted_at: The time it is, as text.
        replace: Do so even if it is under one already.
    """
    conflict = (
        "UPDATE SET definition = excluded.definition, adopted_at = excluded.adopted_at, "
        "checksum = excluded.checksum"
        if replace
        else "NOTHING"
    )
    connection.execute(
        text(
            "INSERT INTO funnels (name, definition, adopted_at, checksum) "  # noqa: S608
            f"VALUES (:name, :number, :adopted, :checksum) ON CONFLICT (name) DO {conflict}"
        ),
        {
            "name": name,
            "number": number,
            "adopted": adopted_at,
            "checksum": checksum(name, number, adopted_at),
        },
    )
