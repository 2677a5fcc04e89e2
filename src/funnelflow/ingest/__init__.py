"""Files in: readers, mappings, rejects, and the runs `apply` and `import`."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.ingest.apply import apply_file, import_file
    from funnelflow.ingest.file_errors import FileError
    from funnelflow.ingest.file_options import FileOptions
    from funnelflow.ingest.input import Form
    from funnelflow.ingest.python_rows import Rows, SourceFile, as_file
    from funnelflow.ingest.row_handlers import MODES, Mode
    from funnelflow.ingest.summary import Progress, Summary, Watch
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "apply": "apply_file import_file",
            "file_errors": "FileError",
            "file_options": "FileOptions",
            "input": "Form",
            "row_handlers": "MODES Mode",
            "python_rows": "Rows SourceFile as_file",
            "summary": "Progress Summary Watch",
        },
    )

__all__ = [
    "MODES",
    "FileError",
    "FileOptions",
    "Form",
    "Mode",
    "Progress",
    "Rows",
    "SourceFile",
    "Summary",
    "Watch",
    "apply_file",
    "as_file",
    "import_file",
]
