"""The store: contacts, their history and their definitions, on SQLite or PostgreSQL."""

from .bulk import Chunk, Entry, Request
from .config import Config, Setting, find_workspace, read_config
from .connecting import Database, locate
from .listing import CONTACT_FACTS
from .records import HistoryRow, Page, Recorded, StoredContact
from .schema import DatabaseStatus, status, upgrade
from .workspace import Workspace

__all__ = [
    "CONTACT_FACTS",
    "Chunk",
    "Config",
    "Database",
    "DatabaseStatus",
    "Entry",
    "HistoryRow",
    "Page",
    "Recorded",
    "Request",
    "Setting",
    "StoredContact",
    "Workspace",
    "find_workspace",
    "locate",
    "read_config",
    "status",
    "upgrade",
]
