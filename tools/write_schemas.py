"""Write the JSON Schemas for editors beside the definitions that ship here.

python tools/write_schemas.py                 writes into definitions/schemas
python tools/write_schemas.py DIRECTORY       writes into DIRECTORY
"""

import sys
from pathlib import Path

from funnelflow.definition import SchemaName, schema_text

TARGET = Path(__file__).parents[1] / "definitions" / "schemas"
NAMES: tuple[SchemaName, ...] = ("definition", "vocabulary")


def main(directory: Path) -> None:
    """Write both schemas into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (directory / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
