"""Whether a workspace may be used: it runs code, so it must be one's own, or be trusted.

A workspace is code: its plugins run, and its settings may run commands. One that belongs to
somebody else, or that others can write to, is not used before its user has looked at it and said
so; git's ``safe.directory`` is the model. What is trusted is a directory with the content that it
has: what runs there, changed later, has to be looked at again.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

from attrs import frozen

from funnelflow.errors import ConfigurationError
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.plugins.loading import FOLDER
from funnelflow.toml_source import load_toml

_RUNS: Final = ("plugins", "notify", "workspace")
"""The tables of the settings that say what runs, and on which database."""


class UntrustedError(ConfigurationError):
    """A workspace that could run somebody else's code is not trusted.

    Attributes:
        directory: The workspace.
    """

    code: ClassVar[str] = "untrusted"
    http_status: ClassVar[int] = 403

    def __init__(self, directory: Path, why: str, hint: str) -> None:
        super().__init__(f"{directory} is not trusted: {why}", hint=hint)
        self.directory = str(directory)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with the workspace."""
        return {**super().to_json(), "directory": self.directory}


@frozen
class TrustReport:
    """What there is to trust about a workspace.

    Attributes:
        directory: The workspace.
        why: Why it needs to be trusted; empty where it is one's own.
        files: The files that run, relative to the workspace.
        settings: The tables of the settings that say what runs.
        is_trusted: Whether it is trusted as it is now.
    """

    directory: Path
    why: str
    files: tuple[str, ...]
    settings: tuple[str, ...]
    is_trusted: bool

    def to_json(self) -> dict[str, Any]:
        """Return the report as data."""
        return {
            "directory": str(self.directory),
            "why": self.why,
            "files": list(self.files),
            "settings": list(self.settings),
            "trusted": self.is_trusted,
        }


def require_trusted(root: Path) -> None:
    """Refuse a workspace of somebody else, or that others can write to, until it is trusted.

    Raises:
        UntrustedError: It is not.
    """
    if not (why := _foreign(root)):
        return
    known = _read_trusted().get(_key(root))
    if known == _digest(root):
        return
    if known is not None:
        why = "what runs there has changed since it was trusted"
    raise UntrustedError(
        root,
        why,
        f"look at its {FOLDER}/ and {CONFIG_FILE}; what is there may run as you. "
        f"To trust it as it is: funnelflow trust {root}",
    )


def trust_report(root: Path) -> TrustReport:
    """Return what there is to trust about a workspace."""
    files = tuple(str(path.relative_to(root)) for path in _code(root))
    why, content = _foreign(root), load_toml(root / CONFIG_FILE)[0]
    settings = tuple(name for name in _RUNS if content.get(name))
    is_trusted = not why or _read_trusted().get(_key(root)) == _digest(root)
    return TrustReport(root, why, files, settings, is_trusted)


def trust(root: Path, *, withdraw: bool = False) -> None:
    """Trust a workspace as it is now, or no longer.

    Raises:
        ConfigurationError: The user's list of trusted workspaces cannot be written.
    """
    path, trusted = _trust_file(), _read_trusted()
    if withdraw:
        trusted.pop(_key(root), None)
    else:
        trusted[_key(root)] = _digest(root)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(trusted, file, indent=2, sort_keys=True)
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _foreign(root: Path) -> str:
    """Return why a workspace may hold somebody else's code; empty where it does not."""
    if not hasattr(os, "geteuid"):
        return ""  # there are no such owners
    own = _own()
    for path in (root, root / CONFIG_FILE, root / FOLDER, *_code(root)):
        try:
            found = path.stat()
        except OSError:
            continue
        if found.st_uid not in own:
            return f"{path} belongs to {_user(found.st_uid)}"
        if found.st_mode & stat.S_IWOTH:
            return f"everybody can write to {path}"
        if found.st_mode & stat.S_IWGRP and not _is_private(found.st_uid, found.st_gid):
            return f"others can write to {path}, by their group"
    return ""


def _own() -> set[int]:
    """Return the users who count as oneself: also who became root by sudo."""
    own, behind = {os.geteuid()}, os.environ.get("SUDO_UID", "")
    return own | {int(behind)} if 0 in own and behind.isdecimal() else own


def _is_private(user: int, group: int) -> bool:
    """Whether a group is that of one user alone, as many systems give one to each."""
    import grp  # noqa: PLC0415  # rarely needed, and not everywhere
    import pwd  # noqa: PLC0415  # as above

    try:
        owner, members = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    is_own = owner.pw_gid == group and members.gr_name == owner.pw_name
    return is_own and set(members.gr_mem) <= {owner.pw_name}


def _user(number: int) -> str:
    """Return the name of a user, or the number of one without a name."""
    import pwd  # noqa: PLC0415  # rarely needed, and not everywhere

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _code(root: Path) -> Iterator[Path]:
    """Yield the files of the workspace's plugins, with what they may import."""
    yield from sorted((root / FOLDER).rglob("*.py"))


def _digest(root: Path) -> str:
    """Return what tells one content from another, of all that may run."""
    made = hashlib.sha256()
    content = load_toml(root / CONFIG_FILE)[0]
    told = {name: content.get(name) for name in _RUNS}
    made.update(json.dumps(told, sort_keys=True, default=str).encode())
    for path in _code(root):
        made.update(f"\0{path.relative_to(root)}\0".encode("utf-8", "surrogateescape"))
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


def _key(root: Path) -> str:
    return str(root.resolve())


def _trust_file() -> Path:
    """Return where a user's trusted workspaces are listed."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "funnelflow" / "trusted.json"


def _read_trusted() -> dict[str, str]:
    """Return the trusted workspaces, each with its content; none where nothing can be read."""
    try:
        found = json.loads(_trust_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    return dict(found) if isinstance(found, dict) else {}
