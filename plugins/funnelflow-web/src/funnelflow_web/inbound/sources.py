"""The sources in ``funnelflow.toml``: who may send what, how it is proved, and how it is read.

.. code-block:: toml

    [plugins.web.sources.crm]
    kind = "hubspot"
    secret = "${HUBSPOT_CLIENT_SECRET}"
    url = "https://funnel.example.com/in/crm"
    create = true
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from funnelflow import ConfigurationError, FileOptions, Workspace
from funnelflow.ingest import FileMapping, check_source
from funnelflow.plugins import read_settings
from funnelflow.plugins import secret as hidden

SourceKind: TypeAlias = Literal[
    "cloudevents", "standard-webhooks", "hubspot", "segment", "form", "json"
]
ProofKind: TypeAlias = Literal["standard-webhooks", "hubspot", "segment", "bearer", "origin"]

MAX_SIZE: Final = 1 << 20
_MAPPINGS: Final = {
    "cloudevents": "cloudevents",
    "hubspot": "hubspot-webhooks",
    "segment": "segment",
    "form": "web-form",
}
"""The mappings that ship, by the kinds whose form is known."""

_PROOFS: Final[dict[SourceKind, tuple[ProofKind, ...]]] = {
    "cloudevents": ("standard-webhooks", "bearer"),
    "standard-webhooks": ("standard-webhooks",),
    "json": ("standard-webhooks", "bearer"),
    "hubspot": ("hubspot",),
    "segment": ("segment",),
    "form": ("origin",),
}
"""How each kind can be proved; the first is meant where nothing is said."""

_SHORTEST: Final = 16
_KEY_BYTES: Final = (24, 64)


@frozen
class Source:
    """What ``[plugins.web.sources.NAME]`` may say.

    Attributes:
        kind: In which form it comes.
        proof: How its sender is known; empty for what the kind has.
        secret: What it is signed with, or the token that it brings.
        former_secret: The one before it, while the sender changes over.
        secret_file: A file with the secret, instead.
        url: For ``hubspot``, the address that HubSpot was given: it is signed.
        mapping: The mapping file, by name or path; empty for the one of the kind.
        match: The field by which contacts are found; empty for what the mapping says.
        create: Whether somebody unknown is added.
        funnel: The home of contacts that are added; empty for the workspace's own.
        actor: Who records it, for roles and the history; empty for the name of the source.
        origins: For ``form``, the sites whose pages have the form.
        honeypot: For ``form``, a field that people do not see and leave blank.
        thanks: For ``form``, the page that is shown then; empty for a line of thanks.
        max_size: How many bytes a delivery may have.
        name: What the source is called.
    """

    kind: SourceKind = field()
    proof: str = field(default="")
    secret: str = field(default="", metadata=hidden, repr=False)
    former_secret: str = field(default="", metadata=hidden, repr=False)
    secret_file: Path | None = None
    url: str = field(default="")
    mapping: str = ""
    match: str = ""
    create: bool = False
    funnel: str = ""
    actor: str = ""
    origins: list[str] = field(factory=list)
    honeypot: str = ""
    thanks: str = field(default="")
    max_size: int = field(default=MAX_SIZE)
    name: str = field(default="", init=False)

    @kind.validator
    def _check_kind(self, _: Any, value: SourceKind) -> None:
        if value in ("json", "standard-webhooks") and not self.mapping:
            raise ValueError(f"kind {value!r} has no form of its own: name a mapping")

    @proof.validator
    def _check_proof(self, _: Any, value: str) -> None:
        if value and value not in _PROOFS[self.kind]:
            known = ", ".join(_PROOFS[self.kind])
            raise ValueError(f"proof of kind {self.kind!r} must be one of {known}")

    @secret.validator
    @former_secret.validator
    def _check_secret(self, attribute: Any, value: str) -> None:
        if value:
            check_secret(attribute.name, value, self.proved_by)

    @url.validator
    def _check_url(self, _: Any, value: str) -> None:
        if self.kind == "hubspot" and not (is_address(value) and not urlsplit(value).query):
            raise ValueError(
                "url must be the address that HubSpot was given, such as "
                "https://funnel.example.com/in/crm"
            )

    @origins.validator
    def _check_origins(self, _: Any, value: list[str]) -> None:
        if self.kind == "form" and not value:
            raise ValueError('origins must name the sites of the form: origins = ["https://…"]')
        for one in value:
            if not is_address(one) or urlsplit(one).path or urlsplit(one).query:
                raise ValueError(f"{one!r} in origins is no origin, such as https://example.com")

    @thanks.validator
    def _check_thanks(self, _: Any, value: str) -> None:
        if value and not is_address(value):
            raise ValueError("thanks must be an address, such as https://example.com/thanks")

    @max_size.validator
    def _check_size(self, _: Any, value: int) -> None:
        if not 0 < value <= MAX_SIZE:
            raise ValueError(f"max_size must be between 1 and {MAX_SIZE:,} bytes")

    @property
    def proved_by(self) -> ProofKind:
        """How the sender is known."""
        known = _PROOFS[self.kind]
        return next((one for one in known if one == self.proof), known[0])

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that count, the current one first.

        Raises:
            ConfigurationError: The file of the secret cannot be read, or holds none.
        """
        current = self.secret or self._secret_in_file()
        return tuple(one for one in (current, self.former_secret) if one)

    def _secret_in_file(self) -> str:
        if self.secret_file is None:
            return ""
        try:
            text = self.secret_file.read_text("utf-8").strip()
            check_secret("secret_file", text, self.proved_by)
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(f"the secret of source {self.name!r}: {said}") from None
        return text

    def options(self, workspace: Workspace, *, dry_run: bool = False) -> FileOptions:
        """Return how what comes is read; a changed mapping file counts at once.

        Args:
            workspace: Where mapping files are looked up.
            dry_run: Whether nothing is to be stored.

        Raises:
            UsageError: The mapping cannot be used.
        """
        mapping: FileMapping = workspace.mapping(self.mapping or _MAPPINGS[self.kind])
        return FileOptions(
            mapping=evolve(mapping, match=self.match or mapping.match),
            actor=self.actor or self.name,
            funnel=self.funnel,
            dry_run=dry_run,
        )


