"""Tokens of the API: each a file of its own, with the hash of its secret, roles and an end.

A token is shown once, when it is made. Its file, in ``web.tokens`` beside ``funnelflow.toml``, is
readable by its owner alone and holds SHA-256 of the secret: 256 random bits need no slower hash.
"""

import datetime as dt
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from attrs import asdict, frozen

from funnelflow import ConfigurationError, UnknownNameError, UsageError
from funnelflow.cli import as_json, command, current

MOST_DAYS: Final = 3650
_PREFIX: Final = "fft"
_SECRET: Final = 32
_FORM: Final = re.compile(r"fft_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME: Final = re.compile(r"[0-9a-f]{12}\.json")


@frozen
class Token:
    """A token, without its secret.

    Attributes:
        id: What it is revoked by.
        name: The actor that it stands for, as the history names it.
        roles: The roles that it gives.
        created: When it was made, in UTC as RFC 3339.
        expires: When it ends, in UTC as RFC 3339.
        hash: SHA-256 of its secret, in hexadecimal digits.
    """

    id: str
    name: str
    roles: tuple[str, ...]
    created: str
    expires: str
    hash: str

    def is_valid(self, now: dt.datetime) -> bool:
        """Whether it has not ended."""
        return now < dt.datetime.fromisoformat(self.expires)

    def to_json(self) -> dict[str, Any]:
        """Return it as data, without the hash."""
        said = asdict(self)
        del said["hash"]
        return said


@frozen
class TokenStore:
    """The tokens of a workspace; several processes may use them.

    Attributes:
        directory: The directory of the workspace.
    """

    directory: Path

    @property
    def path(self) -> Path:
        """Where they are."""
        return self.directory / "web.tokens"

    def add(
        self, name: str, roles: tuple[str, ...], lifetime: dt.timedelta, now: dt.datetime
    ) -> tuple[Token, str]:
        """Make a token; return it with its text, which is kept nowhere.

        Raises:
            ConfigurationError: It cannot be written.
        """
        number, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET)
        token = Token(
            number, name, roles, now.isoformat(), (now + lifetime).isoformat(), _hash(secret)
        )
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            path = self.path / f"{number}.json"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(asdict(token), file)
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be written: {error.strerror}") from None
        return token, f"{_PREFIX}_{number}_{secret}"

    def all(self) -> Iterator[Token]:
        """Yield the tokens, the oldest first."""
        try:
            names = [one.name for one in self.path.iterdir()]
        except OSError:
            return
        found = (self._read(name[:-5]) for name in names if _NAME.fullmatch(name))
        yield from sorted((one for one in found if one), key=lambda one: (one.created, one.id))

    def revoke(self, number: str) -> None:
        """Let a token count no more, from the next request on.

        Raises:
            UnknownNameError: There is none.
        """
        known = [one.id for one in self.all()]
        if number not in known:
            raise UnknownNameError("token", number, known)
        (self.path / f"{number}.json").unlink(missing_ok=True)

    def find(self, text: str, now: dt.datetime) -> Token | None:
        """Return the token of a text; None where it is none, has ended or was revoked."""
        form = _FORM.fullmatch(text)
        token = self._read(form[1]) if form else None
        if form is None or token is None:
            return None
        is_right = hmac.compare_digest(token.hash, _hash(form[2]))
        return token if is_right and token.is_valid(now) else None

    def _read(self, number: str) -> Token | None:
        try:
            said = json.loads((self.path / f"{number}.json").read_text("utf-8"))
            return Token(**{**said, "roles": tuple(said["roles"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def token_group() -> click.Group:
    """Return the commands below ``funnelflow web token``."""
    group = click.Group("token", help="Make, list and revoke tokens of the API.")
    for one in (_add_command(), _list_command(), _revoke_command()):
        group.add_command(one)
    return group


def _add_command() -> click.Command:
    @command("add", "funnelflow web token add crm --role sales --days 30")
    @click.argument("name")
    @click.option("--role", "roles", multiple=True, metavar="ROLE", help="It has; repeat it.")
    @click.option(
        "--days",
        type=click.IntRange(1, MOST_DAYS),
        default=90,
        show_default=True,
        help="For how long it holds.",
    )
    @as_json
    def add(name: str, roles: tuple[str, ...], days: int) -> int:
        """Make a token of the API, and show it this once.

        NAME is the actor that the history names for what is done with it. It
        has the roles that are said here, and no others.
        """
        if not name.strip() or not name.isprintable():
            raise UsageError("a token needs a name that can be read", hint="token add crm")
        with current().open() as workspace:
            store, now = TokenStore(workspace.config.directory), workspace.clock()
            token, text = store.add(name, tuple(sorted(set(roles))), dt.timedelta(days), now)
        if current().json:
            click.echo(json.dumps({**token.to_json(), "token": text}))
            return 0
        click.echo(text)
        click.echo("it is not shown again; who has it acts as " + name, err=True)
        return 0

    return add


def _list_command() -> click.Command:
    @command("list", "funnelflow web token list", "funnelflow web token list --json")
    @as_json
    def list_() -> int:
        """List the tokens of the API, without their secrets."""
        with current().open() as workspace:
            found, now = list(TokenStore(workspace.config.directory).all()), workspace.clock()
        if current().json:
            click.echo(json.dumps([token.to_json() for token in found]))
            return 0
        for token in found:
            roles = ", ".join(token.roles) or "no roles"
            end = "until" if token.is_valid(now) else "ended on"
            click.echo(f"{token.id}  {token.name}  {roles}  {end} {token.expires[:10]}")
        if not found:
            click.echo("there are no tokens", err=True)
        return 0

    return list_


def _revoke_command() -> click.Command:
    @command("revoke", "funnelflow web token revoke 1f6e0a7c22d4")
    @click.argument("token")
    def revoke(token: str) -> int:
        """Let a token count no more.

        TOKEN is what `funnelflow web token list` names it by.
        """
        with current().open() as workspace:
            TokenStore(workspace.config.directory).revoke(token)
        click.echo(f"revoked: {token}")
        return 0

    return revoke
