"""How far a file has been applied, kept in the same transactions as what it brought."""

import datetime as dt
import json

from attrs import evolve, frozen
from sqlalchemy import Connection, Row, insert, select, update

from funnelflow.errors import ConflictError
from funnelflow.store.files import Place

from .faults import is_unique_violation
from .tables import imports
from .tally import Tally
from .times import to_text

__all__ = ["Checkpoint", "find_checkpoints", "save_checkpoint"]
