"""The store: contacts, their history and their definitions, on SQLite or PostgreSQL."""

from .adopting import Adopted, AdoptionPlan
from .apply import apply_file
from .bulk import Chunk
from .config import Config, Setting, find_workspace, read_config
from .connecting import Database, locate
from .files import FORMATS, FileError, Form, Rejection
from .filtering import CONTACT_FACTS
from .findings import Finding, Verification
from .importing import MODES, import_file
from .mapping import (
    TARGETS,
    FileMapping,
    Match,
    Matched,
    find_mapping,
    mapping_names,
    mapping_text,
    parse_pairs,
    read_mapping,
    write_mapping,
)
from .notices import Notice
from .options import FileOptions
from .outbox import LETTER_STATES, Letter, LetterState, Outbox, Settled
from .records import HistoryRow, Page, Recorded, StoredContact
from .requests import Entry, Request
from .schema import DatabaseStatus, status, upgrade
from .tally import Progress, Summary, Tally
from .ticking import Ticked
from .translating import Translated
from .workspace import Workspace

__all__ = [
    "CONTACT_FACTS",
    "FORMATS",
    "LETTER_STATES",
    "MODES",
    "TARGETS",
    "Adopted",
    "AdoptionPlan",
    "Chunk",
    "Config",
    "Database",
    "DatabaseStatus",
    "Entry",
    "FileError",
    "FileMapping",
    "FileOptions",
    "Finding",
    "Form",
    "HistoryRow",
    "Letter",
    "LetterState",
    "Match",
    "Matched",
    "Notice",
    "Outbox",
    "Page",
    "Progress",
    "Recorded",
    "Rejection",
    "Request",
    "Setting",
    "Settled",
    "StoredContact",
    "Summary",
    "Tally",
    "Ticked",
    "Translated",
    "Verification",
    "Workspace",
    "apply_file",
    "find_mapping",
    "find_workspace",
    "import_file",
    "locate",
    "mapping_names",
    "mapping_text",
    "parse_pairs",
    "read_config",
    "read_mapping",
    "status",
    "upgrade",
    "write_mapping",
]
