"""The numbers of a funnel: how many, how far, how fast, what is in the way; and how they are drawn.

A report is made of `Journey` records: one for each contact in a funnel, with its *stays* (every
time in a stage) and its *decisions* (what became of each piece of evidence). `report_of` counts
them, for what a `Frame` asks, and returns a `Report`::

    Report
      funnel, title, version, at, known_at, zone, period, entries, erased
      stages            StageCount …        contacts now, and when the period began; nested ones
                                            rolled up, `depth` says how deep
      conversion        ConversionStep …    by step, by every way of counting; re-entries, times
      cohorts           Cohorts …           by period of entry (a triangle: `won_at_age`), by field
      time_in_stage     StageTime …         latest, cumulative and forward, each as `Lengths`
      survival          Survival            the curve of the time to won, with its interval
      win_rates         WinRates            open + won + lost = entries; narrow, velocity, reasons
      ageing            Ageing …            who is in a stage for too long
      blockers          Blocker …           criteria in the way of each transition, `questions`
      refused           Number              moves that were refused, and those to nowhere
      flow              Flow                how often contacts went from one leaf stage to another
      recycling         Recycling           what went back; forced moves by person
      restatements      RestatementCounts   how much was said too early
      trend             TrendPeriod …       by period, the last one not over yet
      plugin_numbers    PluginNumber …      what plugins add

Every number is a `Number` (name, value, what it is a share of; `is_small` under 20) or `Lengths`
(name, count, quantiles in days). By its name `definition_of` explains it, and `counted_in` yields
the journeys that it counts: the same function says what a journey adds to which number, so the
two cannot differ. Every record turns to JSON by ``to_json()``. Empty where nobody is: shares of
nobody are None, quantiles of nothing are None.
"""

from typing import TYPE_CHECKING

from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.report.building import build_report, limits_of, report_of
    from funnelflow.report.explaining import (
        NumberDefinition,
        definition_of,
        number_definitions,
    )
    from funnelflow.report.frame import Frame
    from funnelflow.report.journey import CountedContact, Journey, JourneyDecision, LateRow
    from funnelflow.report.page import report_page, report_policy
    from funnelflow.report.periods import Calendar, PeriodKind, ReportOptions
    from funnelflow.report.records import Lengths, Number
    from funnelflow.report.sections import Report
    from funnelflow.report.stage_pictures import definition_picture
    from funnelflow.report.svg_writer import Picture
    from funnelflow.report.tally import Tally, counted_in
    from funnelflow.report.todo import TodoItem, TodoReason
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "building": "build_report limits_of report_of",
            "explaining": "NumberDefinition definition_of number_definitions",
            "frame": "Frame",
            "journey": "CountedContact Journey JourneyDecision LateRow",
            "page": "report_page report_policy",
            "periods": "Calendar PeriodKind ReportOptions",
            "records": "Lengths Number",
            "sections": "Report",
            "stage_pictures": "definition_picture",
            "svg_writer": "Picture",
            "tally": "Tally counted_in",
            "todo": "TodoItem TodoReason",
        },
    )

__all__ = [
    "Calendar",
    "CountedContact",
    "Frame",
    "Journey",
    "JourneyDecision",
    "LateRow",
    "Lengths",
    "Number",
    "NumberDefinition",
    "PeriodKind",
    "Picture",
    "Report",
    "ReportOptions",
    "Tally",
    "TodoItem",
    "TodoReason",
    "build_report",
    "counted_in",
    "definition_of",
    "definition_picture",
    "limits_of",
    "number_definitions",
    "report_of",
    "report_page",
    "report_policy",
]
