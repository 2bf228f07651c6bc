"""Parsers of the fields of delimited text, one for each kind of column; `lines` reads with them."""

import math
from collections.abc import Callable
from typing import Any

Parser = Callable[[str], Any]
LATEST = 2**62
"""Times from here on are none."""


def text(field: str) -> str:
    """Return a text field without surrounding blanks."""
    return field.strip()


def identifier(field: str) -> str:
    """Return an id: a text that many rows repeat, so the column is categorical."""
    return field.strip()


def integer(field: str) -> int:
    """Return a whole number.

    Raises
    ------
    ValueError
        When the field is none.
    """
    value = int(field)
    if "_" in field or not -(2**63) <= value < 2**63:
        raise ValueError(field)
    return value


def number(field: str) -> float:
    """Return a finite number.

    Raises
    ------
    ValueError
        When the field is none.
    """
    value = float(field)
    if "_" in field or not math.isfinite(value):
        raise ValueError(field)
    return value


def number_with_comma(field: str) -> float:
    """Return a finite number whose fraction stands after a comma.

    Raises
    ------
    ValueError
        When the field is none, or has a point.
    """
    if "." in field:
        raise ValueError(field)
    return number(field.replace(",", "."))


def text_but(wrong: frozenset[str]) -> Parser:
    """Return a parser of text that refuses some of it.

    Parameters
    ----------
    wrong : frozenset of str
        Texts that are known not to be what the column holds.
    """

    def known(field: str) -> str:
        if (found := text(field)) in wrong:
            raise ValueError(field)
        return found

    return known


def timestamp(field: str) -> int:
    """Return a time, a number of seconds or of parts of them, rounded down to a whole one.

    Raises
    ------
    ValueError
        When the field is none, or so large that no calendar reaches it.
    """
    try:
        value = integer(field)
    except ValueError:
        value = math.floor(number(field))
    if abs(value) >= LATEST:
        raise ValueError(field)
    return value


def ignored(field: str) -> None:
    """Return nothing of a column that nobody asked for: it is counted as a field, and not read."""


def flag(field: str) -> bool:
    """Return whether the field is 1 rather than 0.

    Raises
    ------
    ValueError
        When it is neither.
    """
    if field not in ("0", "1"):
        raise ValueError(field)
    return field == "1"


DTYPES: dict[Parser, str] = {
    text: "str",
    identifier: "category",
    integer: "Int64",
    timestamp: "time",
    number: "float64",
    number_with_comma: "float64 with comma",
    flag: "bool",
    ignored: "ignored",
}
"""The dtype of the column that a parser's fields make; a "time" is an Int64."""
