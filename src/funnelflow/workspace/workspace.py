"""A workspace: contacts, their history, and the funnels that they go through."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from funnelflow.definition import Definition, Linked, digest, load_definition
from funnelflow.engine import Considered, Funnel, why
from funnelflow.errors import UnknownNameError
from funnelflow.ingest.apply import Mode, apply_file, import_file
from funnelflow.ingest.run import Watch
from funnelflow.ingest.summary import FileOptions, Summary
from funnelflow.maintenance.adopt import Adopted, AdoptionPlan, plan_adoption, run_adoption
from funnelflow.maintenance.tick import Ticked, run_tick
from funnelflow.maintenance.verify import verify
from funnelflow.maintenance.verify_contacts import Finding, Verification
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import reading
from funnelflow.storage.contacts import (
    HistoryPage,
    Recorded,
    StoredContact,
    find_contact,
    read_history,
)
from funnelflow.storage.context import Context
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.queries import (
    Translated,
    contact_at,
    count_stages,
    funnel_names,
    list_contacts,
    translate_all,
    translate_one,
)
from funnelflow.storage.unit_of_work import record_one


class ChangingWorkspace(Context):
    """The part of `Workspace` that changes something."""

    def add(  # noqa: PLR0913  # all that can be said, by keyword
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
            Error: The id or a fact cannot be used; nothing is stored.
        """
        request = Change(
            contact_id, "add", at, facts or {}, actor, key=key, funnel=funnel or "", text=text
        )
        return self._one(request, dry_run=dry_run)

    def record(  # noqa: PLR0913  # all that can be said, by keyword
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
        request = Change(
            contact_id, event, at, facts or {}, actor, key=key, text=text, expect=expect
        )
        return self._one(request, dry_run=dry_run)

    def set(  # noqa: PLR0913  # all that can be said, by keyword
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

    def move(  # noqa: PLR0913  # all that can be said, by keyword
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
        request = Change(
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
        return run_tick(self, now or self.clock(), actor=actor, dry_run=dry_run)

    def plan_adoption(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        instead_of: str = "",
    ) -> AdoptionPlan:
        """Find out what taking a new version of a definition into use would do.

        Args:
            source: The new version, or its file.
            rules: Stage that it no longer has to the stage in which its contacts go on.
            instead_of: Another funnel whose contacts come over: their evidence is translated.

        Raises:
            DefinitionError: It has errors.
            UnknownNameError: A rule names a stage that there is not, or there is no such funnel.
        """
        return plan_adoption(self, self._read(source), rules or {}, instead_of)

    def adopt(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        instead_of: str = "",
        actor: str = "",
        progress: Callable[[Adopted], None] | None = None,
    ) -> Adopted:
        """Take a new version of a definition into use, and bring the contacts under it.

        Broken off at any point, the same call goes on with what is left.

        Args:
            source: The new version, or its file.
            rules: Stage that it no longer has to the stage in which its contacts go on.
            instead_of: Another funnel whose contacts come over: their evidence is translated.
            actor: Who adopts.
            progress: Told how far it has come, after every chunk.

        Raises:
            DefinitionError: It has errors; nothing is changed.
            HomelessError: A contact is in a stage that is gone, and no rule leads out of it.
            StoreError: The database cannot store it; what was done before is stored.
        """
        definition = self._read(source)
        return run_adoption(
            self, definition, rules or {}, instead_of=instead_of, actor=actor, progress=progress
        )

    def _read(self, source: Definition | Path | str) -> Definition:
        """Give a definition, from its file if need be."""
        if isinstance(source, Definition):
            return source
        return load_definition(Path(source), self.library).definition

    def _one(self, request: Change, *, dry_run: bool) -> Recorded:
        """Run one change as a chunk of one."""
        return self.in_chunk(
            lambda chunk: record_one(chunk, request, dry_run=dry_run), dry_run=dry_run
        )


class Workspace(ChangingWorkspace):
    """Everything that can be done with contacts; use it in a ``with`` statement.

    `open` and `create` make one. Every change is one transaction: it is stored whole when
    the call returns, and not at all when it raises.

    Attributes:
        config: The settings in force.
        database: The database in use.
        library: Where definitions are looked up by name.
    """

    def contact(self, contact_id: str) -> StoredContact:
        """Give a contact as it is.

        Raises:
            UnknownNameError: There is none by that id; the nearest ids are named.
        """
        with reading(self.engine) as connection:
            return find_contact(connection, self.shelf, contact_id)[0]

    def why(
        self, contact_id: str, now: dt.datetime | None = None, *, actor: str = ""
    ) -> tuple[StoredContact, tuple[Considered, ...]]:
        """Explain every transition out of a contact's stage, as it stands at `now`.

        For a time before its last evidence, the contact is given as it stood then.

        Raises:
            UnknownNameError: There is no contact by that id.
            UsageError: Nothing was known of it then.
        """
        with reading(self.engine) as connection:
            stored, running = find_contact(connection, self.shelf, contact_id)
            if now is not None:
                stored = contact_at(connection, self.shelf, stored, running, now)
        roles = self.config.roles_of(actor)
        return stored, why(running.funnel, stored.contact, now or self.clock(), roles)

    def translate(self, contact_id: str, funnel: Funnel) -> Translated:
        """Read a contact's evidence by another definition.

        Raises:
            UnknownNameError: There is no contact by that id.
        """
        with reading(self.engine) as connection:
            stored, _ = find_contact(connection, self.shelf, contact_id)
            translation = translate_one(connection, self.shelf, funnel, contact_id)
        return Translated(contact_id, stored.funnel, stored.contact.stage, translation)

    def translate_all(self, funnel: Funnel, *, home: str | None = None) -> Iterator[Translated]:
        """Yield every contact in another definition's words, by id, read as they are asked for.

        Args:
            funnel: The definition that reads.
            home: The funnel whose contacts are read; None for all.

        Raises:
            UnknownNameError: `home` is not in use.
        """
        with reading(self.engine) as connection:
            known = funnel_names(connection)
            if home is not None and home not in known:
                raise UnknownNameError("funnel", home, known)
            yield from translate_all(connection, self.shelf, funnel, home)

    def history(  # noqa: PLR0913  # all that can be said, by keyword
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
    ) -> HistoryPage:
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
            equal = {
                "contact_id": contact_id,
                "event": event,
                "outcome": outcome,
                "actor": actor,
            }
            page = read_history(connection, equal, (since, until), limit=limit, after=after)
            if contact_id is not None and not page.rows:
                find_contact(connection, self.shelf, contact_id)
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
                self.shelf,
                self.clock(),
                where=where,
                stage=stage,
                funnel=funnel,
                limit=limit,
            )

    def funnels(self) -> tuple[str, ...]:
        """Name the funnels in use, sorted."""
        with reading(self.engine) as connection:
            return funnel_names(connection)

    def linked(self, funnel: str) -> Linked:
        """Give a definition as it is in use, or as its file says before its first use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        with reading(self.engine) as connection:
            running = self.shelf.current(connection, funnel)
        if running is None:
            running = self.shelf.ready(self.shelf.file(funnel))
        return running.funnel.linked

    def counts(self, funnel: str | None = None) -> dict[str, int]:
        """Count the contacts of a funnel by stage, in the definition's order, empty ones too.

        Raises:
            UnknownNameError: The funnel is not in use.
        """
        with reading(self.engine) as connection:
            return count_stages(connection, self.shelf, funnel or self.config.funnel)

    def outdated(self, funnel: str | None = None) -> bool:
        """Tell whether a funnel's file says something else than the version in use.

        Raises:
            UnknownNameError: There is no such funnel, or no file of it any more.
            DefinitionError: The file has errors.
        """
        name = funnel or self.config.funnel
        with reading(self.engine) as connection:
            running = self.shelf.current(connection, name)
        return running is not None and digest(self.shelf.file(name)) != running.digest

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
            return verify(
                connection,
                DefinitionStore(self.library, is_strict=True),
                found=found,
                progress=progress,
            )
