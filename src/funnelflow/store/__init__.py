"""The store: contacts, their history and their definitions, on SQLite or PostgreSQL."""

from funnelflow.store.adopting import Adopted, AdoptionPlan
from funnelflow.store.apply import apply_file
from funnelflow.store.bulk import Chunk
from funnelflow.store.config import Config, Setting, find_workspace, read_config
from funnelflow.store.connecting import Database, locate
from funnelflow.store.files import FORMATS, FileError, Form, Rejection
from funnelflow.store.filtering import CONTACT_FACTS
from funnelflow.store.findings import Finding, Verification
from funnelflow.store.importing import MODES, import_file
from funnelflow.store.letters import LETTER_STATES, Letter, LetterState, Settled
from funnelflow.store.mapping import (
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
from funnelflow.store.notices import Notice
from funnelflow.store.options import FileOptions
from funnelflow.store.outbox import Outbox
from funnelflow.store.records import HistoryRow, Page, Recorded, StoredContact
from funnelflow.store.requests import Entry, Request
from funnelflow.store.schema import DatabaseStatus, status, upgrade
from funnelflow.store.tally import Progress, Summary, Tally
from funnelflow.store.ticking import Ticked
from funnelflow.store.translating import Translated
from funnelflow.store.workspace import Workspace

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
