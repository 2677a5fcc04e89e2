"""What every part of the server shares."""

from collections.abc import Mapping

from attrs import field, frozen

from funnelflow import Workspace
from funnelflow_web.inbound.sources import Source
from funnelflow_web.settings import WebSettings


@frozen
class Site:
    """A workspace that is served.

    Attributes:
        workspace: The workspace; threads share it.
        settings: The settings of the server.
        address: What it is reached at: scheme, host and port.
        sources: The sources of what comes in, by name.
    """

    workspace: Workspace
    settings: WebSettings = field(factory=WebSettings)
    address: str = "http://127.0.0.1:8765"
    sources: Mapping[str, Source] = field(factory=dict)


@frozen
class Caller:
    """Who asks.

    Attributes:
        actor: Who it is, as the history names them.
        roles: The roles that the settings give, or the token.
        token: The id of the token; empty without one.
    """

    actor: str
    roles: tuple[str, ...] = ()
    token: str = ""


def settings_in(workspace: Workspace) -> WebSettings:
    """Return what ``[plugins.web]`` of a workspace says."""
    found = workspace.plugins.settings_of("web")
    return found if isinstance(found, WebSettings) else WebSettings()
