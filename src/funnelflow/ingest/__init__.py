"""Files in: readers, mappings, rejects, and the runs `apply` and `import`."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.ingest.apply import apply_file, import_file
    from funnelflow.ingest.file_errors import FileError
    from funnelflow.ingest.input import Form
    from funnelflow.ingest.row_handlers import MODES, Mode
    from funnelflow.ingest.rows import Rows, run_rows
    from funnelflow.ingest.summary import FileOptions, Progress, Summary, Watch
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "apply": "apply_file import_file",
            "file_errors": "FileError",
            "input": "Form",
            "row_handlers": "MODES Mode",
            "rows": "Rows run_rows",
            "summary": "FileOptions Progress Summary Watch",
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
    "Summary",
    "Watch",
    "apply_file",
    "import_file",
    "run_rows",
]
