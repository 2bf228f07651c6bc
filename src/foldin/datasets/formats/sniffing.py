"""Detects from its first bytes, whatever its name, what a file is: its format, or the program that packed it."""

import codecs
import zipfile
from pathlib import Path

from foldin.core.errors import FoldinError

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""First bytes → the program that packed a file, of those that `packed` unpacks."""
UNREADABLE = {
    b"Rar!": ("a rar archive", "unpack it, and give what is in it"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it, and give what is in it"),
    b"\x89HDF": ("an HDF5 file, as MATLAB 7.3 and PyTables write them", "save its table as Parquet or CSV"),
    b"%PDF": ("a PDF", "give the table it was made of"),
}
"""First bytes → what a file is that nothing here reads, and what to do."""
SIGNS = {
    b"PAR1": "parquet",
    b"SQLite format 3\0": "sqlite",
    b"ARROW1": "feather",
    b"FEA1": "feather",
    b"\x93NUMPY": "npy",
    b"MATLAB 5.0 MAT": "mat",
    b"\xd0\xcf\x11\xe0": "excel",
}
"""First bytes → format. Formats of text have no sign."""
SHEETS = (".xlsx", ".xlsm", ".xlsb", ".ods")
"""What the names of spreadsheets that are zip archives end with."""
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
LONGEST = 16
"""Bytes of the longest sign."""


def refuse_unreadable(path: Path) -> None:
    """Refuse what nothing here reads: a pickle, a PDF, an archive of a rare kind.

    Raises
    ------
    FoldinError
        When the file is one: says what it is, and how to make a file that is read.
    """
    start = _start(path)
    if start.startswith(PICKLES):
        what = "this is a Python pickle, which may run any program when it is read"
        raise FoldinError(what, where=path, remedy="load it where you trust it, and save its table as Parquet or CSV")
    for sign, (what, remedy) in UNREADABLE.items():
        if start.startswith(sign):
            raise FoldinError(f"this is {what}", where=path, remedy=remedy)


def packed_by(path: Path) -> str:
    """Return the program that packed a file, "" where it is not packed; arrays and spreadsheets are formats."""
    start = _start(path)
    kind = next((kind for sign, kind in PACKED.items() if start.startswith(sign)), "")
    return "" if kind == "zip" and format_of(path) in ("npz", "excel") else kind


def format_of(path: Path) -> str:
    """Return the format that a file's first bytes say it has, "" where they say none."""
    start = _start(path)
    if start.startswith(b"PK") and (names := _members(path)) and all(name.endswith(".npy") for name in names):
        return "npz"
    if start.startswith(b"PK") and (path.suffix.lower() in SHEETS or _is_sheet(path)):
        return "excel"
    return next((form for sign, form in SIGNS.items() if start.startswith(sign)), "")


def encoding_of(path: Path) -> str:
    """Return the encoding that a mark at the start of a file says it has, "" where there is none."""
    return "utf-16" if _start(path).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def _is_sheet(path: Path) -> bool:
    return any(name in ("xl/workbook.xml", "content.xml", "xl/workbook.bin") for name in _members(path))


def _members(path: Path) -> list[str]:
    """Return the names of the files in a zip archive; none where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if not name.endswith("/")]
    except (zipfile.BadZipFile, OSError, ValueError):
        return []


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST)
