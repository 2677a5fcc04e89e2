"""What the columns of a file mean: said by a person or a mapping file, else guessed and shown."""

from funnelflow.store.mapping.binding import Teller, Told, bind
from funnelflow.store.mapping.guessing import Match, Matched, match_columns
from funnelflow.store.mapping.record import TARGETS, FileMapping, field_target, parse_pairs
from funnelflow.store.mapping.shipped import find_mapping, mapping_names
from funnelflow.store.mapping.tomlfile import mapping_text, read_mapping, write_mapping

__all__ = [
    "TARGETS",
    "FileMapping",
    "Match",
    "Matched",
    "Teller",
    "Told",
    "bind",
    "field_target",
    "find_mapping",
    "mapping_names",
    "mapping_text",
    "match_columns",
    "parse_pairs",
    "read_mapping",
    "write_mapping",
]
