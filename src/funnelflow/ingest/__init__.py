"""Files in: readers, mappings, checkpoints, rejects, and the runs `apply` and `import`."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.ingest.apply import MODES, Mode, apply_file, import_file
    from funnelflow.ingest.file_errors import FileError
    from funnelflow.ingest.input import Form
    from funnelflow.ingest.run import Watch
    from funnelflow.ingest.summary import FileOptions, Progress, Summary
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "apply": "MODES Mode apply_file import_file",
            "file_errors": "FileError",
            "input": "Form",
            "run": "Watch",
            "summary": "FileOptions Progress Summary",
        },
    )

__all__ = [
    "MODES",
    "FileError",
    "FileOptions",
    "Form",
    "Mode",
    "Progress",
    "Summary",
    "Watch",
    "apply_file",
    "import_file",
]
