"""Checking the endpoints of a workspace against the definitions that decide there."""

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from funnelflow.cli.find import library_here
from funnelflow.cli.hosting import host_of
from funnelflow.cli.session import Session
from funnelflow.definition import Library, Linked, Problem, link
from funnelflow.errors import Error
from funnelflow.notify import check_subscriptions
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.subscriptions import Subscription
from funnelflow.workspace.settings import Config
from funnelflow.workspace.workspace import Workspace


def endpoints_in_use(workspace: Workspace) -> list[tuple[Subscription, tuple[Problem, ...]]]:
    """Check every endpoint against the definitions that decide now."""
    in_use = workspace.funnels() or (workspace.config.funnel,)
    return list(
        check_subscriptions(
            workspace.config.subscriptions,
            workspace.config.directory,
            workspace.plugins,
            in_use,
            workspace.linked,
        )
    )


def problems_of(config: Config, session: Session) -> tuple[Problem, ...]:
    """Check every endpoint against the files of the definitions that are in use."""
    library = library_here(session)
    with _opened(session) as workspace:
        in_use = workspace.funnels() if workspace is not None else ()
        finder = _Finder(library, workspace)
        checked = check_subscriptions(
            config.subscriptions,
            config.directory,
            host_of(session),
            in_use or (config.funnel,),
            finder.find,
        )
        return tuple(problem for _, problems in checked for problem in problems)


@frozen
class _Finder:
    """Finds definitions: in their files, and where those cannot be used in the database."""

    library: Library
    workspace: Workspace | None

    def find(self, name: str) -> Linked:
        try:
            return link(DefinitionStore(self.library).file(name), self.library)
        except Error:
            if self.workspace is None:
                raise
            return self.workspace.linked(name)


@contextmanager
def _opened(session: Session) -> Iterator[Workspace | None]:
    """Open the workspace if its database can be used; give None where it cannot."""
    try:
        workspace = session.open()
    except Error:
        yield None
        return
    with workspace:
        yield workspace
