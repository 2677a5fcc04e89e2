"""The settings of the server: ``[plugins.web]`` in ``funnelflow.toml``."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from funnelflow.plugins import secret as hidden

Login = Literal["", "proxy", "oidc", "tokens"]

_HEADER_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@frozen
class WebSettings:
    """What ``[plugins.web]`` may say.

    Attributes:
        url: The address at which people reach the server, such as ``https://funnel.example.com``;
            empty for that which it prints.
        login: How it is known who asks: ``proxy``, the header of a proxy that is trusted; ``oidc``,
            a login by OpenID Connect; ``tokens``, tokens of the API alone. Empty for whoever
            started it, which is only possible on this machine.
        proxy_addresses: From where a proxy's header is believed: addresses or networks.
        proxy_header: The header in which the proxy says who asks.
        oidc_issuer: The address of the provider, under which its configuration is.
        oidc_client_id: What the provider calls this server.
        oidc_client_secret: What proves that to the provider.
        oidc_claim: Which claim of the provider is the name of an actor in ``[roles]``.
        void_roles: Whose roles may take evidence back, where there is a login.
        merge_roles: The same of merging contacts.
        erase_roles: The same of erasing them.
        undo_roles: The same of taking back what a run has brought.
        retry_roles: The same of letting messages be tried again.
        assistant: As whom `funnelflow mcp` asks and writes.
        assistant_roles: The roles that it has, whoever runs it; none if it is not set.
        sources: The sources of what comes in, by name; see the README.
    """

    url: str = field(default="")
    login: Login = ""
    proxy_addresses: list[str] = field(factory=list)
    proxy_header: str = field(default="X-Forwarded-User")
    oidc_issuer: str = field(default="")
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", metadata=hidden, repr=False)
    oidc_claim: str = "email"
    void_roles: list[str] = field(factory=list)
    merge_roles: list[str] = field(factory=list)
    erase_roles: list[str] = field(factory=list)
    undo_roles: list[str] = field(factory=list)
    retry_roles: list[str] = field(factory=list)
    assistant: str = "assistant"
    assistant_roles: list[str] = field(factory=list)
    sources: dict[str, Any] = field(factory=dict, metadata=hidden, repr=False)

    @url.validator
    @oidc_issuer.validator
    def _check_url(self, attribute: Any, value: str) -> None:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and parts.hostname and not parts.query
        if value and not sound:
            raise ValueError(f"{attribute.name} must be an address, such as https://example.com")

    @proxy_addresses.validator
    def _check_addresses(self, _: Any, value: list[str]) -> None:
        for one in value:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(f"{one!r} in proxy_addresses is no address or network") from None

    @proxy_header.validator
    def _check_header(self, _: Any, value: str) -> None:
        if not value or not set(value.lower()) <= _HEADER_LETTERS:
            raise ValueError("proxy_header must be the name of a header")

    def missing(self) -> str:
        """Return what the login needs and is not set; empty for nothing."""
        needed: Mapping[str, tuple[str, ...]] = {
            "proxy": ("proxy_addresses",),
            "oidc": ("url", "oidc_issuer", "oidc_client_id", "oidc_client_secret"),
        }
        lacking = [name for name in needed.get(self.login, ()) if not getattr(self, name)]
        return ", ".join(lacking)


def key_file(directory: Path) -> Path:
    """Return the file of the secret with which sessions are signed."""
    return directory / "web.key"
