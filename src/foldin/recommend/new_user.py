"""`foldin rate`: the ratings of somebody new, from a CSV file, as a row that every model can fold in."""

import csv
import io
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import Interactions, Scale
from foldin.datasets import registry
from foldin.datasets.composition import to_shares
from foldin.recommend import names

COLUMNS = ("item", "rating")


class Ratings:
    """The ratings of somebody new, checked one by one.

    Parameters
    ----------
    dataset : str
        The data set.
    training : Interactions
        Its training part, whose items can be rated.
    """

    def __init__(self, dataset: str, training: Interactions) -> None:
        declared = registry.get(dataset)
        self.dataset, self.training = dataset, training
        self.implicit = training.scale.feedback == "implicit"
        self.liked_only = self.implicit and declared.scale.feedback != "implicit"
        # Ratings of several domains are shares of their scales; people give stars.
        shared = declared.normalized and not self.implicit
        self._own_scales = {part.domain: part.dataset.scale for part in declared.parts} if shared else {}
        self._values: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, item: int) -> bool:
        return item in self._values

    def scale(self, item: int) -> Scale:
        """Return the scale that an item is rated on."""
        return self._own_scales.get(str(self.training.items["domain"].iloc[item]), self.training.scale)

    def add(self, item: int, rating: str) -> None:
        """Add a rating, or replace the one that the item has.

        Parameters
        ----------
        item : int
            Index of the item.
        rating : str
            As typed. For implicit feedback a count, of which an empty one is 1.

        Raises
        ------
        FoldinError
            When it is no rating on the item's scale.
        """
        self._values[item] = self._counted(rating) if self.implicit else self._rated(item, rating)

    def row(self) -> sparse.csr_array:
        """Return the ratings as a matrix, shape (1, n_items), in the unit of the training part.

        Raises
        ------
        FoldinError
            When there are none.
        """
        if not self._values:
            raise FoldinError("nothing was rated", remedy="give at least one item")
        items = np.array(sorted(self._values), dtype=np.int32)
        values = np.array([self._values[item] for item in items], dtype=np.float32)
        starts = np.array([0, len(items)], dtype=np.int32)
        return sparse.csr_array((values, items, starts), shape=(1, self.training.n_items))

    def shown(self, item: int) -> str:
        """Return what the scale of an item is called in a question: "0.5 to 5 in steps of 0.5"."""
        return "count; empty: 1" if self.implicit else scale_text(self.scale(item))

    def _rated(self, item: int, rating: str) -> float:
        scale, value = self.scale(item), _number(rating)
        steps = (value - scale.lowest) / scale.step if scale.step else 0.0
        if not scale.lowest <= value <= scale.highest or abs(steps - round(steps)) > 1e-6:
            title = self.training.items["item_id"].iloc[item]
            raise FoldinError(f"'{rating}' is no rating of {title}", remedy=f"ratings are {scale_text(scale)}")
        return float(to_shares(pd.Series([value]), scale).iloc[0]) if self._own_scales else value

    def _counted(self, rating: str) -> float:
        if self.liked_only and rating.strip():
            what = f"'{rating}' is given as a rating, and only liked items count here (split.liked_only)"
            raise FoldinError(what, remedy="list the items liked, without ratings")
        count = _number(rating) if rating.strip() else 1.0
        if not 0 < count < 1e9:
            raise FoldinError(f"'{rating}' is no count", remedy="give a number above 0, or none for 1")
        return math.log1p(count)


def scale_text(scale: Scale) -> str:
    """Return a scale in words."""
    steps = f" in steps of {scale.step:g}" if scale.step else ""
    return f"{scale.lowest:g} to {scale.highest:g}{steps}"


def read(file: Path, dataset: str, training: Interactions) -> Ratings:
    """Read the ratings of somebody new from a CSV file with the columns item and rating.

    Parameters
    ----------
    file : Path
        The file; "-" is standard input. `item` holds ids or exact titles. The column `rating` may be missing for
        implicit feedback.
    dataset : str
        The data set.
    training : Interactions
        Its training part.

    Raises
    ------
    FoldinError
        On the first line that is not right: names file, line, value and remedy.
    """
    ratings = Ratings(dataset, training)
    place, seen = "standard input" if str(file) == "-" else str(file), dict[int, int]()
    reader = csv.DictReader(io.StringIO(_text(file, place), newline=""), strict=True)
    try:
        _check_columns(list(reader.fieldnames or []), place, implicit=ratings.implicit)
        for row in reader:
            line = f"{place}, line {reader.line_num}"
            if None in row or None in row.values():
                what = f"has {len(row) - 1 + len(row.get(None) or []) if None in row else 'too few'} fields"
                remedy = f"write: {','.join(reader.fieldnames or [])}"
                if None in row:
                    remedy += ", and put a title that has a comma between double quotes"
                raise FoldinError(what, where=line, remedy=remedy)
            try:
                item = names.item(training.items, row["item"], dataset)
                if item in ratings:
                    raise FoldinError(f"'{row['item']}' is also on line {seen[item]}", remedy="rate it once")
                ratings.add(item, row.get("rating") or "")
            except FoldinError as error:
                raise FoldinError(error.what, where=line, remedy=error.remedy) from None
            seen[item] = reader.line_num
    except csv.Error as error:
        raise FoldinError(f"line {reader.line_num} is no CSV ({error})", where=place, remedy="mend it") from None
    if not len(ratings):
        raise FoldinError("holds no ratings", where=place, remedy="give an item on each line below the first")
    return ratings


def _text(file: Path, place: str) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise FoldinError("no such file", where=place, remedy="name a CSV file with the columns item,rating") from None
    except IsADirectoryError:
        raise FoldinError("is a folder", where=place, remedy="name a CSV file in it") from None
    except UnicodeDecodeError:
        raise FoldinError("is no UTF-8 text", where=place, remedy="save it as UTF-8") from None


def _check_columns(header: list[str], place: str, *, implicit: bool) -> None:
    needed = COLUMNS[:1] if implicit else COLUMNS
    if len(set(header)) == len(header) and {*needed} <= {*header} <= {*COLUMNS}:
        return
    optional = " (rating may be missing)" if implicit else ""
    said = ",".join(header)[:60] or "nothing"
    raise FoldinError(f"the first line is '{said}'", where=place, remedy=f"it must be: item,rating{optional}")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FoldinError(f"'{text}' is no number" if text.strip() else "a rating is missing", remedy="give a number")
    return value
