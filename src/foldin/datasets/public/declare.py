"""Makes a data set of a declaration as under `sources` in params.yaml, with what is known of a published source."""

from functools import partial
from pathlib import Path
from typing import Any

from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT, Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.own import declared
from foldin.datasets.own.schema import OwnData
from foldin.datasets.releases import Counts


def public(
    name: str,
    declaration: dict[str, Any],
    *,
    licence: str,
    page: str,
    address: str | dict[str, str] | None = None,
    counts: Counts | None = None,
) -> DataSet:
    """Return the declaration of a published data set.

    Parameters
    ----------
    name : str
        What users type.
    declaration : dict
        How to read it, as `OwnData`; files by their published names. Its table of items may be absent.
    licence : str
        One line: under what terms it may be used.
    page : str
        Where its terms and files are found.
    address : str or dict of str to str, optional
        Where a program may download it: a zip archive, or file → address. Without it, users download it themselves.
    counts : Counts, optional
        Known counts, of the rows that are read.
    """
    data = OwnData.model_validate(declaration)
    lowest, highest, step = data.scale or (0.0, 0.0, 0.0)
    return DataSet(
        name=name,
        about=ABOUT[name],
        scale=IMPLICIT if data.feedback == "implicit" else Scale(float(lowest), float(highest), float(step)),
        domains=(data.domain,),
        licence=licence,
        redistributable=False,
        files={data.name: None},
        optional=(data.items.name,) if data.items else (),
        read=partial(_read, data, name),
        address=address,
        page=page,
        counts=counts,
        people=data.people,
        zero_is_implicit=data.zero_is_implicit,
        events_per_pair=data.events_per_pair,
        keeps_repeats=data.repeats == "keep",
    )


def _read(data: OwnData, name: str, folder: Path) -> RawTables:
    if data.items is not None and not (folder / data.items.name).is_file():
        data = data.model_copy(update={"items": None})
    try:
        return declared.read(data, name, folder)
    except FoldinError as error:
        # What the user can mend is the file, or a parameter; the declaration is ours.
        if error.where == "params.yaml" and f"{name}." not in error.what:
            raise
        what, remedy, file = error.what, error.remedy or "", error.where
        if error.where == "params.yaml":
            file = data.items.name if data.items and f"{name}.items." in what else data.name
            what = what.replace(f"{name}.", "its ", 1)
        if "make install" not in remedy:
            remedy = "the file is damaged, or of another release than the one that is known"
            remedy += "; or raise clean.bad_lines" if "are not as declared" in what else ""
        raise FoldinError(what, where=f"data/raw/{name}/{file or data.name}", remedy=remedy) from None
