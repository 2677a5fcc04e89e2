"""A workspace: contacts, their history, and the funnels that they go through."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypedDict, Unpack

from attrs import evolve

from funnelflow import compare, ingest, maintenance  # whose modules are loaded when they are used
from funnelflow.definition import Definition, Library
from funnelflow.engine import Funnel
from funnelflow.engine.story import ENTER, LEAVE, VOID
from funnelflow.errors import UsageError
from funnelflow.storage.changes import Change
from funnelflow.storage.contact_lists import Wanted
from funnelflow.storage.contacts import Recorded
from funnelflow.workspace.looking import ReadableWorkspace, given_roles


class ChangeOptions(TypedDict, total=False):
    """What can be said with every change.

    Attributes:
        actor: Who records it.
        roles: The roles of the actor; None, or left out, for those that the settings give.
        at: When it happened; None, or left out, for now.
        readmit: Whether somebody who was erased is known again by it, as somebody new.
        future: Whether it may have happened more than a day in the future; else it is refused.
        key: Makes it happen once: repeated with the same content, the first answer is returned.
        text: Whether facts and time are text as a person types it.
        expect: The length of the history that the contact must still have.
        dry_run: Decide, and store nothing.
    """

    actor: str
    roles: Collection[str] | None
    at: dt.datetime | str | None
    readmit: bool
    future: bool
    key: str | None
    text: bool
    expect: int | None
    dry_run: bool


class Workspace(ReadableWorkspace):
    """Everything that can be done with contacts; use it in a ``with`` statement.

    `open` and `create` make one. Every change is one transaction: it is stored whole when the
    call returns, and not at all when it raises. Threads may share a workspace, and it may be
    used on both sides of a fork.

    When a call begins, changed settings are read again: the funnel for new contacts, the zone,
    the roles, the subscriptions and the plugins that are required hold as the file says now. A
    file that cannot be used is an error of every call until it is repaired; the database and the
    plugins stay those with which the workspace was opened.
    """

    def funnel(self, name: str | None = None) -> Funnel:
        """Return a funnel as it is in use here; its first use takes its file into use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
            ConfigurationError: It is not in use, and a plugin that is required here is not
                either.
        """
        return self.context.funnel(name)

    def add(
        self,
        contact_id: str,
        facts: Mapping[str, Any] | None = None,
        *,
        funnel: str | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Recorded:
        """Add a contact, in the first stage of a funnel; for the options see `ChangeOptions`.

        Raises:
            ConflictError: There is one by that id.
            Error: The id or a fact cannot be used; nothing is stored.
        """
        return self._change(contact_id, "add", facts, options, funnel=funnel or "")

    def record(
        self,
        contact_id: str,
        event: str,
        facts: Mapping[str, Any] | None = None,
        *,
        create: bool = False,
        funnel: str | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Recorded:
        """Record something that happened; the contact moves if that opens a transition.

        Args:
            contact_id: Who it happened to.
            event: An event of the vocabulary.
            facts: What it brought; None takes a fact back.
            create: Add the contact first, at the same time, if nobody knows it.
            funnel: The funnel of a contact that is added.
            options: What `ChangeOptions` lists.

        Raises:
            UnknownNameError: There is no such contact, event or field.
            FieldError: A fact is no value of its field.
            ConflictError: The key stands for something else, or the contact has changed.
            StoreError: The database cannot store it; nothing is stored.
        """
        return self._change(contact_id, event, facts, options, create=create, funnel=funnel or "")

    def set(
        self, contact_id: str, facts: Mapping[str, Any], **options: Unpack[ChangeOptions]
    ) -> Recorded:
        """Record facts that became known; like `record` in everything else."""
        return self._change(contact_id, "set", facts, options)

    def move(
        self,
        contact_id: str,
        to: str,
        *,
        facts: Mapping[str, Any] | None = None,
        force: bool = False,
        reason: str = "",
        funnel: str | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Recorded:
        """Ask for a stage; a refusal is an answer, is kept, and carries every reason.

        Args:
            contact_id: Who is to move.
            to: The stage, by name or alias.
            facts: What became known with it.
            force: Go past criteria that are not met, where the definition lets the actor.
            reason: Why it is forced.
            funnel: In which of the contact's funnels; None for the one that has the stage.
            options: What `ChangeOptions` lists.

        Raises:
            UnknownNameError: There is no such contact or stage.
            UsageError: Several of the contact's funnels have the stage, or it is not in the one
                that is named.
            ConflictError: The key stands for something else, or the contact has changed.
            StoreError: The database cannot store it; nothing is stored.
        """
        about = () if funnel is None else (funnel,)
        asked = {"to": to, "force": force, "reason": reason, "about": about}
        return self._change(contact_id, "move", facts, options, **asked)

    def enter(self, contact_id: str, funnel: str, **options: Unpack[ChangeOptions]) -> Recorded:
        """Let a contact enter another funnel; its story is the same, its transitions begin anew.

        Args:
            contact_id: Who.
            funnel: The funnel; its first use takes its file into use.
            options: What `ChangeOptions` lists.

        Raises:
            UnknownNameError: There is no such contact or funnel.
            ConflictError: The contact is in the funnel already; or as `record`.
        """
        return self._change(contact_id, ENTER, None, options, about=(funnel,))

    def leave(self, contact_id: str, funnel: str, **options: Unpack[ChangeOptions]) -> Recorded:
        """Let a contact leave a funnel; what it has told stays in its story.

        Args:
            contact_id: Who.
            funnel: The funnel.
            options: What `ChangeOptions` lists.

        Raises:
            UnknownNameError: There is no such contact.
            UsageError: The contact is not in the funnel.
            ConflictError: The contact is in no other funnel; or as `record`.
        """
        return self._change(contact_id, LEAVE, None, options, about=(funnel,))

    def void(
        self, contact_id: str, rows: Collection[int], reason: str, **options: Unpack[ChangeOptions]
    ) -> Recorded:
        """Take back rows of a contact's history: they never counted, and stay readable.

        Taking a void back restores what it took back.

        Args:
            contact_id: Whose rows they are.
            rows: The rows, by their place in the contact's history (`HistoryRow.sequence`).
            reason: Why.
            options: What `ChangeOptions` lists.

        Raises:
            UnknownNameError: There is no such contact.
            UsageError: There is no such row, it is taken back in another way, or no reason is
                given.
            ConflictError: A row is taken back already, or the contact has changed.
            StoreError: The database cannot store it; nothing is stored.
        """
        about = tuple(sorted(set(rows)))
        return self._change(contact_id, VOID, None, options, about=about, reason=given(reason))

    def undo(
        self,
        run: int,
        reason: str,
        *,
        actor: str = "",
        dry_run: bool = False,
        quiet: bool = False,
        progress: "Callable[[maintenance.Undone], None] | None" = None,
    ) -> "maintenance.Undone":
        """Take back all that a run has brought, as if it had never happened.

        Its keys and its file are free again. Undoing an undo restores what it took back. Broken
        off at any point, the same call goes on with what is left.

        Args:
            run: The number of the run, see `runs`.
            reason: Why.
            actor: Who takes it back.
            dry_run: Find out who would stand where, and store nothing.
            quiet: Send nobody a message.
            progress: Called after every chunk with how far it has come.

        Raises:
            UnknownNameError: There is no such run.
            UsageError: It is undone in another way, or no reason is given.
            ConflictError: It is taken back already, or what it brought has come again since.
            StoreError: The database cannot store it; what was done before is stored.
        """
        context = self.context.quiet() if quiet else self.context
        return maintenance.undo_run(
            context, run, given(reason), actor=actor, dry_run=dry_run, progress=progress
        )

    def _change(
        self,
        contact_id: str,
        event: str,
        facts: Mapping[str, Any] | None,
        options: ChangeOptions,
        **more: Any,
    ) -> Recorded:
        """Decide and store one change."""
        change = Change(
            contact_id,
            event,
            options.get("at"),
            dict(facts or {}),  # a copy: parsers know objects again that they have read
            options.get("actor", ""),
            future=options.get("future", False),
            readmit=options.get("readmit", False),
            key=options.get("key"),
            text=options.get("text", False),
            expect=options.get("expect"),
            roles=given_roles(options.get("roles")),
            **more,
        )
        return self.context.record(change, dry_run=options.get("dry_run", False))

    def apply(
        self,
        source: "Path | str | ingest.Rows",
        options: "ingest.FileOptions | None" = None,
        *,
        create: bool = True,
        progress: "ingest.Watch | None" = None,
        stdin: IO[bytes] | None = None,
    ) -> "ingest.Summary":
        """Record the events of a file, or of rows; for the arguments see `apply_file`.

        Args:
            source: A file; or rows: mappings, or a DataFrame of pandas, Polars or Arrow.
            options: How.
            create: Add contacts that nobody knows yet; else their rows are rejected.
            progress: Called after every chunk with how far it has come.
            stdin: What the file ``-`` reads.

        Raises:
            Error: As `apply_file`.
        """
        context = self.context
        with ingest.as_file(source, options or ingest.FileOptions()) as file:
            summary = ingest.apply_file(
                context,
                file.path,
                file.options,
                create=create,
                progress=progress,
                stdin=stdin,
                shown=file.shown,
            )
        return evolve(summary, path=file.name)

    def receive(
        self,
        records: "Sequence[ingest.IncomingRecord]",
        options: "ingest.FileOptions | None" = None,
        *,
        source: str,
        create: bool = False,
    ) -> "ingest.Receipt":
        """Record what another system sends, stored whole when the call returns.

        For the arguments see `receive_records`; `mapping` reads a mapping file for the options.
        What cannot be used is kept, see `kept_records`.

        Raises:
            Error: As `receive_records`.
        """
        return ingest.receive_records(
            self.context, records, options or ingest.FileOptions(), source=source, create=create
        )

    def set_aside(
        self, records: "Sequence[ingest.IncomingRecord]", reason: str, *, source: str
    ) -> "ingest.Receipt":
        """Keep what another system sends and cannot be read now; see `set_aside` of `ingest`.

        Raises:
            StoreError: It cannot be kept.
        """
        return ingest.set_aside(self.context, records, reason, source=source)

    def retry_kept(
        self, options: "ingest.FileOptions | None" = None, *, source: str, create: bool = False
    ) -> "ingest.Receipt":
        """Try what was kept of a source again, with a mapping that is corrected.

        Raises:
            Error: As `receive_records`.
        """
        return ingest.retry_kept(
            self.context, options or ingest.FileOptions(), source=source, create=create
        )

    def mapping(self, name: str) -> "ingest.FileMapping":
        """Return a mapping file: by its path, or its name here or among those that ship.

        Raises:
            UnknownNameError: There is none.
            ConfigurationError: It cannot be read, or says what no mapping file says.
        """
        return ingest.read_mapping(ingest.find_mapping(name, self.context.directory))

    def import_contacts(
        self,
        source: "Path | str | ingest.Rows",
        options: "ingest.FileOptions | None" = None,
        *,
        mode: "ingest.Mode" = "both",
        progress: "ingest.Watch | None" = None,
        stdin: IO[bytes] | None = None,
    ) -> "ingest.Summary":
        """Add or update the contacts of a file, or of rows; for the arguments see `import_file`.

        Raises:
            Error: As `import_file`.
        """
        context = self.context
        with ingest.as_file(source, options or ingest.FileOptions()) as file:
            summary = ingest.import_file(
                context,
                file.path,
                file.options,
                mode=mode,
                progress=progress,
                stdin=stdin,
                shown=file.shown,
            )
        return evolve(summary, path=file.name)

    def change_where(  # noqa: PLR0913  # all that can be said, by keyword
        self,
        where: str,
        event: str,
        facts: Mapping[str, Any] | None = None,
        *,
        to: str = "",
        force: bool = False,
        reason: str = "",
        stage: str | None = None,
        funnel: str | None = None,
        quiet: bool = False,
        progress: "Callable[[maintenance.BulkDone, int], None] | None" = None,
        **options: Unpack[ChangeOptions],
    ) -> "maintenance.BulkDone":
        """Record one thing of all contacts for whom an expression is true, as a run.

        Each is decided as if it had been asked by itself, with every rule; `undo` takes the run
        back. Broken off, the same call goes on with those who are left.

        Args:
            where: A criterion, or the name of a saved view, as `list` takes it.
            event: ``set``, ``move``, or an event of the vocabulary.
            facts: What it brings.
            to: For ``move``, the stage.
            force: For ``move``, go past criteria, where the definition lets the actor.
            reason: Why.
            stage: Only those in this stage.
            funnel: Only those in this funnel; a move is made in it.
            quiet: Send nobody a message.
            progress: Called after every chunk with what is done, and of how many.
            options: What `ChangeOptions` lists, but for ``key`` and ``expect``.

        Raises:
            Error: Who is meant cannot be found out; as `list`. What is wrong with one contact is
                an answer of the result.
            StoreError: The database cannot store it; what was done before is stored.
        """
        context = self.context.quiet() if quiet else self.context
        wanted, limit = self._wanted(Wanted(where, stage, funnel))
        change = Change(
            "",
            event,
            options.get("at"),
            dict(facts or {}),
            options.get("actor", ""),
            to=to,
            force=force,
            reason=reason,
            future=options.get("future", False),
            text=options.get("text", False),
            roles=given_roles(options.get("roles")),
            about=(funnel,) if funnel is not None and event == "move" else (),
        )
        dry_run = options.get("dry_run", False)
        return maintenance.run_bulk(
            context, wanted, change, limit=limit, dry_run=dry_run, progress=progress
        )

    def tick(
        self,
        now: dt.datetime | None = None,
        *,
        actor: str = "",
        future: bool = False,
        quiet: bool = False,
        dry_run: bool = False,
    ) -> "maintenance.Ticked":
        """Take the timed transitions that are due, and keep that as evidence; see `run_tick`.

        With `quiet` nobody is sent a message of them.
        """
        context = self.context.quiet() if quiet else self.context
        return maintenance.run_tick(
            context, now or self.clock(), actor=actor, future=future, dry_run=dry_run
        )

    def merge(  # noqa: PLR0913  # all that can be said, by keyword
        self,
        contact_id: str,
        into: str,
        *,
        reason: str = "",
        actor: str = "",
        roles: Collection[str] | None = None,
        at: dt.datetime | None = None,
        key: str | None = None,
        quiet: bool = False,
        dry_run: bool = False,
    ) -> "maintenance.Merged":
        """Make the story of a contact part of another one's: two records of one person.

        From then on the other one stands where the whole story puts it, and is who is found by
        either id. Every row stays with the contact to whom it was addressed, also those to
        come, so that `unmerge` can give them back.

        Args:
            contact_id: Who is merged.
            into: Into whom.
            reason: Why, for the history.
            actor: Who merges.
            roles: The roles of the actor; None for those that the settings give.
            at: When it was found out; None for now. It decides nothing.
            key: Makes it happen once: repeated, the first answer is returned.
            quiet: Send nobody a message of who moves by it.
            dry_run: Find out what would become of them, and store nothing.

        Raises:
            UnknownContactError: There is no contact by one of the ids.
            ConflictError: One is part of the other's story, or of somebody else's.
        """
        return maintenance.run_merge(
            self.context.quiet() if quiet else self.context,
            contact_id,
            into,
            reason=reason,
            actor=actor,
            roles=given_roles(roles),
            at=at,
            key=key,
            dry_run=dry_run,
        )

    def unmerge(  # noqa: PLR0913  # all that can be said, by keyword
        self,
        contact_id: str,
        *,
        reason: str = "",
        actor: str = "",
        roles: Collection[str] | None = None,
        at: dt.datetime | None = None,
        key: str | None = None,
        quiet: bool = False,
        dry_run: bool = False,
    ) -> "maintenance.Merged":
        """Give a contact that was merged its own story back, with all that was addressed to it.

        For the arguments see `merge`.

        Raises:
            UnknownContactError: There is no contact by that id.
            ConflictError: It is not merged into anybody.
        """
        return maintenance.run_unmerge(
            self.context.quiet() if quiet else self.context,
            contact_id,
            reason=reason,
            actor=actor,
            roles=given_roles(roles),
            at=at,
            key=key,
            dry_run=dry_run,
        )

    def erase(
        self, contact_id: str, *, actor: str = "", dry_run: bool = False
    ) -> "maintenance.Erased":
        """Erase a contact: everything that says something of the person goes, for good.

        Broken off at any point, the same call goes on. Whoever is merged with the contact is
        the same person, and is erased with it.

        Args:
            contact_id: Who.
            actor: Who erases it.
            dry_run: Count what would go, and remove nothing.

        Raises:
            UnknownContactError: There is no contact by that id, and none was erased.
            StoreError: The database or a file cannot be written; the same call goes on later.
        """
        return maintenance.run_erasure(self.context, contact_id, actor=actor, dry_run=dry_run)

    def repair(self, *, dry_run: bool = False) -> "maintenance.Repaired":
        """Make the positions again that are not what their evidence gives; see `run_repair`."""

        def verified(found: "Callable[[maintenance.Finding], None]") -> "maintenance.Verification":
            return self.verify(found=found)

        return maintenance.run_repair(self.context, verified, dry_run=dry_run)

    def load(self, directory: Path | str, *, dry_run: bool = False) -> "maintenance.Dumped":
        """Bring what `dump` wrote into this workspace, which is empty; all of it, or nothing.

        Args:
            directory: Where the files are.
            dry_run: Say what would be loaded, and load nothing.

        Raises:
            UsageError: It is no dump of this version, or somebody is known here already.
        """
        loaded = maintenance.load_database(self.engine, Path(directory), dry_run=dry_run)
        self.context.definitions.forget()
        return loaded

    def contacts_ahead(self, now: dt.datetime | None = None) -> "maintenance.Ahead":
        """Return the contacts whose last evidence lies more than a day after `now`."""
        return maintenance.contacts_ahead(self.context, now)

    def threshold(
        self, field: str, funnel: str | None = None, *, label: str = ""
    ) -> "compare.Threshold":
        """Return the one literal that a field is compared with in what transitions require.

        Args:
            field: The field.
            funnel: The funnel, which is in use; None for the default one.
            label: The beginning of the criterion's label, where several compare the field.

        Raises:
            UnknownNameError: There is no such field, or the funnel is not in use.
            UsageError: It is compared with no literal, or with several.
        """
        loaded = maintenance.in_use(self.context, funnel or self.context.default_funnel)
        return compare.the_threshold(loaded.funnel.linked, field, label)

    def what_if(  # all that can be said, by keyword
        self,
        change: "Mapping[str, Any] | Definition | Path | str",
        *,
        funnel: str | None = None,
        label: str = "",
        curve: bool = False,
        now: dt.datetime | None = None,
        progress: "Callable[[int], None] | None" = None,
    ) -> "compare.WhatIf":
        """Return what a changed definition would have made of the stored evidence.

        Nothing is stored. Contacts are read one after the other, so memory stays the same
        for any number of them.

        Args:
            change: A field with the value, or the values, that it is compared with instead
                (``{"budget": 3000}``), or a changed definition, or its file.
            funnel: The funnel; None for that of the definition if it is in use, or else for
                the default one.
            label: The beginning of the criterion's label, where several compare the field.
            curve: Whether to look at values around those as well; each folds everybody again.
            now: The time that it is; None for that of the clock.
            progress: Called with the number of contacts looked at, every thousand.

        Raises:
            UnknownNameError: There is no such field, or the funnel is not in use.
            UsageError: The field is compared with no literal, or with several.
            FieldError: A value is none of the field.
            DefinitionError: The changed definition has problems.
        """
        context = self.context
        if not isinstance(change, Mapping):
            changed = _read(change, context.library)
            named = changed.name if changed.name in self.funnels() else context.default_funnel
            return maintenance.what_if(
                context, funnel or named, changed, now=now, progress=progress
            )
        if len(change) != 1:
            raise UsageError("one field is changed at a time", hint='what_if({"budget": 3000})')
        ((field, said),) = change.items()
        threshold = self.threshold(field, funnel, label=label)
        values = [threshold.read(v) for v in (said if isinstance(said, list | tuple) else [said])]
        return maintenance.what_if_threshold(
            context,
            funnel or context.default_funnel,
            threshold,
            values,
            curve=curve,
            now=now,
            progress=progress,
        )

    def broken_promises(
        self, now: dt.datetime | None = None
    ) -> "tuple[maintenance.BrokenPromise, ...]":
        """Return who is in a stage now of whom what it needs does not hold, promise by promise."""
        return maintenance.broken_promises(self.context, now)

    def plan_adoption(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        instead_of: str = "",
        from_now: bool = False,
    ) -> "maintenance.AdoptionPlan":
        """Return what `adopt` would do with the same arguments, changing nothing."""
        context = self.context
        return maintenance.plan_adoption(
            context, _read(source, context.library), rules or {}, instead_of, from_now=from_now
        )

    def adopt(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        instead_of: str = "",
        from_now: bool = False,
        actor: str = "",
        quiet: bool = False,
        progress: "Callable[[maintenance.Adopted], None] | None" = None,
    ) -> "maintenance.Adopted":
        """Take a new version of a definition into use, and bring the contacts under it.

        Broken off at any point, the same call goes on with what is left.

        Args:
            source: The new version, or its file.
            rules: Stage that it no longer has to the stage in which its contacts go on.
            instead_of: Another funnel whose contacts come over: their evidence is translated.
            from_now: Place everybody where they stand, in whatever stage their evidence would
                lead by the new version: it decides what comes from now on.
            actor: Who adopts.
            quiet: Send nobody a message of who moves.
            progress: Called after every chunk with how far it has come.

        Raises:
            DefinitionError: It has errors; nothing is changed.
            UnknownNameError: A rule names a stage that there is not, or there is no such funnel.
            UnmappedStageError: A contact is in a stage that is gone, and no rule leads out of it.
            StoreError: The database cannot store it; what was done before is stored.
        """
        context = self.context.quiet() if quiet else self.context
        definition = _read(source, context.library)
        return maintenance.run_adoption(
            context,
            definition,
            rules or {},
            instead_of=instead_of,
            from_now=from_now,
            actor=actor,
            progress=progress,
        )


def given(reason: str) -> str:
    """Return the reason for taking something back.

    Raises:
        UsageError: There is none.
    """
    if not reason.strip():
        raise UsageError(
            "what is taken back needs a reason: it is kept as evidence", hint="--reason '…'"
        )
    return reason


def _read(source: Definition | Path | str, library: Library) -> Definition:
    """Return a definition, from its file if need be."""
    if isinstance(source, Definition):
        return source
    from funnelflow.definition import load_definition  # noqa: PLC0415  # loads YAML

    return load_definition(Path(source), library).definition
