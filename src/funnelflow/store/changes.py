"""What changes a workspace; every change is one transaction, or one for each chunk of many."""

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from funnelflow.definition import Definition, load_definition
from funnelflow.store.adopting import Adopted, AdoptionPlan, plan_adoption, run_adoption
from funnelflow.store.apply import apply_file
from funnelflow.store.importing import Mode, import_file
from funnelflow.store.opened import OpenWorkspace
from funnelflow.store.options import FileOptions
from funnelflow.store.recording import record_one
from funnelflow.store.records import Recorded
from funnelflow.store.requests import Request
from funnelflow.store.streaming import Watch
from funnelflow.store.tally import Summary
from funnelflow.store.ticking import Ticked, run_tick

__all__ = ["ChangingWorkspace"]


class ChangingWorkspace(OpenWorkspace):
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
            FunnelflowError: The id or a fact cannot be used; nothing is stored.
        """
        request = Request(
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
        request = Request(
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

    def _one(self, request: Request, *, dry_run: bool) -> Recorded:
        """Run one change as a chunk of one."""
        return self.in_chunk(
            lambda chunk: record_one(chunk, request, dry_run=dry_run), dry_run=dry_run
        )
