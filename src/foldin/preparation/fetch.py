"""Stage `fetch`: brings the raw files of a data set into data/raw, checked against their known SHA-256.

`demo` is generated, and files of your own are copied from the folder own/. Others come from a local archive where
FOLDIN_ARCHIVES names one, else from their public address.
"""

import http.client
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from fnmatch import fnmatch
from pathlib import Path

from foldin.core import files, params, paths
from foldin.core.errors import FULL, FoldinError
from foldin.core.progress import say, step, tick
from foldin.datasets import registry
from foldin.datasets.declaration import DataSet
from foldin.datasets.formats import packed as packing
from foldin.datasets.formats import sniffing

VARIABLE = "FOLDIN_ARCHIVES"
"""Environment variable: a folder with one folder per data set, each holding the raw files."""

TIMEOUT = 30.0
"""Seconds without a byte after which a download has failed."""

CHUNK = 1 << 20

LARGEST = 10_000_000_000
"""Bytes of a download, at most: the largest data set that foldin downloads has 0.2 GB."""

MOST_TIMES = 100
"""Times its own size that a zip archive may unpack to, at most: those of ratings unpack to 3 to 5 times."""

FETCHED = "fetched.json"
"""File of a downloaded raw folder: the address, and the SHA-256 of its files."""

OWN = "source.json"
"""File of the raw folder of a data set under `sources`: its declaration, and the SHA-256 of its files."""

EXPERIMENT = "/.dvc/tmp/exps/"
"""Where DVC runs experiments that are queued or run with --temp: in copies of what git knows."""
COPY_THEM = (
    "a copy for an experiment holds what is in git only: add $(printf -- '--copy-paths %s ' own/*) to dvc exp run"
)


def run(dataset: str) -> None:
    """Bring the raw files of a data set into data/raw/<dataset>: all of them, or none.

    The parts of a composed data set come into a folder each.

    Parameters
    ----------
    dataset : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When the data set is unknown, a file is missing, cannot be downloaded, or is not what it should be.
    """
    declaration = registry.get(dataset)
    with files.whole_folder(paths.raw(dataset)) as folder:
        held = paths.raw(dataset)
        sources = [
            _bring(part.dataset, folder / part.dataset.name, held / part.dataset.name) for part in declaration.parts
        ]
        source = "; ".join(sources) if declaration.parts else _bring(declaration, folder, held)
        if dataset in params.sources() and declaration.parts:
            _record(dataset, folder)
        found = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in found)
    say(f"{dataset}: {len(found)} raw files, {size / 1e6:.1f} MB, {source}")


def _bring(declaration: DataSet, folder: Path, held: Path) -> str:
    """Bring the files of a data set that is not composed into a folder, checked; return where they came from.

    What an earlier fetch left lies in `held`.
    """
    folder.mkdir(exist_ok=True)
    if declaration.generate is not None:
        declaration.generate(folder)
        return "generated"
    if declaration.own_files:
        _copy_own(declaration, folder)
        return "your own"
    if os.environ.get(VARIABLE):
        archive = Path(os.environ[VARIABLE]).expanduser() / (declaration.archive or declaration.name)
        source = str(_copy(declaration, archive, folder))
    elif declaration.address is not None:
        source = _download_once(declaration, folder, held)
    else:
        raise FoldinError(
            f"the data set '{declaration.name}' cannot be downloaded by a program, and {VARIABLE} is not set",
            where=declaration.page,
            remedy=f"get it there, and set {VARIABLE} to a folder in which "
            f"{declaration.archive or declaration.name}/ holds {', '.join(declaration.files)}",
        )
    declaration.check_files(folder, source)
    return source


def _copy(dataset: DataSet, archive: Path, folder: Path) -> Path:
    public = dataset.source
    if not archive.is_dir():
        raise FoldinError(
            f"no folder for the data set '{dataset.name}' in the local archive",
            where=archive,
            remedy=f"put {', '.join(dataset.files)} there (public: {public}), or unset {VARIABLE} to download them",
        )
    names = [path.relative_to(archive).as_posix() for path in sorted(archive.rglob("*")) if path.is_file()]
    chosen = dataset.choose_files(names)
    if not chosen:
        absent = next(name for name in dataset.files if not any(fnmatch(found, name) for found in names))
        others = [", ".join(release.files) for release in dataset.other_releases]
        instead = f" (or, instead of {', '.join(dataset.files)}: {'; or '.join(others)})" if others else ""
        raise FoldinError(
            f"a file of the data set '{dataset.name}' is missing",
            where=archive / absent,
            remedy=f"copy it there from {public}{instead}",
        )
    for name in chosen:
        _copy_file(archive / name, folder / name)
    return archive


def _copy_own(dataset: DataSet, folder: Path) -> None:
    digests = {}
    mend = f"put it there, or mend sources.{dataset.name} in params.yaml"
    for name, path in dataset.own_files.items():
        if not path.is_file():
            raise FoldinError(
                f"the file of your data set '{dataset.name}' is missing",
                where=path.relative_to(paths.root()),
                remedy=COPY_THEM if EXPERIMENT in paths.root().as_posix() else mend,
            )
        log = path.with_name(path.name + "-wal")
        if log.is_file() and log.stat().st_size:
            raise FoldinError(
                "a program has written to this database and not finished: a copy would lose it",
                where=path.relative_to(paths.root()),
                remedy="close the program that uses it",
            )
        _copy_file(path, folder / name)
        digests[name] = files.sha256(folder / name)
    _record(dataset.name, folder, sha256=digests)


