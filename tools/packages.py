"""Packages of this repository as an installer leaves them: in seconds, and from no index."""

import subprocess
import sys
import zipfile
from pathlib import Path

__all__ = ["build_wheel", "unpack"]


def build_wheel(package: Path, directory: Path) -> Path:
    """Build the wheel of a package with the tools that are installed here.

    Args:
        package: The directory with its `pyproject.toml`.
        directory: Where the wheel goes; it must hold no other.

    Returns:
        The wheel.

    Raises:
        RuntimeError: It cannot be built; the text is what the tool says.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    done = subprocess.run(command, cwd=package, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    (wheel,) = directory.glob("*.whl")
    return wheel


def unpack(wheel: Path, site: Path) -> None:
    """Unpack a wheel into a directory, where `PYTHONPATH` makes it an installed package."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
