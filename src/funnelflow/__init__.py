"""funnelflow: a sales funnel as a file, and a machine that moves contacts and says why.

What is named here is the public API for Python; ``docs/python.md`` shows how it is used. Importing
the package loads none of it: each name is loaded when it is first asked for.
"""

TYPE_CHECKING = False  # `typing` need not be imported for it
if TYPE_CHECKING:
    from funnelflow.criteria import CriterionError
    from funnelflow.definition import (
        Definition,
        DefinitionError,
        Library,
        Linked,
        check,
        load_definition,
    )
    from funnelflow.engine import Decision, Funnel
    from funnelflow.errors import (
        ConfigurationError,
        ConflictError,
        Error,
        FieldError,
        RefusedError,
        StoreError,
        UnknownContactError,
        UnknownNameError,
        UsageError,
    )
    from funnelflow.ingest.file_errors import FileError
    from funnelflow.ingest.file_options import FileOptions
    from funnelflow.maintenance.adopt_rules import UnmappedStageError
    from funnelflow.plugins import PluginHost
    from funnelflow.storage.changes import ErasedContactError
    from funnelflow.workspace.trust import UntrustedError
    from funnelflow.workspace.workspace import Workspace

    create = Workspace.create
    open = Workspace.open  # noqa: A001  # as `gzip.open` is
    __version__: str

__all__ = [  # noqa: RUF022  # what is called, what is used, the errors
    "open",
    "create",
    "load_definition",
    "check",
    "Workspace",
    "Funnel",
    "Decision",
    "Definition",
    "Linked",
    "Library",
    "FileOptions",
    "PluginHost",
    "Error",
    "ConfigurationError",
    "ConflictError",
    "CriterionError",
    "DefinitionError",
    "ErasedContactError",
    "FieldError",
    "FileError",
    "RefusedError",
    "StoreError",
    "UnknownContactError",
    "UnknownNameError",
    "UnmappedStageError",
    "UntrustedError",
    "UsageError",
    "__version__",
]

_MODULES = {
    "criteria": "CriterionError",
    "definition": "Definition DefinitionError Library Linked check load_definition",
    "engine": "Decision Funnel",
    "errors": "ConfigurationError ConflictError Error FieldError RefusedError StoreError "
    "UnknownContactError UnknownNameError UsageError",
    "ingest.file_errors": "FileError",
    "ingest.file_options": "FileOptions",
    "maintenance.adopt_rules": "UnmappedStageError",
    "plugins": "PluginHost",
    "storage.changes": "ErasedContactError",
    "workspace.trust": "UntrustedError",
    "workspace.workspace": "Workspace",
}

if not TYPE_CHECKING:  # where every name would seem to be there

    def __getattr__(name: str) -> object:
        """Load a name of the public API when it is first asked for."""
        if name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415  # slower than the rest of it

            return version("funnelflow")
        from funnelflow.lazy import lazy_names  # noqa: PLC0415  # not before a name is needed

        get = lazy_names(__name__, _MODULES)
        return getattr(get("Workspace"), name) if name in ("open", "create") else get(name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