def _record(name: str, folder: Path, **more: dict[str, str]) -> None:
    """Write the declaration beside the files, so that its every change is a change of the raw data for `clean`."""
    # Not rounded as metrics are: a scale may have fine steps.
    record = {"declaration": params.sources()[name], **more}
    files.write_text(folder / OWN, json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False))


def _copy_file(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise FoldinError(
            f"cannot be copied ({error.strerror})",
            where=path,
            remedy="make it readable, and look for free disk space",
        ) from None


def _download_once(dataset: DataSet, folder: Path, held: Path) -> str:
    """Download, unless an earlier download from the same address is there, whole."""
    if (held / FETCHED).is_file():
        about = json.loads((held / FETCHED).read_text(encoding="utf-8"))
        digests: dict[str, str] = about.get("sha256", {})
        whole = all((held / name).is_file() and files.sha256(held / name) == right for name, right in digests.items())
        if about["address"] == dataset.address and whole:
            for name in (*digests, FETCHED):
                _copy_file(held / name, folder / name)
            return "downloaded before"
    source = _download(dataset, folder)
    digests = {path.name: files.sha256(path) for path in sorted(folder.iterdir())}
    files.write_json(folder / FETCHED, {"address": dataset.address, "sha256": digests})
    return source


def _download(dataset: DataSet, folder: Path) -> str:
    if isinstance(dataset.address, dict):
        for name, address in dataset.address.items():
            _reach(dataset, address, folder / name)
            _refuse_page(dataset, address, folder / name)
        return f"from {dataset.page}"
    address = str(dataset.address)
    with tempfile.TemporaryDirectory(dir=paths.scratch()) as scratch:
        packed = Path(scratch) / "archive.zip"
        _reach(dataset, address, packed)
        _unpack(dataset, packed, folder)
    return address


def _reach(dataset: DataSet, address: str, path: Path) -> None:
    """Save what is at an address, or say what to do where that cannot be."""
    step(f"{dataset.name}: downloading {address}")
    try:
        _save(address, path)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        reason = getattr(error, "reason", None) or error
        raise FoldinError(
            f"the data set '{dataset.name}' cannot be downloaded ({reason}), and {VARIABLE} is not set",
            where=address,
            remedy=f"connect to the network, or set {VARIABLE} to a folder in which {dataset.name}/ holds "
            f"{', '.join(dataset.files)}",
        ) from None


def _refuse_page(dataset: DataSet, address: str, path: Path) -> None:
    """Refuse a page in place of the data, which a proxy or a site that has moved may send."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    packed = path.suffix.lower() in packing.ENDINGS
    if start.startswith((b"<!doctype", b"<html")) or (packed and not sniffing.packed_by(path)):
        raise FoldinError(
            f"the download of '{dataset.name}' is a page or another file, not {path.name}",
            where=address,
            remedy=f"see {dataset.page}; get the original and set {VARIABLE}",
        )


def _save(address: str, path: Path) -> None:
    with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, files.naming(path), path.open("wb") as file:
        size = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            if done > LARGEST:
                what, remedy = f"the download has more than {LARGEST:,} bytes", f"get the original and set {VARIABLE}"
                raise FoldinError(what, where=address, remedy=remedy)
            tick(f"{address}: {done / 1e6:.1f} MB" + (f" of {size / 1e6:.1f}" if size else ""))
    if done < size:
        raise http.client.IncompleteRead(b"", size - done)


def _unpack(dataset: DataSet, packed: Path, folder: Path) -> None:
    # Only declared names are written, wherever they lie in the zip; so nothing in it can choose a path.
    try:
        with zipfile.ZipFile(packed) as archive:
            members = {Path(member).name: member for member in archive.namelist() if not member.endswith("/")}
            chosen = dataset.choose_files(sorted(members))
            if not chosen:
                absent = next(name for name in dataset.files if not any(fnmatch(found, name) for found in members))
                raise FoldinError(
                    f"the download of '{dataset.name}' holds no {absent}",
                    where=str(dataset.address),
                    remedy=f"the archive has changed; get the original and set {VARIABLE}",
                )
            size = sum(archive.getinfo(members[name]).file_size for name in chosen)
            if size > MOST_TIMES * packed.stat().st_size:
                raise FoldinError(
                    f"the download of '{dataset.name}' would unpack to {size / 1e9:,.2f} GB, more than {MOST_TIMES} "
                    "times its size",
                    where=str(dataset.address),
                    remedy=f"it is not the original; get that and set {VARIABLE}",
                )
            for name in chosen:
                target = folder / name
                # zipfile reads no more of a member than the size that was added up.
                with archive.open(members[name]) as source, files.naming(target), target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise FoldinError(
            f"the download of '{dataset.name}' is no whole zip archive ({error})",
            where=str(dataset.address),
            remedy="try again; a proxy or a full disk may have cut it short",
        ) from None
