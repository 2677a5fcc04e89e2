"""Reading a whole file, for the tests of the readers."""

import pytest

from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.input import Form, open_input


def read(path, size=1000, form=None, **options):
    """Read a whole input; gives rows, rejections and the last batch."""
    rows, rejected, batch = [], [], None
    with open_input(path, form or Form(), **options) as opened:
        for batch in opened.reader.batches(size):
            rows += batch.rows
            rejected += batch.rejected
    return rows, rejected, batch


def failure(path, form=None):
    """Read until the file goes bad; gives the rows before it and the error."""
    rows = []
    with pytest.raises(FileError) as caught:
        _read_into(rows, path, form or Form())
    return rows, caught.value


def _read_into(rows, path, form):
    with open_input(path, form) as opened:
        for batch in opened.reader.batches(1000):
            rows += batch.rows
