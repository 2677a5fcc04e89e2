"""Files that hold people's data are readable by their owner alone, whatever the umask."""

import os
import stat

import pytest

from funnelflow.ingest import FileOptions
from funnelflow.notify.builtin_notifiers import LogSettings, _send_to_log, _write_whole
from funnelflow.plugins import DeliveryError, Message
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE, T0


@pytest.fixture(autouse=True)
def wide_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_the_database_its_log_and_rejects(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    events = tmp_path / "events.csv"
    events.write_text("contact,event,at\nada,subscribed,2026-03-01T09:00:00Z\nbob,nonsense,x\n")
    with Workspace.create(tmp_path, "pipeline") as workspace:
        summary = workspace.apply(str(events), FileOptions())
        files = [p for p in tmp_path.iterdir() if p.name.startswith("funnelflow.db")]
        assert len(files) == 3  # with the write-ahead log and its index
        for path in (*files, tmp_path / summary.rejects):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


MESSAGE = Message("m1", "funnelflow.contact.moved", "w", "ada", T0, {"stage": "lead"})


def test_the_log_of_messages(tmp_path):
    path = tmp_path / "messages.log"
    _send_to_log(MESSAGE, LogSettings(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_the_disk_takes_a_part_of_is_not_delivered(tmp_path, monkeypatch):
    path = tmp_path / "messages.log"
    _send_to_log(MESSAGE, LogSettings(path))
    whole = path.read_bytes()
    written = os.write

    def short(descriptor, data):
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return written(descriptor, data[:-20])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(DeliveryError, match="No space left"):
            _send_to_log(MESSAGE, LogSettings(path))
    assert path.read_bytes() == whole


def test_a_line_that_is_written_in_parts_arrives_whole(tmp_path, monkeypatch):
    path = tmp_path / "messages.log"
    written = os.write
    with path.open("wb") as file, monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: written(descriptor, data[:7]))
        _write_whole(file.fileno(), b"a line that is long\n")
    assert path.read_bytes() == b"a line that is long\n"
