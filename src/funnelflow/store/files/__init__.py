"""Reading rows of people's files: CSV and JSON Lines, of any size, in bounded memory."""

from funnelflow.store.files.batches import Batch, Reader
from funnelflow.store.files.jsonlines import read_object
from funnelflow.store.files.lines import Place
from funnelflow.store.files.problems import FileError, Rejection, RowError
from funnelflow.store.files.reading import FORMATS, Form, Input, open_input
from funnelflow.store.files.rejects import RejectsFile, is_mark
from funnelflow.store.files.source import STDIN, Survey, is_regular, survey

__all__ = [
    "FORMATS",
    "STDIN",
    "Batch",
    "FileError",
    "Form",
    "Input",
    "Place",
    "Reader",
    "Rejection",
    "RejectsFile",
    "RowError",
    "Survey",
    "is_mark",
    "is_regular",
    "open_input",
    "read_object",
    "survey",
]
