"""A workspace: contacts, their history, and the funnels that they go through."""

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from sqlalchemy import Connection, Engine

from funnelflow.definition import (
    Definition,
    Library,
    digest,
    load_definition,
    shipped_definitions,
)
from funnelflow.engine import Considered, Funnel, why

from . import schema
from .adopting import Adopted, AdoptionPlan, adopt_some, plan_adoption, take_over
from .apply import apply_file
from .bulk import Chunk, Request, Store
from .config import Config, find_workspace, read_config, write_config
from .connecting import Database, connect, locate, reading, writing
from .dialects import bulk_for
from .faults import RetryError
from .findings import Finding, Verification
from .importing import Mode, import_file
from .listing import count_stages, funnel_names, list_contacts
from .moving import HomelessError, Mover, read_rules
from .options import FileOptions
from .reading import find_contact, read_history
from .recording import record_one
from .records import Page, Recorded, StoredContact
from .shelf import Running, Shelf
from .streaming import Watch
from .tally import Summary
from .ticking import Ticked, tick_some
from .times import Clock, utc_now
from .verifying import verify

__all__ = ["Workspace"]

Result = TypeVar("Result")

_ATTEMPTS = 12


class Workspace:
    """Everything that can be done with contacts; use it in a ``with`` statement.

    `open` and `create` make one. Every change is one transaction: it is stored whole when
    the call returns, and not at all when it raises.

    Attributes:
        config: The settings in force.
        database: The database in use.
        library: Where definitions are looked up by name.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        library: Library,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self.config = config
        self.database = database
        self.library = library
        self._clock = clock
        self._shelf = Shelf(library)

    @classmethod
    def create(
        cls,
        directory: Path | str,
        funnel: str = "standard",
        *,
        database: str = "funnelflow.db",
        library: Library | None = None,
        clock: Clock = utc_now,
    ) -> Self:
        """Start a workspace: its settings, its database, its first funnel in use.

        Args:
            directory: Where; made when it is not there.
            funnel: The funnel of contacts for whom none is named.
            database: A path, or the URL of a PostgreSQL database.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Gives the time it is; tests give one that stands still.

        Raises:
            ConfigurationError: There is a workspace already, or it cannot be made.
            StoreError: The database is in use for something else, or cannot be made.
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        directory = Path(directory).absolute()
        books = library or _library(directory)
        Shelf(books).file(funnel)
        where = locate(database, directory)
        path = write_config(directory, funnel=funnel, database=database)
        try:
            schema.create_tables(where)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        workspace = cls(read_config(directory), where, books, clock=clock)
        workspace.funnel(funnel)
        return workspace

    @classmethod
    def open(
        cls,
        directory: Path | str | None = None,
        *,
        database: str | None = None,
        library: Library | None = None,
        clock: Clock = utc_now,
    ) -> Self:
        """Open the workspace that a directory belongs to.

        Args:
            directory: Where to begin looking upwards; None for the current directory.
            database: The database to use instead of the configured one.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Gives the time it is.

        Raises:
            ConfigurationError: There is no workspace, or its settings are not usable.
            StoreError: Its database is missing, or of another version.
        """
        root = find_workspace(directory)
        config = read_config(root, flags={"database": database})
        where = locate(config.database, root)
        workspace = cls(config, where, library or _library(root), clock=clock)
        try:
            schema.require_current(workspace.engine, where)
        except BaseException:
            workspace.close()
            raise
        return workspace

    def close(self) -> None:
        """Let go of the database."""
        engine = self.__dict__.pop("engine", None)
        if engine is not None:
            engine.dispose()

    def __enter__(self) -> Self:
        """Enter the ``with`` statement."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close at the end of the ``with`` statement."""
        self.close()

    @cached_property
    def engine(self) -> Engine:
        """What reaches the database."""
        return connect(self.database)

    @cached_property
    def store(self) -> Store:
        """What every chunk of changes shares."""
        return Store(
            bulk=bulk_for(self.engine),
            shelf=self._shelf,
            roles_of=self.config.roles_of,
            funnel=self.config.funnel,
            timezone=self.config.timezone,
            clock=self._clock,
        )

    def funnel(self, name: str | None = None) -> Funnel:
        """Give the funnel as it is in use here; its first use takes its file into use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        name = name or self.config.funnel
        with reading(self.engine) as connection:
            running = self._shelf.current(connection, name)
        if running is None:
            with writing(self.engine) as connection:
                running = self._shelf.home(connection, name, self._clock())
        return running.funnel

    def add(
        self,
        contact_id: str,
        facts: Mapping[str, Any] | None = None,
        *,
        funnel: str | None = None,
        actor: str = "",
        at: dt.datetime | str | None = None,
        key: str | None = None,
        text: bool = False,
        dry_run: bool = False,
    ) -> Recorded:
        """Add a contact, in the first stage of a funnel.

        Raises:
            ConflictError: There is one by that id.
            FunnelflowError: The id or a fact cannot be used; nothing is stored.
        """
        request = Request(
            contact_id, "add", at, facts or {}, actor, key=key, funnel=funnel or "", text=text
        )
        return self._one(request, dry_run=dry_run)

    def record(
        self,
        contact_id: str,
        event: str,
        facts: Mapping[str, Any] | None = None,
        *,
        actor: str = "",
        at: dt.datetime | str | None = None,
        key: str | None = None,
        text: bool = False,
        dry_run: bool = False,
        expect: int | None = None,
    ) -> Recorded:
        """Record something that happened; the contact moves if that opens a transition.

        Args:
            contact_id: Who it happened to.
            event: An event of the vocabulary.
            facts: What it brought; None takes a fact back.
            actor: Who records it.
            at: When it happened; None for now.
            key: Makes it happen once: repeated with the same content, the first answer is given.
            text: Whether facts and time are text as a person types it.
            dry_run: Decide, and store nothing.
            expect: The length of the history that the contact must still have.

        Raises:
            UnknownNameError: There is no such contact, event or field.
            FieldError: A fact is no value of its field.
            ConflictError: The key stands for something else, or the contact has changed.
            StoreError: The database cannot store it; nothing is stored.
        """
        request = Request(
            contact_id, event, at, facts or {}, actor, key=key, text=text, expect=expect
        )
        return self._one(request, dry_run=dry_run)

    def set(
        self,
        contact_id: str,
        facts: Mapping[str, Any],
        *,
        actor: str = "",
        at: dt.datetime | str | None = None,
        key: str | None = None,
        text: bool = False,
        dry_run: bool = False,
        expect: int | None = None,
    ) -> Recorded:
        """Record facts that became known; like `record` in everything else."""
        return self.record(
            contact_id,
            "set",
            facts,
            actor=actor,
            at=at,
            key=key,
            text=text,
            dry_run=dry_run,
            expect=expect,
        )

    def move(
        self,
        contact_id: str,
        to: str,
        *,
        facts: Mapping[str, Any] | None = None,
        force: bool = False,
        reason: str = "",
        actor: str = "",
        at: dt.datetime | str | None = None,
        key: str | None = None,
        text: bool = False,
        dry_run: bool = False,
        expect: int | None = None,
    ) -> Recorded:
        """Ask for a stage; a refusal is an answer, is kept, and carries every reason.

        Args:
            contact_id: Who is to move.
            to: The stage, by name or alias.
            facts: What became known with it.
            force: Go past criteria that are not met, where the definition lets the actor.
            reason: Why it is forced.
            actor: Who asks.
            at: When; None for now.
            key: Makes it happen once.
            text: Whether facts and time are text as a person types it.
            dry_run: Decide, and store nothing.
            expect: The length of the history that the contact must still have.

        Raises:
            UnknownNameError: There is no such contact or stage.
            ConflictError: The key stands for something else, or the contact has changed.
            StoreError: The database cannot store it; nothing is stored.
        """
        request = Request(
            contact_id,
            "move",
            at,
            facts or {},
            actor,
            to=to,
            reason=reason,
            force=force,
            key=key,
            text=text,
            expect=expect,
        )
        return self._one(request, dry_run=dry_run)

    def apply(
        self,
        name: str,
        options: FileOptions | None = None,
        *,
        create: bool = True,
        progress: Watch | None = None,
        stdin: IO[bytes] | None = None,
    ) -> Summary:
        """Record the events of a file; see `apply_file`, which this calls."""
        return apply_file(
            self, name, options or FileOptions(), create=create, progress=progress, stdin=stdin
        )

    def import_contacts(
        self,
        name: str,
        options: FileOptions | None = None,
        *,
        mode: Mode = "both",
        progress: Watch | None = None,
        stdin: IO[bytes] | None = None,
    ) -> Summary:
        """Add or update the contacts of a file; see `import_file`, which this calls."""
        return import_file(
            self, name, options or FileOptions(), mode=mode, progress=progress, stdin=stdin
        )

    def contact(self, contact_id: str) -> StoredContact:
        """Give a contact as it is.

        Raises:
            UnknownNameError: There is none by that id; the nearest ids are named.
        """
        with reading(self.engine) as connection:
            return find_contact(connection, self._shelf, contact_id)[0]

    def why(
        self, contact_id: str, now: dt.datetime | None = None, *, actor: str = ""
    ) -> tuple[StoredContact, tuple[Considered, ...]]:
        """Explain every transition out of a contact's stage, as it stands at `now`.

        Raises:
            UnknownNameError: There is no contact by that id.
        """
        with reading(self.engine) as connection:
            stored, running = find_contact(connection, self._shelf, contact_id)
        roles = self.config.roles_of(actor)
        return stored, why(running.funnel, stored.contact, now or self._clock(), roles)

    def history(
        self,
        contact_id: str | None = None,
        *,
        event: str | None = None,
        outcome: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        actor: str | None = None,
        limit: int = 100,
        after: int | None = None,
    ) -> Page:
        """Give a page of the history, in the order in which it was recorded.

        Args:
            contact_id: Only that of one contact.
            event: Only this event.
            outcome: Only this outcome.
            since: Only what happened at this time or later.
            until: Only what happened before this time.
            actor: Only what this actor recorded.
            limit: How many rows at most.
            after: The `Page.after` of the page before.

        Raises:
            UnknownNameError: There is no contact by that id.
        """
        with reading(self.engine) as connection:
            page = read_history(
                connection,
                contact_id=contact_id,
                event=event,
                outcome=outcome,
                actor=actor,
                since=since,
                until=until,
                limit=limit,
                after=after,
            )
            if contact_id is not None and not page.rows:
                find_contact(connection, self._shelf, contact_id)
        return page

    def list(
        self,
        where: str | None = None,
        *,
        stage: str | None = None,
        funnel: str | None = None,
        limit: int | None = None,
    ) -> Iterator[StoredContact]:
        """Yield contacts by id, read as they are asked for.

        Args:
            where: A criterion that they meet (``contact.budget > 5000``); besides the fields
                it may name what `CONTACT_FACTS` lists.
            stage: The stage they are in; one with nested stages stands for all of them.
            funnel: The funnel that is their home; None for all.
            limit: How many at most.

        Raises:
            CriterionError: The criterion does not compile.
            UnknownNameError: There is no such stage or funnel.
        """
        with reading(self.engine) as connection:
            yield from list_contacts(
                connection,
                self._shelf,
                self._clock(),
                where=where,
                stage=stage,
                funnel=funnel,
                limit=limit,
            )

    def funnels(self) -> tuple[str, ...]:
        """Name the funnels in use, sorted."""
        with reading(self.engine) as connection:
            return funnel_names(connection)

    def counts(self, funnel: str | None = None) -> dict[str, int]:
        """Count the contacts of a funnel by stage, in the definition's order, empty ones too.

        Raises:
            UnknownNameError: The funnel is not in use.
        """
        with reading(self.engine) as connection:
            return count_stages(connection, self._shelf, funnel or self.config.funnel)

    def outdated(self, funnel: str | None = None) -> bool:
        """Tell whether a funnel's file says something else than the version in use.

        Raises:
            UnknownNameError: There is no such funnel, or no file of it any more.
            DefinitionError: The file has errors.
        """
        name = funnel or self.config.funnel
        with reading(self.engine) as connection:
            running = self._shelf.current(connection, name)
        return running is not None and digest(self._shelf.file(name)) != running.digest

    def verify(
        self,
        *,
        found: Callable[[Finding], None] | None = None,
        progress: Callable[[Verification], None] | None = None,
    ) -> Verification:
        """Prove the database: digests, chains, and every contact folded again and compared.

        Args:
            found: Told of every finding at once; the result keeps the first hundred.
            progress: Told how far it has come, every thousand contacts.

        Raises:
            StoreError: The database cannot be read at all.
        """
        with reading(self.engine) as connection:
            return verify(connection, Shelf(self.library), found=found, progress=progress)

    def tick(
        self, now: dt.datetime | None = None, *, actor: str = "", dry_run: bool = False
    ) -> Ticked:
        """Take the timed transitions that are due, and keep that as evidence.

        Args:
            now: The time to bring the contacts to; None for the present.
            actor: Who lets time pass.
            dry_run: Find out, and store nothing.

        Raises:
            StoreError: The database cannot store it; what was done before is stored.
        """
        done, after = Ticked(now or self._clock(), dry_run=dry_run), ("", "")

        def change() -> tuple[Ticked, tuple[str, str] | None]:
            with writing(self.engine, dry_run=dry_run) as connection:
                return tick_some(Chunk(connection, self.store), done, after, actor)

        while True:
            done, last = self.retrying(change)
            if last is None:
                return done
            after = last

    def plan_adoption(
        self, source: Definition | Path | str, rules: Mapping[str, str] | None = None
    ) -> AdoptionPlan:
        """Find out what taking a new version of a definition into use would do.

        Args:
            source: The new version, or its file.
            rules: Stage that it no longer has to the stage in which its contacts go on.

        Raises:
            DefinitionError: It has errors.
            UnknownNameError: A rule names a stage that there is not.
        """
        definition = self._read(source)
        with reading(self.engine) as connection:
            number = self._shelf.number_of(connection, definition)
            mover = self._mover(connection, self._shelf.ready(definition, number), rules, "")
            current = self._shelf.current(connection, definition.name)
            in_use = current is not None and current.digest == mover.running.digest
            return plan_adoption(connection, self._shelf, mover, is_in_use=in_use)

    def adopt(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        actor: str = "",
        progress: Callable[[Adopted], None] | None = None,
    ) -> Adopted:
        """Take a new version of a definition into use, and bring the contacts under it.

        Broken off at any point, the same call goes on with what is left.

        Args:
            source: The new version, or its file.
            rules: Stage that it no longer has to the stage in which its contacts go on.
            actor: Who adopts.
            progress: Told how far it has come, after every chunk.

        Raises:
            DefinitionError: It has errors; nothing is changed.
            HomelessError: A contact is in a stage that is gone, and no rule leads out of it.
            StoreError: The database cannot store it; what was done before is stored.
        """
        plan = self.plan_adoption(source, rules)
        for stage in plan.homeless:
            raise HomelessError(stage)

        def begin() -> Mover:
            with writing(self.engine) as connection:
                number = take_over(connection, plan.funnel, plan.definition, self._clock())
                running = self._shelf.by_id(connection, number)
                return self._mover(connection, running, rules, actor)

        mover = self.retrying(begin)
        done, after = Adopted(plan.funnel, plan.digest), ""

        def change() -> tuple[Adopted, str | None]:
            with writing(self.engine) as connection:
                chunk = Chunk(connection, self.store)
                return adopt_some(chunk, self._shelf, mover, done, after)

        while True:
            done, last = self.retrying(change)
            if last is None:
                return done
            after = last
            if progress is not None:
                progress(done)

    def _read(self, source: Definition | Path | str) -> Definition:
        """Give a definition, from its file if need be."""
        if isinstance(source, Definition):
            return source
        return load_definition(Path(source), self.library).definition

    def _mover(
        self,
        connection: Connection,
        running: Running,
        rules: Mapping[str, str] | None,
        actor: str,
    ) -> Mover:
        """Give what brings contacts under a definition."""
        found = read_rules(connection, self._shelf, running.funnel.linked, rules or {})
        return Mover(running, found, self._clock(), actor)

    def _one(self, request: Request, *, dry_run: bool) -> Recorded:
        """Run one change as a chunk of one."""

        def change() -> Recorded:
            with writing(self.engine, dry_run=dry_run) as connection:
                return record_one(
                    Chunk(connection, self.store), self._shelf, request, dry_run=dry_run
                )

        return self.retrying(change)

    def retrying(self, change: Callable[[], Result]) -> Result:
        """Run a transaction again when another writer was first, a few times.

        Raises:
            RetryError: Others were first every time.
        """
        for attempt in range(_ATTEMPTS - 1):
            try:
                return change()
            except RetryError:
                time.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311
        return change()


def _library(directory: Path) -> Library:
    """Give the library of a workspace: its own definitions come before the shipped ones."""
    return Library((directory, directory / "definitions", shipped_definitions()))
