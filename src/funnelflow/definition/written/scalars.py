"""What a plain scalar means, by the core rules of YAML 1.2: `no` and `1:30` are text.

See https://yaml.org/spec/1.2.2/#103-core-schema. PyYAML's own reading follows YAML 1.1,
where `no` is false, `010` is eight and `1:30:00` is a number.
"""

import math
import re
from typing import TypeAlias

from funnelflow.definition.written.nodes import Scalar

__all__ = ["Plain", "TooLargeError", "resolve"]

Plain: TypeAlias = bool | int | float | str | None

_CONSTANTS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LONGEST = 24
"""No 64-bit integer is written longer, in any base but with needless zeros."""


class TooLargeError(ValueError):
    """A number that does not fit into 64 bits."""


def resolve(node: Scalar) -> Plain:
    """Give the value of a scalar.

    Raises:
        TooLargeError: An integer beyond 64 bits, or a number beyond the range of a float.
    """
    if not node.is_plain:
        return node.text
    text = node.text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    return _number(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    if len(text) > _LONGEST:
        raise TooLargeError(text)
    value = int(text[2:] if base != 10 else text, base)  # noqa: PLR2004
    if not -(2**63) <= value < 2**63:
        raise TooLargeError(text)
    return value


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise TooLargeError(text)
    return value
