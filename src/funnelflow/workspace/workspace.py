"""A workspace: contacts, their history, and the funnels that they go through."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypedDict, Unpack

from attrs import evolve
from sqlalchemy import Engine

from funnelflow import ingest, maintenance  # whose modules are loaded when they are used
from funnelflow.definition import Definition, Library, Linked, digest
from funnelflow.engine import Funnel, why
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.plugins import PluginHost, load_plugins
from funnelflow.storage import schema
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import Database, connect, locate, reading
from funnelflow.storage.contacts import (
    HistoryPage,
    Recorded,
    StageExplanation,
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
from funnelflow.storage.row_format import Clock, utc_now
from funnelflow.toml_source import file_signature
from funnelflow.workspace.settings import (
    CONFIG_FILE,
    Config,
    find_workspace,
    read_config,
    write_config,
)

DATABASE = "funnelflow.db"
"""Where a workspace keeps its contacts when nothing else is said."""


class ChangeOptions(TypedDict, total=False):
    """What can be said with every change.

    Attributes:
        actor: Who records it.
        roles: The roles of the actor; None, or left out, for those that the settings give.
        at: When it happened; None, or left out, for now.
        key: Makes it happen once: repeated with the same content, the first answer is returned.
        text: Whether facts and time are text as a person types it.
        expect: The length of the history that the contact must still have.
        dry_run: Decide, and store nothing.
    """

    actor: str
    roles: Collection[str] | None
    at: dt.datetime | str | None
    key: str | None
    text: bool
    expect: int | None
    dry_run: bool


class Workspace:
    """Everything that can be done with contacts; use it in a ``with`` statement.

    `open` and `create` make one. Every change is one transaction: it is stored whole when the
    call returns, and not at all when it raises. Threads may share a workspace, and it may be
    used on both sides of a fork.

    When a call begins, changed settings are read again: the funnel for new contacts, the zone,
    the roles, the subscriptions and the plugins that are required hold as the file says now. A
    file that cannot be used is an error of every call until it is repaired; the database and the
    plugins stay those with which the workspace was opened.

    Attributes:
        config: The settings as they were read last.
    """

    def __init__(self, config: Config, context: Context, *, owns_engine: bool = True) -> None:
        self.config = config
        self._context = context
        self._owns_engine = owns_engine
        self._path = config.directory / CONFIG_FILE
        self._signature = _signature(self._path)

    @classmethod
    def create(
        cls,
        directory: Path | str,
        funnel: str = "standard",
        *,
        database: str | None = None,
        engine: Engine | None = None,
        library: Library | None = None,
        clock: Clock = utc_now,
        plugins: PluginHost | None = None,
    ) -> Self:
        """Start a workspace: its settings, its database, its first funnel in use.

        Args:
            directory: Where; made when it is not there.
            funnel: The funnel of contacts for whom none is named.
            database: A path, or the URL of a PostgreSQL database; None for the one that the
                environment names, or else a file in the directory.
            engine: An engine of SQLAlchemy to reach that database with, as in `open`.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Returns the time it is; tests give one that stands still.
            plugins: The plugins to use; None for those that are found, `PluginHost()` for none.

        Raises:
            ConfigurationError: There is a workspace already, or it cannot be made.
            StoreError: The database is in use for something else, or cannot be made.
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        directory = Path(directory).absolute()
        host = load_plugins(directory) if plugins is None else plugins
        definitions = DefinitionStore(host.library(library or _library(directory)))
        definitions.file(funnel)
        path = write_config(directory, funnel=funnel, database=database or DATABASE)
        try:
            config = read_config(directory, flags={"database": database})
            schema.create_tables(locate(config.database, directory))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        workspace = cls._opened(config, definitions, clock, host, engine)
        workspace.funnel(funnel)
        return workspace

    @classmethod
    def open(
        cls,
        directory: Path | str | None = None,
        *,
        database: str | None = None,
        engine: Engine | None = None,
        library: Library | None = None,
        clock: Clock = utc_now,
        plugins: PluginHost | None = None,
    ) -> Self:
        """Open the workspace that a directory belongs to.

        Args:
            directory: Where to begin looking upwards; None for the current directory.
            database: The database to use instead of the configured one.
            engine: An engine of SQLAlchemy to reach that database with. Pool, durability and
                logging are as it says, and it stays the caller's to dispose of; None for one
                that belongs to the workspace.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Returns the time it is.
            plugins: The plugins to use; None for those that are found, `PluginHost()` for none.

        Raises:
            ConfigurationError: There is no workspace, or its settings are not usable.
            StoreError: Its database is missing, or of another version.
        """
        root = find_workspace(directory)
        config = read_config(root, flags={"database": database})
        host = load_plugins(root) if plugins is None else plugins
        definitions = DefinitionStore(host.library(library or _library(root)))
        workspace = cls._opened(config, definitions, clock, host, engine)
        try:
            schema.require_current(workspace.engine, workspace.database)
        except BaseException:
            workspace.close()
            raise
        return workspace

    @classmethod
    def _opened(
        cls,
        config: Config,
        definitions: DefinitionStore,
        clock: Clock,
        plugins: PluginHost,
        engine: Engine | None,
    ) -> Self:
        database = locate(config.database, config.directory)
        context = Context(
            config.directory,
            database,
            connect(database, engine=engine),
            definitions,
            plugins=plugins,
            clock=clock,
            reopen=lambda context: cls(config, context, owns_engine=False),
            **_settings(config),
        )
        return cls(config, context, owns_engine=engine is None)

    def close(self) -> None:
        """Let go of the database, unless the engine is the caller's own."""
        if self._owns_engine:
            self._context.engine.dispose()

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

    @property
    def context(self) -> Context:
        """What the use cases need, by the settings as the file says them now.

        Raises:
            ConfigurationError: The file has changed, and cannot be used.
        """
        signature = _signature(self._path)
        if signature != self._signature:
            flags = {
                name: setting.value
                for name, setting in self.config.settings.items()
                if setting.origin == "flag"
            }
            config = read_config(self.config.directory, flags=flags)
            self._context = evolve(self._context, **_settings(config))
            self.config, self._signature = config, signature
        return self._context

    @property
    def engine(self) -> Engine:
        """What reaches the database."""
        return self._context.engine

    @property
    def database(self) -> Database:
        """Which database is in use."""
        return self._context.database

    @property
    def library(self) -> Library:
        """Where definitions are looked up by name."""
        return self._context.library

    @property
    def plugins(self) -> PluginHost:
        """The plugins in use."""
        return self._context.plugins

    @property
    def clock(self) -> Clock:
        """What returns the time it is."""
        return self._context.clock

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
        **options: Unpack[ChangeOptions],
    ) -> Recorded:
        """Ask for a stage; a refusal is an answer, is kept, and carries every reason.

        Args:
            contact_id: Who is to move.
            to: The stage, by name or alias.
            facts: What became known with it.
            force: Go past criteria that are not met, where the definition lets the actor.
            reason: Why it is forced.
            options: What `ChangeOptions` lists.

        Raises:
            UnknownNameError: There is no such contact or stage.
            ConflictError: The key stands for something else, or the contact has changed.
            StoreError: The database cannot store it; nothing is stored.
        """
        return self._change(contact_id, "move", facts, options, to=to, force=force, reason=reason)

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
            key=options.get("key"),
            text=options.get("text", False),
            expect=options.get("expect"),
            roles=_roles(options.get("roles")),
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

        def run(name: str, chosen: "ingest.FileOptions") -> "ingest.Summary":
            return ingest.apply_file(
                context, name, chosen, create=create, progress=progress, stdin=stdin
            )

        return _run_over(source, options, run)

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

        def run(name: str, chosen: "ingest.FileOptions") -> "ingest.Summary":
            return ingest.import_file(
                context, name, chosen, mode=mode, progress=progress, stdin=stdin
            )

        return _run_over(source, options, run)

    def tick(
        self, now: dt.datetime | None = None, *, actor: str = "", dry_run: bool = False
    ) -> "maintenance.Ticked":
        """Take the timed transitions that are due, and keep that as evidence; see `run_tick`."""
        return maintenance.run_tick(self.context, now or self.clock(), actor=actor, dry_run=dry_run)

    def contacts_ahead(self, now: dt.datetime | None = None) -> "maintenance.Ahead":
        """Return the contacts whose last evidence lies more than a day after `now`."""
        return maintenance.contacts_ahead(self.context, now)

    def plan_adoption(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        instead_of: str = "",
    ) -> "maintenance.AdoptionPlan":
        """Return what `adopt` would do with the same arguments, changing nothing."""
        context = self.context
        return maintenance.plan_adoption(
            context, _read(source, context.library), rules or {}, instead_of
        )

    def adopt(
        self,
        source: Definition | Path | str,
        rules: Mapping[str, str] | None = None,
        *,
        instead_of: str = "",
        actor: str = "",
        progress: "Callable[[maintenance.Adopted], None] | None" = None,
    ) -> "maintenance.Adopted":
        """Take a new version of a definition into use, and bring the contacts under it.

        Broken off at any point, the same call goes on with what is left.

        Args:
            source: The new version, or its file.
            rules: Stage that it no longer has to the stage in which its contacts go on.
            instead_of: Another funnel whose contacts come over: their evidence is translated.
            actor: Who adopts.
            progress: Called after every chunk with how far it has come.

        Raises:
            DefinitionError: It has errors; nothing is changed.
            UnknownNameError: A rule names a stage that there is not, or there is no such funnel.
            UnmappedStageError: A contact is in a stage that is gone, and no rule leads out of it.
            StoreError: The database cannot store it; what was done before is stored.
        """
        context = self.context
        definition = _read(source, context.library)
        return maintenance.run_adoption(
            context, definition, rules or {}, instead_of=instead_of, actor=actor, progress=progress
        )

    def verify(
        self,
        *,
        found: "Callable[[maintenance.Finding], None] | None" = None,
        progress: "Callable[[maintenance.Verification], None] | None" = None,
    ) -> "maintenance.Verification":
        """Prove the database: digests, chains, and every contact folded again and compared.

        Args:
            found: Called with every finding at once; the result keeps the first hundred.
            progress: Called every thousand contacts with how far it has come.

        Raises:
            StoreError: The database cannot be read at all.
        """
        return maintenance.run_verification(self.context, found=found, progress=progress)

    def contact(self, contact_id: str) -> StoredContact:
        """Return a contact as it is.

        Raises:
            UnknownNameError: There is none by that id.
        """
        context = self.context
        with reading(context.engine) as connection:
            return find_contact(connection, context.definitions, contact_id)[0]

    def why(
        self,
        contact_id: str,
        now: dt.datetime | None = None,
        *,
        actor: str = "",
        roles: Collection[str] | None = None,
    ) -> StageExplanation:
        """Explain every transition out of a contact's stage, as it stands at `now`.

        For a time before its last evidence, the contact is given as it stood then.

        Raises:
            UnknownNameError: There is no contact by that id.
            UsageError: Nothing was known of it then.
        """
        context = self.context
        with reading(context.engine) as connection:
            stored, running = find_contact(connection, context.definitions, contact_id)
            if now is not None:
                stored = contact_at(connection, context.definitions, stored, running, now)
        held = context.roles_of(actor) if roles is None else _roles(roles) or ()
        considered = why(running.funnel, stored.contact, now or context.clock(), held)
        return StageExplanation(stored, considered)

    def translate(self, contact_id: str, funnel: Funnel) -> Translated:
        """Read a contact's evidence by another definition.

        Raises:
            UnknownNameError: There is no contact by that id.
        """
        context = self.context
        with reading(context.engine) as connection:
            stored, _ = find_contact(connection, context.definitions, contact_id)
            translation = translate_one(connection, context.definitions, funnel, contact_id)
        return Translated(
            contact_id, stored.funnel, stored.contact.stage, funnel.definition.name, translation
        )

    def translate_all(self, funnel: Funnel, *, home: str | None = None) -> Iterator[Translated]:
        """Yield every contact in another definition's words, by id, read as they are asked for.

        Args:
            funnel: The definition that reads.
            home: The funnel whose contacts are read; None for all.

        Raises:
            UnknownNameError: `home` is not in use.
        """
        context = self.context
        with reading(context.engine) as connection:
            known = funnel_names(connection)
            if home is not None and home not in known:
                raise UnknownNameError("funnel", home, known)
            yield from translate_all(connection, context.definitions, funnel, home)

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
        """Return a page of the history, in the order in which it was recorded.

        Args:
            contact_id: Only that of one contact.
            event: Only this event.
            outcome: Only this outcome.
            since: Only what happened at this time or later.
            until: Only what happened before this time.
            actor: Only what this actor recorded.
            limit: How many rows at most.
            after: The `HistoryPage.after` of the page before.

        Raises:
            UnknownNameError: There is no contact by that id.
        """
        context = self.context
        equal = {"contact_id": contact_id, "event": event, "outcome": outcome, "actor": actor}
        with reading(context.engine) as connection:
            page = read_history(connection, equal, (since, until), limit=limit, after=after)
            if contact_id is not None and not page.rows:
                find_contact(connection, context.definitions, contact_id)
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
        context = self.context
        with reading(context.engine) as connection:
            yield from list_contacts(
                connection,
                context.definitions,
                context.clock(),
                where=where,
                stage=stage,
                funnel=funnel,
                limit=limit,
            )

    def rows(
        self,
        where: str | None = None,
        *,
        stage: str | None = None,
        funnel: str | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the contacts of `list` as flat rows, for a table or a DataFrame."""
        for contact in self.list(where, stage=stage, funnel=funnel, limit=limit):
            yield contact.to_row()

    def funnels(self) -> tuple[str, ...]:
        """Return the names of the funnels in use, sorted."""
        with reading(self.engine) as connection:
            return funnel_names(connection)

    def funnel(self, name: str | None = None) -> Funnel:
        """Return a funnel as it is in use here; its first use takes its file into use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
            ConfigurationError: It is not in use, and a plugin that is required here is not
                either.
        """
        return self.context.funnel(name)

    def linked(self, funnel: str) -> Linked:
        """Return a definition as it is in use, or as its file says before its first use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        definitions = self.context.definitions
        with reading(self.engine) as connection:
            running = definitions.current(connection, funnel)
        if running is None:
            running = definitions.ready(definitions.file(funnel))
        return running.funnel.linked

    def counts(self, funnel: str | None = None) -> dict[str, int]:
        """Return how many contacts of a funnel are in each stage, in the definition's order.

        Raises:
            UnknownNameError: The funnel is not in use.
        """
        context = self.context
        with reading(context.engine) as connection:
            return count_stages(connection, context.definitions, funnel or context.default_funnel)

    def outdated(self, funnel: str | None = None) -> bool:
        """Whether a funnel's file says something else than the version in use.

        Raises:
            UnknownNameError: There is no such funnel, or no file of it any more.
            DefinitionError: The file has errors.
        """
        context = self.context
        name = funnel or context.default_funnel
        with reading(context.engine) as connection:
            running = context.definitions.current(connection, name)
        return running is not None and digest(context.definitions.file(name)) != running.digest


def _library(directory: Path) -> Library:
    """Return the library of a workspace: its own definitions come before the shipped ones."""
    return Library((directory, directory / "definitions"))


def _settings(config: Config) -> dict[str, Any]:
    """Return what a context takes over from the settings."""
    return {
        "default_funnel": config.funnel,
        "timezone": config.timezone,
        "roles_of": config.roles_of,
        "subscriptions": config.subscriptions,
        "plugin_config": config.plugins,
    }


def _signature(path: Path) -> object:
    """Return what changes when the settings are written; None where there are none."""
    try:
        return file_signature(path)
    except OSError:
        return None


def _run_over(
    source: "Path | str | ingest.Rows",
    options: "ingest.FileOptions | None",
    run: "Callable[[str, ingest.FileOptions], ingest.Summary]",
) -> "ingest.Summary":
    """Run over a file or over rows."""
    chosen = options or ingest.FileOptions()
    if isinstance(source, str | Path):
        return run(str(source), chosen)
    return ingest.run_rows(source, chosen, run)


def _read(source: Definition | Path | str, library: Library) -> Definition:
    """Return a definition, from its file if need be."""
    if isinstance(source, Definition):
        return source
    from funnelflow.definition import load_definition  # noqa: PLC0415  # loads YAML

    return load_definition(Path(source), library).definition


def _roles(roles: Collection[str] | None) -> tuple[str, ...] | None:
    """Return the roles that a call gives its actor.

    Raises:
        UsageError: They are one text, which stands for a list with one role or for a mistake.
    """
    if isinstance(roles, str):
        raise UsageError("roles is text, not a list", hint=f"write roles=[{roles!r}]")
    return None if roles is None else tuple(sorted(set(roles)))
