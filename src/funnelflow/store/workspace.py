"""A workspace: contacts, their history, and the funnels that they go through."""

import datetime as dt
from collections.abc import Callable, Iterator

from funnelflow.definition import Linked, digest
from funnelflow.engine import Considered, Funnel, why
from funnelflow.errors import UnknownNameError
from funnelflow.store.changes import ChangingWorkspace
from funnelflow.store.connecting import reading
from funnelflow.store.findings import Finding, Verification
from funnelflow.store.listing import count_stages, funnel_names, list_contacts
from funnelflow.store.past import contact_at
from funnelflow.store.reading import find_contact, read_history
from funnelflow.store.records import Page, StoredContact
from funnelflow.store.shelf import Shelf
from funnelflow.store.translating import Translated, translate_all, translate_one
from funnelflow.store.verifying import verify

__all__ = ["Workspace"]


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
                connection, Shelf(self.library, is_strict=True), found=found, progress=progress
            )
