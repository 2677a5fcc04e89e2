"""Work on a whole workspace: adopting a definition, time passing, verifying."""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.maintenance.adopt import (
        Adopted,
        AdoptionPlan,
        Shift,
        plan_adoption,
        run_adoption,
    )
    from funnelflow.maintenance.adopt_rules import UnmappedStageError
    from funnelflow.maintenance.backup import BackedUp, back_up, restore
    from funnelflow.maintenance.bulk import BulkAnswer, BulkDone, run_bulk
    from funnelflow.maintenance.changed_stories import in_use, what_if, what_if_threshold
    from funnelflow.maintenance.dump import Dumped, dump_database, load_database
    from funnelflow.maintenance.erase import Erased, run_erasure
    from funnelflow.maintenance.erase_check import FoundValue, search_values
    from funnelflow.maintenance.export import ExportRequest, exported_rows, write_rows
    from funnelflow.maintenance.heads_file import HeadsFileError
    from funnelflow.maintenance.merge import Conflict, Merged, run_merge, run_unmerge
    from funnelflow.maintenance.promises import BrokenPromise, broken_promises
    from funnelflow.maintenance.repair import Repaired, run_repair
    from funnelflow.maintenance.tick import Ahead, Ticked, contacts_ahead, run_tick
    from funnelflow.maintenance.undo import StandsElsewhere, Undone, undo_run
    from funnelflow.maintenance.verify import run_verification
    from funnelflow.maintenance.verify_contacts import Finding, SinceHeads, Verification
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "adopt": "Adopted AdoptionPlan Shift plan_adoption run_adoption",
            "adopt_rules": "UnmappedStageError",
            "dump": "Dumped dump_database load_database",
            "backup": "BackedUp back_up restore",
            "bulk": "BulkAnswer BulkDone run_bulk",
            "changed_stories": "in_use what_if what_if_threshold",
            "erase": "Erased run_erasure",
            "erase_check": "FoundValue search_values",
            "export": "ExportRequest exported_rows write_rows",
            "heads_file": "HeadsFileError",
            "merge": "Conflict Merged run_merge run_unmerge",
            "promises": "BrokenPromise broken_promises",
            "repair": "Repaired run_repair",
            "tick": "Ahead Ticked contacts_ahead run_tick",
            "undo": "StandsElsewhere Undone undo_run",
            "verify": "run_verification",
            "verify_contacts": "Finding SinceHeads Verification",
        },
    )

__all__ = [
    "Adopted",
    "AdoptionPlan",
    "Ahead",
    "BackedUp",
    "BrokenPromise",
    "BulkAnswer",
    "BulkDone",
    "Conflict",
    "Dumped",
    "Erased",
    "ExportRequest",
    "Finding",
    "FoundValue",
    "HeadsFileError",
    "Merged",
    "Repaired",
    "Shift",
    "SinceHeads",
    "StandsElsewhere",
    "Ticked",
    "Undone",
    "UnmappedStageError",
    "Verification",
    "back_up",
    "broken_promises",
    "contacts_ahead",
    "dump_database",
    "exported_rows",
    "in_use",
    "load_database",
    "plan_adoption",
    "restore",
    "run_adoption",
    "run_bulk",
    "run_erasure",
    "run_merge",
    "run_repair",
    "run_tick",
    "run_unmerge",
    "run_verification",
    "search_values",
    "undo_run",
    "what_if",
    "what_if_threshold",
    "write_rows",
]
