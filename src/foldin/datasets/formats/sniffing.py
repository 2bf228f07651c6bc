"""Detects a file's format from its first bytes, whatever its name."""

import codecs
from pathlib import Path

from foldin.core.errors import FoldinError

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"Rar!": "rar",
    b"7z\xbc\xaf\x27\x1c": "7z",
}
SIGNS = {b"PAR1": "parquet", b"SQLite format 3\0": "sqlite"}
"""First bytes → format. Formats of text have no sign."""
SHEETS = (".xlsx", ".xlsm", ".ods")
OLD_SHEET = b"\xd0\xcf\x11\xe0"
LONGEST = 16
"""Bytes of the longest sign."""


def refuse_packed(path: Path) -> None:
    """Refuse a packed file and a spreadsheet, which nothing here reads.

    Raises
    ------
    FoldinError
        When the file is one: says how to make a file that is read.
    """
    start = _start(path)
    if start.startswith(OLD_SHEET) or (start.startswith(b"PK") and path.suffix.lower() in SHEETS):
        raise FoldinError("this is a spreadsheet", where=path, remedy="save its table as CSV, and give that")
    for sign, kind in PACKED.items():
        if start.startswith(sign):
            raise FoldinError(
                f"this is a file packed by {kind}", where=path, remedy="unpack it first, and give what is in it"
            )


def format_of(path: Path) -> str:
    """Return the format that a file's first bytes say it has, "" where they say none."""
    start = _start(path)
    return next((form for sign, form in SIGNS.items() if start.startswith(sign)), "")


def encoding_of(path: Path) -> str:
    """Return the encoding that a mark at the start of a file says it has, "" where there is none."""
    return "utf-16" if _start(path).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST)
