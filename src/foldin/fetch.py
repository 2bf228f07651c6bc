"""Stage `fetch`: brings the raw files of a data set into data/raw, checked against their known SHA-256.

`demo` is generated. Others come from a local archive where FOLDIN_ARCHIVES names one, else from their public address.
"""

import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path

from foldin import datasets, files, paths
from foldin.datasets import DataSet
from foldin.errors import FoldinError
from foldin.progress import say, tick

VARIABLE = "FOLDIN_ARCHIVES"
"""Environment variable: a folder with one folder per data set, each holding the raw files."""

TIMEOUT = 30.0
"""Seconds without a byte after which a download has failed."""

CHUNK = 1 << 20


def run(dataset: str) -> None:
    """Bring the raw files of a data set into data/raw/<dataset>: all of them, or none.

    Parameters
    ----------
    dataset : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When the data set is unknown, a file is missing, cannot be downloaded, or is not what it should be.
    """
    wanted = datasets.get(dataset)
    with files.whole_folder(paths.raw(dataset)) as folder:
        if wanted.generate is not None:
            wanted.generate(folder)
            source = "generated"
        elif os.environ.get(VARIABLE):
            source = str(_copy(wanted, Path(os.environ[VARIABLE]).expanduser() / dataset, folder))
        else:
            source = _download(wanted, folder)
        wanted.check_files(folder, source)
        size = sum(path.stat().st_size for path in folder.iterdir())
    say(f"{dataset}: {len(wanted.files)} raw files, {size / 1e6:.1f} MB, {source}")


def _copy(dataset: DataSet, archive: Path, folder: Path) -> Path:
    if not archive.is_dir():
        raise FoldinError(
            f"no folder for the data set '{dataset.name}' in the local archive",
            where=archive,
            remedy=f"put {', '.join(dataset.files)} there (public address: {dataset.address}), "
            f"or unset {VARIABLE} to download them",
        )
    for name in dataset.files:
        if not (archive / name).is_file():
            raise FoldinError(
                f"a file of the data set '{dataset.name}' is missing",
                where=archive / name,
                remedy=f"copy it there from {dataset.address}",
            )
        try:
            shutil.copyfile(archive / name, folder / name)
        except OSError as error:
            raise FoldinError(
                f"cannot be copied ({error.strerror})",
                where=archive / name,
                remedy="make it readable, and look for free disk space",
            ) from None
    return archive


def _download(dataset: DataSet, folder: Path) -> str:
    address = str(dataset.address)
    say(f"{dataset.name}: downloading {address}")
    with tempfile.TemporaryDirectory() as scratch:
        packed = Path(scratch) / "archive.zip"
        try:
            _save(address, packed)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise FoldinError(
                f"the data set '{dataset.name}' cannot be downloaded ({reason}), and {VARIABLE} is not set",
                where=address,
                remedy=f"connect to the network, or set {VARIABLE} to a folder in which {dataset.name}/ holds "
                f"{', '.join(dataset.files)}",
            ) from None
        _unpack(dataset, packed, folder)
    return address


def _save(address: str, path: Path) -> None:
    with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, path.open("wb") as file:
        size = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            tick(f"{address}: {done / 1e6:.1f} MB" + (f" of {size / 1e6:.1f}" if size else ""))
    if done < size:
        raise http.client.IncompleteRead(b"", size - done)


def _unpack(dataset: DataSet, packed: Path, folder: Path) -> None:
    # Only declared names are written, wherever they lie in the zip; so nothing in it can choose a path.
    try:
        with zipfile.ZipFile(packed) as archive:
            members = {Path(member).name: member for member in archive.namelist() if not member.endswith("/")}
            for name in dataset.files:
                if name not in members:
                    raise FoldinError(
                        f"the download of '{dataset.name}' holds no {name}",
                        where=dataset.address,
                        remedy=f"the archive has changed; get the original and set {VARIABLE}",
                    )
                with archive.open(members[name]) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise FoldinError(
            f"the download of '{dataset.name}' is no whole zip archive ({error})",
            where=dataset.address,
            remedy="try again; a proxy or a full disk may have cut it short",
        ) from None
