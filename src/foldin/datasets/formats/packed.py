"""Unpacks a file that gzip, zip, zstd, bzip2 or xz has packed, piece by piece, into a temporary file to read from."""

import bz2
import gzip
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

import pyarrow as pa

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.core.params import nearest
from foldin.datasets.formats import sniffing

ENDINGS = (".gz", ".zip", ".zst", ".zstd", ".bz2", ".xz")
"""What the names of packed files end with; the ending before says the format."""
TAR, TAR_AT = b"ustar", 257
CHUNK = 1 << 20


def inner_name(name: str, member: str | None = None) -> str:
    """Return the name that what is in a packed file has: ratings.csv of ratings.csv.gz."""
    path = PurePosixPath(member or name)
    return path.stem if path.suffix.lower() in ENDINGS else path.name


def members(path: Path) -> list[str]:
    """Return the names of the files in a zip archive that hold data, sorted.

    Raises
    ------
    FoldinError
        When it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise FoldinError(
            f"no readable zip archive ({error})", where=path, remedy="download or pack it again"
        ) from None
    # What macOS adds to archives is no data.
    return sorted(name for name in names if not name.startswith("__MACOSX/") and not name.endswith(".DS_Store"))


@contextmanager
def unpacked(path: Path, member: str | None = None) -> Iterator[Path]:
    """Give a path at which a file lies unpacked; the file itself where it is not packed.

    Parameters
    ----------
    path : Path
        The file.
    member : str, optional
        Which file of a zip archive; may be left out where there is one.

    Raises
    ------
    FoldinError
        When the file is damaged, or an archive of several files of which none is named.
    """
    kind = sniffing.packed_by(path)
    if not kind:
        if member is not None:
            raise FoldinError(f"a member '{member}' is asked for, and this is no zip archive", remedy="leave it out")
        yield path
        return
    with tempfile.TemporaryDirectory(dir=paths.scratch()) as folder:
        target = Path(folder) / "unpacked"
        try:
            with _opened(path, kind, member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, CHUNK)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
            what = f"this file packed by {kind} is damaged ({str(error).splitlines()[0] if str(error) else kind})"
            raise FoldinError(what, where=path, remedy="download or pack it again") from None
        with target.open("rb") as file:
            if file.read(TAR_AT + len(TAR)).endswith(TAR):
                remedy = "unpack it, and give the file in it that holds the ratings"
                raise FoldinError("this is a tar archive of files", where=path, remedy=remedy)
        yield target


def _opened(path: Path, kind: str, member: str | None) -> AbstractContextManager[IO[bytes]]:
    match kind:
        case "zip":
            return zipfile.ZipFile(path).open(_chosen(path, member))
        case "gzip":
            return cast(IO[bytes], gzip.open(path, "rb"))
        case "bzip2":
            return bz2.open(path, "rb")
        case "xz":
            return lzma.open(path, "rb")
        case _:
            return cast(IO[bytes], pa.input_stream(str(path), compression="zstd"))


def _chosen(path: Path, member: str | None) -> str:
    names = members(path)
    if member is None:
        if len(names) != 1:
            listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            what = f"this zip archive holds {len(names)} files ({listed})"
            raise FoldinError(what, where=path, remedy="name one of them as `member`")
        return names[0]
    if member not in names:
        remedy = nearest(member, names).replace("valid keys are", "its files are")
        raise FoldinError(f"this zip archive holds no '{member}'", where=path, remedy=remedy)
    return member
