"""Looking at a workspace: contacts, their history, and what others would call them."""

import builtins
import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from attrs import evolve
from sqlalchemy import Connection

from funnelflow import definition as files  # whose modules are loaded when they are used
from funnelflow import ingest, maintenance  # as above
from funnelflow import report as numbers  # as above
from funnelflow.criteria.custom import answering
from funnelflow.criteria.times import timestamp_json
from funnelflow.definition import Linked, digest
from funnelflow.engine import Funnel, why
from funnelflow.errors import UnknownContactError, UnknownNameError, UsageError
from funnelflow.storage.board import Board, read_board
from funnelflow.storage.changes import not_in_funnel
from funnelflow.storage.connect import reading
from funnelflow.storage.contact_lists import Wanted, count_by_stage, list_as_of, list_contacts
from funnelflow.storage.contacts import (
    HistoryPage,
    Known,
    StageExplanation,
    StoredContact,
    id_of,
    read_history,
    root_of,
)
from funnelflow.storage.queries import (
    AsOf,
    Translated,
    contact_as_of,
    current_definition,
    funnel_names,
    history_as_of,
    in_another,
    nothing_known,
    story_as_of,
    translate_all,
    translate_one,
)
from funnelflow.storage.replay import given_answers
from funnelflow.storage.runs import Run, read_runs
from funnelflow.workspace.opening import OpenWorkspace
from funnelflow.workspace.settings import names_in


