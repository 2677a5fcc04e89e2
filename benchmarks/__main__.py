"""Run one measurement by name: ``python -m benchmarks engine``."""

import importlib
import sys

BENCHMARKS = {
    "engine": "one event through a three-clause criterion, beside other state machines",
    "criteria": "one compiled three-clause criterion, beside the same Python lambda",
    "definition": "checking a definition of 1,000 stages and 5,000 transitions",
    "apply": "apply of an event file, beside writing the same rows raw",
    "apply_django": "apply, beside Django with django-fsm-2 and a log table",
    "notify": "apply with notifications, delivery beside a bare loop, an idle worker",
    "plugins": "apply and record with plugins that watch, beside none and --no-plugins",
    "compare": "comparing definitions, and translating stored contacts beside folding them",
    "arrow": "the fold over Arrow tables, beside the engine folding the same rows",
    "claims": "what compare claims, beside random stories, and of changed definitions",
    "whatif": "a changed threshold over stored evidence, beside folding everybody once",
    "spark": "the fold on Spark, beside that over Arrow tables on as many cores",
    "store": "a record, a filtered list and a verification, as a workspace grows",
    "late": "one late row about a contact with a long story, beside one in order",
    "nights": "the same import night after night: what an unchanged file costs and writes",
    "report": "a report of many contacts: scans of the evidence, time and peak memory",
    "api": "the API of the web server beside the bare library, and at a steady rate",
    "web": "the server beside the bare library, and at a steady rate for some minutes",
    "startup": "funnelflow --help, check and show, beside importing click",
}

_SPARK = "pip install -e plugins/funnelflow-spark"
NEEDED = {"funnelflow_webhook": "pip install -e plugins/funnelflow-webhook"}
NEEDED |= {"funnelflow_web": "pip install -e plugins/funnelflow-web"}
NEEDED |= dict.fromkeys(("funnelflow_spark", "pyspark"), _SPARK)
"""How to get what a measurement needs, where the extras of funnelflow do not bring it."""


def main(arguments: list[str]) -> int:
    """Run the named benchmark, or list them; give the exit code."""
    if len(arguments) < 1 or arguments[0] not in BENCHMARKS:
        for name, about in BENCHMARKS.items():
            print(f"  python -m benchmarks {name:<12} {about}")
        return 0 if not arguments else 2
    try:
        module = importlib.import_module(f"benchmarks.{arguments[0]}")
    except ModuleNotFoundError as error:
        needed = NEEDED.get(error.name or "", "pip install -e '.[dev,benchmarks]'")
        print(f"{arguments[0]} needs {error.name}: {needed}", file=sys.stderr)
        return 2
    module.run(*arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
