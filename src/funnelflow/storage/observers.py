"""What plugins are asked before a change, and told after it.

Only a unit of work of a workspace with such plugins has one of these; any other pays one comparison
with None an event.
"""

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Connection

from funnelflow.criteria import Custom, CustomAnswer, Facts, Fields
from funnelflow.engine import Contact, Event, Outcome, Taken, Veto
from funnelflow.engine.answers import Ask
from funnelflow.errors import UsageError
from funnelflow.plugins import (
    BeforeTransition,
    Committed,
    ContactCreated,
    PluginHost,
    WorkspaceHandle,
)
from funnelflow.plugins.configuration import PluginConfig
from funnelflow.storage.changes import FunnelAnswer
from funnelflow.storage.connect import afterwards
from funnelflow.storage.replay import ADOPT
from funnelflow.storage.tracked_contacts import FunnelPosition, LoadedDefinition, TrackedContact


class Observers:
    """Asks and tells plugins about the changes of one transaction.

    Args:
        host: The plugins.
        workspace: The workspace, as they are given it.
        connection: The transaction; they are told when it has been committed.
    """

    def __init__(
        self, host: PluginHost, workspace: WorkspaceHandle, connection: Connection
    ) -> None:
        self._host = host
        self._workspace = workspace
        self._connection = connection

    def with_vetoes(self, tracked: FunnelPosition, event: Event) -> Event:
        """Return an event with the vetoes of plugins against what it would do to a contact.

        Every transition that would be taken is asked about once. A veto may open the way to
        another transition, which is asked about in its turn.
        """
        if not self._host.watches_transitions or event.name == ADOPT:
            return event
        asked: set[tuple[int, str]] = set()
        while True:
            trial = tracked.contact.copy()
            outcome = tracked.loaded.funnel.step(trial, event)
            vetoes = self._vetoes(tracked.loaded, trial, event, outcome, asked)
            if not vetoes:
                return event
            event = event._replace(vetoes=(*event.vetoes, *vetoes))

    def decided(
        self, chain: TrackedContact, target: TrackedContact, event: Event, answer: FunnelAnswer
    ) -> None:
        """Remember a row of the history, to tell plugins when it has been committed."""
        if not self._host.watches_commits:
            return
        contact = answer.position.contact
        definition = answer.position.loaded.funnel.definition
        stored = Committed(
            workspace=self._workspace,
            contact=contact.id,
            funnel=definition.name,
            version=definition.version,
            sequence=chain.sequence,
            event=event.name,
            at=event.at,
            actor=event.actor,
            outcome=answer.outcome.outcome,
            before=answer.before,
            after=answer.after,
            path=answer.outcome.path,
            facts=event.facts,
            fields=contact.fields,
        )
        if chain.sequence == 1 and chain is target and not answer.position.place:
            self._later(_created(stored, self._host))
        self._later(lambda: self._host.committed(stored))

    def _vetoes(
        self,
        loaded: LoadedDefinition,
        trial: Contact,
        event: Event,
        outcome: Outcome,
        asked: set[tuple[int, str]],
    ) -> list[Veto]:
        """Ask about each transition of a path up to the first that is vetoed."""
        for taken in outcome.path:
            if taken.index < 0 or (taken.index, taken.source) in asked:
                continue
            asked.add((taken.index, taken.source))
            found = self._host.before(self._context(loaded, trial, event, taken))
            if found:
                version = self._host.version_of
                return [Veto(taken.index, p, why, version=version(p)) for p, why in found]
        return []

    def _context(
        self, loaded: LoadedDefinition, trial: Contact, event: Event, taken: Taken
    ) -> BeforeTransition:
        definition = loaded.funnel.definition
        return BeforeTransition(
            workspace=self._workspace,
            contact=trial.id,
            funnel=definition.name,
            version=definition.version,
            index=taken.index,
            source=taken.source,
            to=taken.to,
            cause=taken.cause,
            event=event.name,
            at=event.at,
            actor=event.actor,
            roles=event.roles,
            facts=event.facts,
            fields=trial.fields,
        )

    def _later(self, tell: Callable[[], None]) -> None:
        afterwards(self._connection, tell)


class UnansweredError(UsageError):
    """A criterion failed whose plugin is required, so that nothing may be decided.

    Attributes:
        answer: What was asked, and what went wrong.
    """

    code = "unanswered"
    http_status = 503

    def __init__(self, answer: CustomAnswer, config: PluginConfig) -> None:
        self.answer = answer
        where = config.where_all("required")
        super().__init__(
            f"nothing is recorded: {answer.failed()}, and that plugin is required here",
            hint=f"record it once the plugin answers, or take it from `required` ({where})",
        )


def asker(host: PluginHost, config: PluginConfig) -> Ask:
    """Return what asks a plugin's criterion about evidence that is decided.

    It raises `UnansweredError` where one fails whose plugin is required.

    Args:
        host: The plugins.
        config: What the settings say about them.
    """

    def ask(rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
        answer = host.ask(rule, fields, facts, now)
        if answer.failure and config.requires(answer.plugin):
            raise UnansweredError(answer, config)
        return answer

    return ask


def observers_of(
    host: PluginHost | None, workspace: WorkspaceHandle, connection: Connection
) -> Observers | None:
    """Return who asks and tells the plugins of a transaction; None where no plugin wants it."""
    if host is None or not (host.watches_transitions or host.watches_commits):
        return None
    return Observers(host, workspace, connection)


def _created(stored: Committed, host: PluginHost) -> Callable[[], None]:
    """Return what tells that a contact has been added."""
    context = ContactCreated(
        workspace=stored.workspace,
        contact=stored.contact,
        funnel=stored.funnel,
        version=stored.version,
        stage=stored.after,
        at=stored.at,
        actor=stored.actor,
        fields=stored.fields,
    )
    return lambda: host.created(context)
