"""The store: contacts, their history and their definitions, on SQLite or PostgreSQL.

A command that opens no database shall not wait for SQLAlchemy, so each name is imported when
it is first asked for. Programs that read the types see plain imports.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

if not TYPE_CHECKING:
    _HOMES = {
        "adopting": ("Adopted", "AdoptionPlan"),
        "apply": ("apply_file",),
        "bulk": ("Chunk",),
        "config": ("Config", "Setting", "find_workspace", "read_config"),
        "connecting": ("Database", "locate"),
        "files": ("FORMATS", "FileError", "Form", "Rejection"),
        "filtering": ("CONTACT_FACTS",),
        "findings": ("Finding", "Verification"),
        "importing": ("MODES", "import_file"),
        "letters": ("LETTER_STATES", "Letter", "LetterState", "Settled"),
        "mapping": (
            *("TARGETS", "FileMapping", "Match", "Matched", "find_mapping", "mapping_names"),
            *("mapping_text", "parse_pairs", "read_mapping", "write_mapping"),
        ),
        "notices": ("Notice",),
        "options": ("FileOptions",),
        "outbox": ("Outbox",),
        "records": ("HistoryRow", "Page", "Recorded", "StoredContact"),
        "requests": ("Entry", "Request"),
        "schema": ("DatabaseStatus", "status", "upgrade"),
        "tally": ("Progress", "Summary", "Tally"),
        "ticking": ("Ticked",),
        "translating": ("Translated",),
        "workspace": ("Workspace",),
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> Any:
        """Import a name from its home when it is first asked for."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = found
        return found
