"""International Standard Book Numbers as users type them, normalized to one spelling for each book.

An ISBN-10 has nine digits and a check digit, 0 to 9 or X. An ISBN-13 that begins with 978 names the same book as the
ISBN-10 of its next nine digits. python-stdnum computes the check digits; this module decides which corrections are
allowed: only those that the check digit confirms.
"""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
import stdnum.ean
import stdnum.isbn

SEPARATORS = re.compile(r"[\s\u00a0\u2010-\u2015-]+")
TEN = re.compile(r"[0-9]{9}[0-9X]")
THIRTEEN = re.compile(r"[0-9]{13}")
FEWEST_DIGITS = 7
"""Digits left when all leading zeros are lost; with fewer, one in eleven texts would pass by chance for a book."""
CHANGES = ("isbn_separators", "isbn_lost_zeros", "isbn_letter_o", "isbn_13")
"""Names of what can be mended, in the order of an attempt."""
WRONG = "no_valid_isbn"


def normalized(text: str) -> tuple[str, str]:
    """Return the one spelling of an ISBN, and what had to be done for it.

    Parameters
    ----------
    text : str
        What stands in the file.

    Returns
    -------
    isbn : str
        An ISBN-10 of ten characters with a right check digit; or an ISBN-13 that has no ISBN-10; or, where there is
        neither, the text in capitals without hyphens and blanks.
    reason : str
        "" where the text was right already, one of `CHANGES`, or `WRONG`.
    """
    bare = SEPARATORS.sub("", text).upper()
    if valid(bare):
        return bare, "" if bare == text else "isbn_separators"
    if _valid_13(bare):
        if bare.startswith("978"):
            return stdnum.isbn.to_isbn10(bare), "isbn_13"
        return bare, "" if bare == text else "isbn_separators"
    if FEWEST_DIGITS <= len(bare) < 10 and valid(bare.zfill(10)):
        return bare.zfill(10), "isbn_lost_zeros"
    if valid(bare.replace("O", "0")):
        return bare.replace("O", "0"), "isbn_letter_o"
    return bare, WRONG


def valid(text: str) -> bool:
    """Return whether a text is an ISBN-10 with a right check digit."""
    # On its own the library also accepts nine characters, separators and digits of other scripts.
    return TEN.fullmatch(text) is not None and stdnum.isbn.is_valid(text)


def _valid_13(text: str) -> bool:
    return THIRTEEN.fullmatch(text) is not None and stdnum.ean.is_valid(text)


def normalize(ids: pd.Categorical) -> tuple[pd.Categorical, dict[str, int], int]:
    """Normalize a column of ISBNs; each distinct one is looked at once.

    Parameters
    ----------
    ids : pandas.Categorical of str, length n
        The column.

    Returns
    -------
    ids : pandas.Categorical of str, length n
        The same books under one spelling each; what holds no character but separators is missing.
    changed : dict of str to int
        Rows changed, by what was mended.
    wrong : int
        Rows whose id is no valid ISBN; they keep it.
    """
    results = [normalized(str(name)) for name in ids.categories]
    counts = _rows_by_category(ids)
    reasons = np.array([reason for _, reason in results], dtype=object)
    changed = {reason: int(counts[reasons == reason].sum()) for reason in CHANGES}
    names = pd.Series([isbn for isbn, _ in results], dtype="object")
    places, spellings = pd.factorize(names.mask(names == ""))
    codes = np.append(places, -1)[ids.codes]
    return (
        pd.Categorical.from_codes(codes, pd.Index(spellings, dtype="str")),
        changed,
        int(counts[reasons == WRONG].sum()),
    )


def _rows_by_category(ids: pd.Categorical) -> npt.NDArray[np.int64]:
    return np.bincount(ids.codes[ids.codes >= 0], minlength=len(ids.categories))