class ReadableWorkspace(OpenWorkspace):
    """What can be asked of a workspace; nothing is changed by it."""

    def contact(self, contact_id: str, *, funnel: str | None = None) -> StoredContact:
        """Return a contact as it is now: time may have moved it since its last evidence.

        Args:
            contact_id: Who.
            funnel: In which of its funnels; None for its first. `StoredContact.positions` has
                where it is in each.

        Raises:
            UnknownNameError: There is none by that id.
            UsageError: It is not in the funnel.
        """
        context = self.context
        with reading(context.engine) as connection:
            present = context.present(connection)
            found = context.find_positions(connection, contact_id, funnel)
            stored, *others = (present.fold_on(*known) for known in found)
        return evolve(stored, others=tuple(others)) if others else stored

    def contact_id(self, number: int) -> str:
        """Return the id of the contact that the database knows by a number.

        Raises:
            UnknownContactError: There is none, or none any more.
        """
        with reading(self.context.engine) as connection:
            found = id_of(connection, number)
        if found is None:
            raise UnknownContactError(str(number))
        return found

    def why(
        self,
        contact_id: str,
        now: dt.datetime | None = None,
        *,
        known_at: dt.datetime | int | None = None,
        actor: str = "",
        roles: Collection[str] | None = None,
        funnel: str | None = None,
    ) -> StageExplanation:
        """Explain every transition out of a contact's stage, as it stands at `now`.

        Args:
            contact_id: Who.
            now: When: what happened later is left out, and what time opens by then is taken;
                None for now.
            known_at: Leave out what became known later than a time, or later than a row of the
                history, by its number: what was said then.
            actor: Who asks.
            roles: The roles of who asks; None for those that the settings give.
            funnel: In which of the contact's funnels; None for its first.

        Raises:
            UnknownNameError: There is no contact by that id.
            UsageError: Nothing was known of it then, or it is not in the funnel.
        """
        context = self.context
        with reading(context.engine) as connection:
            as_of, store = AsOf(now, known_at), context.definitions
            present = context.present(connection, as_of.moment)
            if as_of == AsOf():
                found = context.find_positions(connection, contact_id, funnel)
                (stored, loaded), *others = found
                elsewhere = tuple(present.fold_on(*known) for known in others)
                stored = evolve(present.fold_on(stored, loaded), others=elsewhere)
            else:
                stored, loaded = self._asked_of_then(connection, contact_id, funnel)
                if known_at is not None:
                    stored = self._of_then(connection, stored, contact_id, known_at)
                then = contact_as_of(connection, store, stored, loaded, as_of, present)
                if then is None:
                    raise nothing_known(stored)
                stored, loaded = then
            asked = present.now
            if isinstance(known_at, int) and now is None:
                asked = stored.contact.clock or asked
            held = context.roles_of(actor) if roles is None else given_roles(roles) or ()
            given = given_answers(connection, loaded, stored.number, as_of.known)
            if given is not None:
                given.turn_to(asked)
            with answering(given):
                considered = why(loaded.funnel, stored.contact, asked, held)
        return StageExplanation(stored, considered, loaded.funnel.linked)

    def _asked_of_then(self, connection: Connection, contact_id: str, funnel: str | None) -> Known:
        """Return a contact in a funnel that it may have left since."""
        store = self.context.definitions
        found = self.context.find_positions(connection, contact_id, of_then=True)
        for stored, loaded in found:
            if funnel in {None, stored.funnel}:
                return stored, loaded
        left = store.current(connection, str(funnel))
        if left is None:
            raise not_in_funnel(contact_id, str(funnel), [stored.funnel for stored, _ in found])
        return in_another(found[0][0], left)

    def _of_then(
        self,
        connection: Connection,
        stored: StoredContact,
        contact_id: str,
        known_at: dt.datetime | int,
    ) -> StoredContact:
        """Return whose story a contact's was part of then: not the one of today, perhaps."""
        number = root_of(connection, contact_id, known_at)
        if number in {None, stored.number}:
            return stored
        return evolve(stored, number=number, id=id_of(connection, number) or stored.id)

    def translate(self, contact_id: str, funnel: Funnel, *, home: str | None = None) -> Translated:
        """Read a contact's evidence by another definition.

        Args:
            contact_id: Who.
            funnel: The definition that reads.
            home: The funnel of the contact with which it is compared; None for its first.

        Raises:
            UnknownNameError: There is no contact by that id.
            UsageError: It is not in the funnel.
        """
        context = self.context
        with reading(context.engine) as connection:
            present, store = context.present(connection), context.definitions
            stored = present.fold_on(*context.find_positions(connection, contact_id, home)[0])
            translation = translate_one(connection, store, funnel, stored, present.now)
        return Translated(
            stored.id, stored.funnel, stored.contact.stage, funnel.definition.name, translation
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
            present = context.present(connection)
            yield from translate_all(connection, context.definitions, funnel, home, present)

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
        at: dt.datetime | None = None,
        known_at: dt.datetime | int | None = None,
        by_time: bool = False,
        newest: bool = False,
        funnel: str | None = None,
    ) -> HistoryPage:
        """Return a page of the history, with what was answered when each row arrived.

        With `at` it is the story of one contact as it had happened by then, as it is known today
        and under the definition in force: each row with what became of it, and in `passed` what
        time alone did after the last one.

        Args:
            contact_id: Only that of one contact.
            event: Only this event.
            outcome: Only this outcome.
            since: Only what happened at this time or later.
            until: Only what happened before this time.
            actor: Only what this actor recorded.
            limit: How many rows at most.
            after: The `HistoryPage.after` of the page before.
            at: The moment up to which the story of one contact is told as it happened.
            known_at: Only what was known at this time, or when the row with this number arrived.
            by_time: In the order in which it happened, not in that in which it arrived.
            newest: In the opposite order.
            funnel: What was answered in this funnel; None for the first that contacts were in.

        Raises:
            UnknownNameError: There is no contact by that id.
            UsageError: With `at`: no contact is named, nothing was known of it then, or it is
                not in the funnel.
        """
        context = self.context
        equal = {"event": event, "outcome": outcome, "actor": actor}
        if at is not None:
            span = since, _not_after(at, until)
            page = self._history_as_of(
                contact_id, AsOf(at, known_at), equal, span, funnel, newest=newest
            )
            return _page_of(page, outcome, limit, after)
        with reading(context.engine) as connection:
            page = read_history(
                connection,
                contact_id,
                equal,
                (since, until),
                limit=limit,
                after=after,
                known_at=known_at,
                by_time=by_time,
                newest=newest,
                funnel=funnel,
            )
            if contact_id is not None and not page.rows:
                context.find_positions(connection, contact_id)
        return page

    def _history_as_of(
        self,
        contact_id: str | None,
        as_of: AsOf,
        equal: Mapping[str, str | None],
        span: tuple[dt.datetime | None, dt.datetime | None],
        funnel: str | None,
        *,
        newest: bool,
    ) -> HistoryPage:
        """Return the story of a contact as it had happened, whatever became of the rows."""
        if contact_id is None:
            raise UsageError(
                "a history as it had happened at a time is that of one contact",
                hint="funnelflow history CONTACT --at TIME",
            )
        context = self.context
        with reading(context.engine) as connection:
            stored, loaded = self._asked_of_then(connection, contact_id, funnel)
            if as_of.known_at is not None:
                stored = self._of_then(connection, stored, contact_id, as_of.known_at)
            found = story_as_of(connection, context.definitions, stored, loaded, as_of)
            if found is None or not found[0].rows:
                raise nothing_known(stored)
            page = read_history(
                connection,
                contact_id,
                {**equal, "outcome": None},
                span,
                limit=None,
                after=None,
                known_at=as_of.known_at,
                by_time=True,
                newest=newest,
            )
            assert as_of.at is not None
            return history_as_of(page, found[0], found[1], as_of.at)

    def list(  # noqa: PLR0913  # all that can be said, by keyword
        self,
        where: str | None = None,
        *,
        stage: str | None = None,
        funnel: str | None = None,
        sort: str | Collection[str] = (),
        limit: int | None = None,
        after: tuple[str, int] | None = None,
        at: dt.datetime | None = None,
        known_at: dt.datetime | int | None = None,
    ) -> Iterator[StoredContact]:
        """Yield contacts, read as they are asked for; by id unless they are sorted otherwise.

        Args:
            where: A criterion that they meet (``contact.budget > 5000``); besides the fields
                it may name what `CONTACT_FACTS` lists. ``@hot`` is the view of that name, and what
                else is said comes before what that says.
            stage: The stage they are in; one with nested stages stands for all of them.
            funnel: The funnel that is their home; None for all.
            sort: By what they are sorted: fields or what `CONTACT_FACTS` lists, one name or
                several; ``-score`` for the greatest first. Who lacks it comes last.
            limit: How many at most.
            after: Begin behind this contact: the `id` and `place` of the last one of the page
                before. Not of a list that is sorted, or of how they stood.
            at: How they stood at this time, as it is known today; None for now. Every history
                is folded again for this and for `known_at`.
            known_at: How they stood as far as it was known at this time, or when the row of the
                history with this number arrived.

        Raises:
            CriterionError: The criterion does not compile.
            UnknownNameError: There is no such stage, funnel or field.
            UsageError: Contacts cannot be sorted by that; or a list that begins behind a
                contact is sorted.
        """
        context, as_of = self.context, AsOf(at, known_at)
        listing = list_contacts if as_of == AsOf() else partial(list_as_of, as_of=as_of)
        keys = names_in(sort) if isinstance(sort, str) else tuple(sort)
        wanted, limit = self._wanted(Wanted(where, stage, funnel, keys, after), limit)
        if after is not None and (wanted.sort or as_of != AsOf()):
            raise UsageError("only a list by id, as it is now, begins behind a contact")
        with reading(context.engine) as connection:
            present = context.present(connection)
            yield from listing(connection, context.definitions, present, wanted, limit)

    def _wanted(self, wanted: Wanted, limit: int | None = None) -> tuple[Wanted, int | None]:
        """Return which contacts are asked for, where a saved view is named, by what that says."""
        if wanted.where is None or not wanted.where.startswith("@"):
            return wanted, limit
        view = self.config.view(wanted.where[1:])
        stage, funnel = wanted.stage or view.stage, wanted.funnel or view.funnel
        sort = wanted.sort or view.sort
        return Wanted(view.where, stage, funnel, sort, wanted.after), limit or view.limit

    def count(
        self, where: str | None = None, *, stage: str | None = None, funnel: str | None = None
    ) -> int:
        """Return how many contacts `list` would yield.

        Raises:
            Error: As `list`.
        """
        context = self.context
        with reading(context.engine) as connection:
            present = context.present(connection)
            wanted, limit = self._wanted(Wanted(where, stage, funnel))
            found = count_by_stage(connection, context.definitions, present, wanted).total()
        return found if limit is None else min(found, limit)

    def rows(
        self,
        where: str | None = None,
        *,
        stage: str | None = None,
        funnel: str | None = None,
        sort: str | Collection[str] = (),
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the contacts of `list` as flat rows, for a table or a DataFrame."""
        for contact in self.list(where, stage=stage, funnel=funnel, sort=sort, limit=limit):
            yield contact.to_row()

    def runs(self, limit: int | None = None) -> tuple[Run, ...]:
        """Return what brought, or took back, more than one piece of evidence, the newest first."""
        with reading(self.engine) as connection:
            return tuple(read_runs(connection, limit))

    def kept_records(self, source: str | None = None) -> "builtins.list[ingest.KeptRecord]":
        """Return what other systems sent and could not be used, in the order in which it came.

        Args:
            source: Only what this source sent.

        Raises:
            StoreError: It cannot be read.
        """
        return builtins.list(ingest.KeptRecords(self.context.directory).of(source))

    def funnels(self) -> tuple[str, ...]:
        """Return the names of the funnels in use, sorted."""
        with reading(self.engine) as connection:
            return funnel_names(connection)

    def linked(self, funnel: str) -> Linked:
        """Return a definition as it is in use, or as its file says before its first use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        definitions = self.context.definitions
        with reading(self.engine) as connection:
            loaded = definitions.current(connection, funnel)
        if loaded is None:
            loaded = definitions.ready(definitions.file(funnel))
        return loaded.funnel.linked

    def read_definition(self, text: str, name: str = "definition.yaml") -> "files.LoadedFile":
        """Read a text as a definition, with everything that is wrong with it; nothing is raised.

        Args:
            text: What a file would hold.
            name: What the file is called where its places are named.
        """
        return files.read_definition(name, self.context.library, text=text)

    def counts(self, funnel: str | None = None) -> dict[str, int]:
        """Return how many contacts of a funnel are in each stage, in the definition's order.

        Raises:
            UnknownNameError: The funnel is not in use.
        """
        context = self.context
        with reading(context.engine) as connection:
            name = funnel or context.default_funnel
            loaded = current_definition(connection, context.definitions, name)
            present = context.present(connection)
            found = count_by_stage(connection, context.definitions, present, Wanted(funnel=name))
        return {**dict.fromkeys(loaded.funnel.linked.leaves, 0), **found}

    def board(
        self,
        where: str | None = None,
        *,
        stage: str | None = None,
        funnel: str | None = None,
        sort: str | Collection[str] = ("stage_since",),
        limit: int = 50,
        limits: Mapping[str, int] | None = None,
        roles: Collection[str] | None = None,
    ) -> Board:
        """Return a funnel as a board: its stages, how many are in each, and the first of them.

        Args:
            where: A criterion that contacts meet, or ``@VIEW``; as in `list`.
            stage: The only stage, with those that are nested in it.
            funnel: The funnel; None for that of new contacts.
            sort: In which order the contacts of a stage come; who has been there for longest
                comes first.
            limit: How many contacts of a stage at most.
            limits: The same of single stages, by name.
            roles: The roles of who looks, which criteria may ask about; None for none.

        Raises:
            CriterionError: The criterion does not compile.
            UnknownNameError: There is no such stage, funnel, view or field.
            UsageError: Contacts cannot be sorted by that.
        """
        context = self.context
        keys = names_in(sort) if isinstance(sort, str) else tuple(sort)
        wanted, _ = self._wanted(Wanted(where, stage, funnel, keys))
        with reading(context.engine) as connection:
            return read_board(
                context, connection, wanted, limit, limits or {}, given_roles(roles) or ()
            )

    def export(
        self,
        table: str,
        file: Path | str,
        *,
        at: dt.datetime | None = None,
        since: dt.datetime | None = None,
        funnel: str | None = None,
        force: bool = False,
    ) -> int:
        """Write a table to a file, whole or not at all; return how many rows it has.

        Args:
            table: ``evidence`` (what is in force, by contact and time), ``stays``, ``decisions`` or
                ``positions``.
            file: The file, whose name ends in ``.parquet``, ``.csv`` or ``.jsonl``.
            at: As it was at this time, as it is known today; None for now.
            since: Of the evidence, only what was recorded at this time or later.
            funnel: The only funnel; None for all.
            force: Write over a file that is there.

        Raises:
            UnknownNameError: There is no such table or funnel.
            UsageError: The file is there already, or its name says no format.
        """
        moment = timestamp_json(at or self.context.clock())
        request = maintenance.ExportRequest(table, at, since, funnel)
        rows = maintenance.exported_rows(self.context, request)
        return maintenance.write_rows(
            Path(file), table, rows, {"table": table, "at": moment}, force=force
        )

    def dump(self, directory: Path | str) -> "maintenance.Dumped":
        """Write every table of the database, as it is stored, into an empty directory.

        Raises:
            UsageError: There is something in the directory.
        """
        return maintenance.dump_database(self.engine, Path(directory))

    def report(
        self, funnel: str | None = None, **asked: "Unpack[numbers.ReportOptions]"
    ) -> "tuple[numbers.Report, ...]":
        """Count everybody, and return the report of each funnel that is in use.

        Args:
            funnel: The only funnel; None for all.
            asked: What `ReportOptions` lists.

        Raises:
            UnknownNameError: There is no such funnel or field.
        """
        from funnelflow.storage.reports import ReportRequest, make_reports  # noqa: PLC0415  # lazy

        return make_reports(self.context, ReportRequest(funnel, **asked))

    def report_by(
        self, *funnels: Funnel, **asked: "Unpack[numbers.ReportOptions]"
    ) -> "tuple[numbers.Report, ...]":
        """Return what definitions would report of everybody's evidence, each by itself.

        Nobody is in their funnels for that: moves that were asked for by another definition's
        stages are left out, as `translate` leaves them out.

        Args:
            funnels: The definitions.
            asked: What `ReportOptions` lists.

        Raises:
            UsageError: Two of them have one name.
        """
        from funnelflow.storage.reports import ReportRequest, make_reports  # noqa: PLC0415  # lazy

        return make_reports(self.context, ReportRequest(**asked), funnels)

    def counted(
        self, number: str, funnel: str | None = None, **asked: "Unpack[numbers.ReportOptions]"
    ) -> "Iterator[numbers.CountedContact]":
        """Yield the contacts that a number of the report counts, read as they are asked for.

        Args:
            number: Its name, as the report has it (``stage/lead``).
            funnel: The only funnel; None for all.
            asked: What `ReportOptions` lists; the same as of the report.

        Raises:
            UnknownNameError: There is no such number, funnel or field.
            UsageError: It counts nobody itself.
        """
        from funnelflow.storage.reports import ReportRequest, list_counted  # noqa: PLC0415  # lazy

        yield from list_counted(self.context, ReportRequest(funnel, **asked), number)

    def todo(self, funnel: str | None = None) -> "builtins.list[numbers.TodoItem]":
        """Return who needs somebody today, the most urgent first.

        Args:
            funnel: The only funnel; None for all.

        Raises:
            UnknownNameError: There is no such funnel.
        """
        from funnelflow.storage.reports import list_todo  # noqa: PLC0415  # lazy

        return list_todo(self.context, funnel)

    def outdated(self, funnel: str | None = None) -> bool:
        """Whether a funnel's file says something else than the version in use.

        Raises:
            UnknownNameError: There is no such funnel, or no file of it any more.
            DefinitionError: The file has errors.
        """
        context = self.context
        name = funnel or context.default_funnel
        with reading(context.engine) as connection:
            loaded = context.definitions.current(connection, name)
        return loaded is not None and digest(context.definitions.file(name)) != loaded.digest

    def search_values(self, values: Collection[str]) -> "tuple[maintenance.FoundValue, ...]":
        """Return where values stand in the files of the database, or its rows, and in rejects.

        Raises:
            UsageError: A value is empty, or too short to say anything.
            StoreError: The database or a file cannot be read.
        """
        return maintenance.search_values(self.context, values)

    def verify(
        self,
        *,
        found: "Callable[[maintenance.Finding], None] | None" = None,
        progress: "Callable[[maintenance.Verification], None] | None" = None,
        against: Path | str | None = None,
        heads: Path | str | None = None,
        force: bool = False,
    ) -> "maintenance.Verification":
        """Prove the database: digests, chains, and every contact folded again and compared.

        Args:
            found: Called with every finding at once; the result keeps the first hundred.
            progress: Called every thousand contacts with how far it has come.
            against: A file of heads: what was there when it was written must be there still.
            heads: Where the heads of the histories are written if nothing is wrong, also with
                what is in a file of heads there already.
            force: Replace the file `heads`, whatever it is, unread.

        Raises:
            StoreError: The database cannot be read at all.
            HeadsFileError: A file of heads cannot be read or written, or is not as it was written.
        """
        return maintenance.run_verification(
            self.context,
            found=found,
            progress=progress,
            against=None if against is None else Path(against),
            heads=None if heads is None else Path(heads),
            force=force,
        )


def _not_after(at: dt.datetime, until: dt.datetime | None) -> dt.datetime:
    """Return the first moment that is too late, where what happened at one still counts."""
    behind = at + dt.timedelta.resolution if at < _LAST else at
    return behind if until is None else min(until, behind)


_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


def _page_of(whole: HistoryPage, outcome: str | None, limit: int, after: int | None) -> HistoryPage:
    """Return some rows of a history: from the one behind `after`, of an outcome, so many."""
    ids = [row.id for row in whole.rows]
    rows = whole.rows[ids.index(after) + 1 :] if after in ids else whole.rows
    wanted = [row for row in rows if outcome in {None, row.outcome}]
    last = wanted[limit - 1].id if len(wanted) > limit else None
    passed = whole.passed if last is None else ()
    return evolve(whole, rows=tuple(wanted[:limit]), after=last, passed=passed)


def given_roles(roles: Collection[str] | None) -> tuple[str, ...] | None:
    """Return the roles that a call gives its actor.

    Raises:
        UsageError: They are one text, which stands for a list with one role or for a mistake.
    """
    if isinstance(roles, str):
        reason = "`roles` must be a list, but this is text"
        raise UsageError(reason, hint=f"write roles=[{roles!r}]")
    return None if roles is None else tuple(sorted(set(roles)))