def read_sources(tables: Mapping[str, Any], root: Path | None = None) -> dict[str, Source]:
    """Return the sources of the settings by name.

    Args:
        tables: What stands under ``[plugins.web.sources]``.
        root: Where relative paths start.

    Raises:
        ConfigurationError: Something is unknown, missing or unfit.
    """
    return {name: _read(name, table, root) for name, table in tables.items()}


def _read(name: str, table: Any, root: Path | None) -> Source:
    place = f"[plugins.web.sources.{name}]"
    check_source(name)
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{place} must be a table", hint=f"write it as {place}")
    source: Source = read_settings(Source, table, lambda _: place, root=root).value
    object.__setattr__(source, "name", name)
    if source.proved_by != "origin" and not (source.secret or source.secret_file):
        raise ConfigurationError(
            f"{place}: the setting 'secret' is missing",
            hint='secret = "${NAME}" takes it from the environment, secret_file from a file',
        )
    return source


def check_secret(name: str, value: str, proof: ProofKind) -> None:
    """Hold a secret to what it must be.

    Raises:
        ValueError: It is none.
    """
    if proof == "standard-webhooks":
        if not _KEY_BYTES[0] <= _key_length(value) <= _KEY_BYTES[1]:
            raise ValueError(
                f"{name} is no secret of Standard Webhooks: whsec_ and 24 to 64 bytes in base64"
            )
    elif len(value) < _SHORTEST or not value.isascii() or " " in value:
        raise ValueError(f"{name} must have {_SHORTEST} characters or more, and no blanks")


def _key_length(secret: str) -> int:
    prefix, _, key = secret.rpartition("_")
    try:
        return len(base64.b64decode(key, validate=True)) if prefix == "whsec" else 0
    except binascii.Error:
        return 0


def is_address(text: str) -> bool:
    """Whether a text is an address of the web, without a user or blanks."""
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    sound = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>')
    return sound and named and parts.scheme in ("http", "https") and "@" not in parts.netloc
