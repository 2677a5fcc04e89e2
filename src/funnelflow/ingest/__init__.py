"""Files in: readers, mappings, rejects, and the runs `apply` and `import`."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.ingest.apply import apply_file, import_file
    from funnelflow.ingest.file_errors import FileError, Rejection, RowError
    from funnelflow.ingest.file_options import FileOptions
    from funnelflow.ingest.input import Form
    from funnelflow.ingest.json_text import read_objects
    from funnelflow.ingest.kept_records import KeptRecord, KeptRecords, check_source
    from funnelflow.ingest.mapping import FileMapping, find_mapping
    from funnelflow.ingest.mapping_files import read_mapping
    from funnelflow.ingest.python_rows import Rows, SourceFile, as_file
    from funnelflow.ingest.receive import (
        IncomingRecord,
        Receipt,
        receive_records,
        retry_kept,
        set_aside,
    )
    from funnelflow.ingest.row_handlers import MODES, Mode
    from funnelflow.ingest.summary import Progress, Summary, Watch
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "apply": "apply_file import_file",
            "file_errors": "FileError Rejection RowError",
            "file_options": "FileOptions",
            "input": "Form",
            "json_text": "read_objects",
            "mapping": "FileMapping find_mapping",
            "mapping_files": "read_mapping",
            "kept_records": "KeptRecord KeptRecords check_source",
            "receive": "IncomingRecord Receipt receive_records retry_kept set_aside",
            "row_handlers": "MODES Mode",
            "python_rows": "Rows SourceFile as_file",
            "summary": "Progress Summary Watch",
        },
    )

__all__ = [
    "MODES",
    "FileError",
    "FileMapping",
    "FileOptions",
    "Form",
    "IncomingRecord",
    "KeptRecord",
    "KeptRecords",
    "Mode",
    "Progress",
    "Receipt",
    "Rejection",
    "RowError",
    "Rows",
    "SourceFile",
    "Summary",
    "Watch",
    "apply_file",
    "as_file",
    "check_source",
    "find_mapping",
    "import_file",
    "read_mapping",
    "read_objects",
    "receive_records",
    "retry_kept",
    "set_aside",
]
