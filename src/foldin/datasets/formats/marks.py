"""Numbers with marks in them, such as 1.234,50: guesses which mark means what, and reads them.

A mark of thousands and a decimal mark may be the same character: 1.234 is one and a bit in English, and more than a
thousand in German. What is no number by the marks declared is missing, so that it is reported and not misread.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

THOUSANDS = (".", ",", "'", " ")
"""What may separate thousands; a blank stands for any kind of blank, an apostrophe for the curved one as well."""
BLANKS = re.compile("[\u00a0\u2009\u202f]")


@dataclass(frozen=True)
class Marks:
    """The decimal mark of a column, what separates its thousands, "" for nothing, and whether that is sure."""

    decimal: str = "."
    thousands: str = ""
    sure: bool = True


@lru_cache
def _pattern(thousands: str, decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number that is grouped by thousands; its groups: first digits, fraction."""
    mark = re.escape(thousands)
    return re.compile(rf"-?([1-9]\d{{0,2}})(?:{mark}\d{{3}})+({re.escape(decimal)}\d+)?")


def guess(values: "pd.Series[str]", *, comma: bool) -> Marks | None:
    """Return the marks of a column, None where its numbers have none but points, or where it holds other things too.

    Parameters
    ----------
    values : pandas.Series of str
        Cells, missing where empty.
    comma : bool
        Whether a comma can be a decimal mark; not where commas separate columns.
    """
    known = values.dropna().str.strip().str.replace(BLANKS, " ", regex=True).str.replace("’", "'", regex=False)
    known = known.drop_duplicates()
    if not len(known) or not known.str.contains(r"[.,' ]").any() or not known.str.contains(r"^-?\d").all():
        return None
    for thousands, decimal in ((".", ","), (",", "."), ("'", "."), (" ", ","), (" ", ".")):
        grouped = known.str.fullmatch(_pattern(thousands, decimal))
        if not grouped.any():
            continue
        rest = known[~grouped]
        if not rest.str.fullmatch(rf"-?\d+({re.escape(decimal)}\d+)?").all():
            continue
        # 1.234 alone may have three digits after a point; 1.234.567 and 1.234,5 cannot.
        told = thousands not in ".," or known[grouped].str.count(re.escape(thousands)).max() > 1
        told = told or bool(known.str.contains(decimal, regex=False).any())
        if not told and grouped.all():
            continue
        return Marks(decimal, thousands, told)
    if comma and known.str.contains(",").any() and known.str.fullmatch(r"-?\d+(,\d+)?").all():
        return Marks(",")
    return None


def plain(values: pd.Series, decimal: str, thousands: str) -> pd.Series:
    """Return a column in which texts such as "1.234,5" are "1234.5", and texts that are no such numbers are missing.

    Parameters
    ----------
    values : pandas.Series
        Texts, or objects of which some are texts.
    decimal, thousands : str
        The marks; "" where nothing separates thousands.
    """
    texts = {value: plain_text(value, decimal, thousands) for value in {of for of in values if isinstance(of, str)}}
    changed = [texts[value] if isinstance(value, str) else value for value in values]
    return pd.Series(changed, index=values.index, name=values.name, dtype="object")


def plain_text(text: str, decimal: str, thousands: str) -> str | None:
    """Return the text of a number with a point and no other mark, None where it is no number by these marks."""
    bare = text.strip()
    if thousands:
        bare = BLANKS.sub(" ", bare).replace("’", "'")
        if _pattern(thousands, decimal).fullmatch(bare):
            bare = bare.replace(thousands, "")
    # With a point it would be read as a number, and misread.
    if (thousands and thousands in bare) or (decimal == "," and "." in bare):
        return None
    return bare.replace(decimal, ".")
