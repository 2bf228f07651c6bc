"""What notebooks/explore.ipynb shows: who rated what, how much, when and how.

It describes the whole of data/clean, the test part included, so nothing here may reach a training stage; none imports
it. No plot needs a matrix of all users by all items: cells are counted in blocks.
"""

import json
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from foldin.core import files, paths
from foldin.core.ids import categories
from foldin.datasets import registry
from foldin.datasets.declaration import DataSet
from foldin.preparation.account import PARTS
from foldin.report import plots

BLOCKS = 150
"""Rows and columns of the picture of filled cells, at most."""


@dataclass(frozen=True)
class Profile:
    """The canonical tables of a data set, ids as whole numbers.

    Attributes
    ----------
    dataset : DataSet
        The declaration.
    users, items : ndarray of int32, shape (n,)
        Codes of each rating's user and item, from 0.
    ratings : ndarray of float32, shape (n,)
        In the data set's own unit.
    timestamps : pandas.Series of Int64
        Seconds UTC, missing where unknown.
    domains : ndarray of str, shape (n_items,)
        The domain of each item.
    account : dict
        The account of cleaning.
    """

    dataset: DataSet
    users: npt.NDArray[np.int32]
    items: npt.NDArray[np.int32]
    ratings: npt.NDArray[np.float32]
    timestamps: "pd.Series[int]"
    domains: npt.NDArray[np.str_]
    account: dict[str, Any]


def open_profile(dataset: str) -> Profile:
    """Return the profile of a data set; the first call of notebooks/explore.ipynb.

    Raises
    ------
    FoldinError
        When the stage `clean` has not run.
    """
    folder, account = paths.clean(dataset), paths.account(dataset, "cleaning")
    files.require(dataset, "clean", "canonical tables", folder, account)
    table = pd.read_parquet(folder / "ratings.parquet")
    about = pd.read_parquet(folder / "items.parquet", columns=["item_id", "domain"])
    users, items = (categories(table[name]) for name in ("user_id", "item_id"))
    domains = about.set_index("item_id")["domain"].reindex(items.categories).to_numpy(dtype=str)
    return Profile(
        dataset=registry.get(dataset),
        users=users.codes.astype(np.int32),
        items=items.codes.astype(np.int32),
        ratings=table["rating"].to_numpy(np.float32),
        timestamps=table["timestamp"],
        domains=domains,
        account=json.loads(account.read_text(encoding="utf-8")),
    )


def summary(profile: Profile) -> dict[str, float]:
    """Return the numbers that say how large, how full and how uneven the data are."""
    by_user, by_item = _sizes(profile.users), _sizes(profile.items)
    return {
        "users": len(by_user),
        "items": len(by_item),
        "ratings": len(profile.ratings),
        "density": len(profile.ratings) / (len(by_user) * len(by_item)),
        "ratings_per_user_median": float(np.median(by_user)),
        "ratings_per_user_most": int(by_user.max()),
        "ratings_per_item_median": float(np.median(by_item)),
        "ratings_per_item_most": int(by_item.max()),
        "items_rated_once": int((by_item == 1).sum()),
        "share_of_ratings_on_top_percent_of_items": float(_top_share(by_item)),
        "rating_mean": float(profile.ratings.mean(dtype=np.float64)),
        "rating_standard_deviation": float(profile.ratings.std(dtype=np.float64)),
        "share_with_time": float(profile.timestamps.notna().mean()),
    }


def keep(profile: Profile) -> None:
    """Write the summary to reports/<dataset>/profile.json."""
    files.write_json(paths.reports(profile.dataset.name) / "profile.json", summary(profile))


def summary_table(profile: Profile) -> pd.DataFrame:
    """Return the summary as a table."""
    shown = {name.replace("_", " "): _shown(name, value) for name, value in summary(profile).items()}
    return pd.DataFrame({profile.dataset.name: shown})


def cleaning_table(profile: Profile) -> pd.DataFrame:
    """Return what cleaning did to each table, a row for each reason that held at least once, and so of each part."""
    rows = []
    accounts = {table: account for table, account in profile.account.items() if table != PARTS}
    for domain, of_part in profile.account.get(PARTS, {}).items():
        accounts |= {f"{table} of {domain}": account for table, account in of_part.items()}
    for table, account in accounts.items():
        rows.append((table, "rows in", "", account["rows_in"]))
        for what in ("dropped", "changed", "kept"):
            reasons = sorted(account.get(what, {}).items())
            rows += [(table, what, reason.replace("_", " "), count) for reason, count in reasons if count]
        odd = sorted(account.get("alarms", {}).items())
        rows += [(table, "alarm", name.replace("_", " "), count) for name, count in odd]
        if account.get("added_without_description"):
            rows.append((table, "added", "without description", account["added_without_description"]))
        rows.append((table, "rows out", "", account["rows_out"]))
    found = pd.DataFrame(rows, columns=["table", "what", "why", "rows"])
    return found.assign(rows=found["rows"].map("{:,}".format)).set_index(["table", "what"])


def domain_table(profile: Profile) -> pd.DataFrame:
    """Return users, items, ratings, density, mean and spread of ratings, a row for each domain."""
    rows = {}
    for domain in sorted(set(profile.domains)):
        of_it = (profile.domains == domain)[profile.items]
        users, items = (len(np.unique(codes[of_it])) for codes in (profile.users, profile.items))
        ratings = profile.ratings[of_it].astype(np.float64)
        rows[domain] = {
            "users": f"{users:,}",
            "items": f"{items:,}",
            "ratings": f"{len(ratings):,}",
            "density": f"{len(ratings) / (users * items):.2%}",
            "mean rating": f"{ratings.mean():.2f}",
            "standard deviation": f"{ratings.std():.2f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def ratings_plot(profile: Profile) -> Figure:
    """Draw how often each rating was given; of counts, or scales without steps, a histogram."""
    figure, axis = plt.subplots(figsize=(6.4, 3.6), constrained_layout=True)
    step = profile.dataset.scale.step
    if profile.dataset.feedback == "explicit" and step:
        values, counts = np.unique(profile.ratings, return_counts=True)
        axis.bar(values, counts / counts.sum(), width=0.8 * step, color=plots.COLOURS[0])
        axis.set_xlabel("rating")
    else:
        weights = np.full(len(profile.ratings), 1 / len(profile.ratings))
        axis.hist(profile.ratings, bins=40, weights=weights, color=plots.COLOURS[0])
        axis.set_xlabel("log(1 + count)" if profile.dataset.feedback == "implicit" else "rating")
    axis.set_ylabel("share of ratings")
    return _closed(figure)


def tails_plot(profile: Profile) -> Figure:
    """Draw, on logarithmic axes, the share of users and of items with at least so many ratings."""
    figure, axis = plt.subplots(figsize=(6.4, 4.0), constrained_layout=True)
    for place, (name, codes) in enumerate({"users": profile.users, "items": profile.items}.items()):
        sizes, counts = np.unique(_sizes(codes), return_counts=True)
        at_least = counts[::-1].cumsum()[::-1] / counts.sum()
        axis.plot(sizes, at_least, color=plots.COLOURS[place], ls=("-", "--")[place], label=name)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("number of ratings n")
    axis.set_ylabel("share with at least n ratings")
    axis.legend()
    return _closed(figure)


def timeline_plot(profile: Profile) -> Figure | None:
    """Draw ratings by month, and the month of each user's first rating; None where no rating has a time."""
    known = profile.timestamps.notna().to_numpy()
    if not known.any():
        return None
    months = profile.timestamps.to_numpy(np.int64, na_value=0)[known].astype("datetime64[s]").astype("datetime64[M]")
    places = (months - months.min()).astype(np.int64)
    first = np.full(int(profile.users.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, profile.users[known], places)
    n = int(places.max()) + 1
    starts = np.arange(months.min(), months.max() + 2).astype("datetime64[D]")
    newcomers = np.bincount(first[first < np.iinfo(np.int64).max], minlength=n)
    figure, axes = plt.subplots(2, 1, figsize=(6.4, 4.6), sharex=True, constrained_layout=True)
    series = {"ratings a month": np.bincount(places, minlength=n), "new users a month": newcomers}
    for place, (axis, (label, counts)) in enumerate(zip(axes, series.items(), strict=True)):
        axis.fill_between(starts, np.append(counts, counts[-1]), step="post", color=plots.COLOURS[place])
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter("{x:,.0f}")
    locator = AutoDateLocator(minticks=2, maxticks=7)  # type: ignore[no-untyped-call]
    axes[1].xaxis.set_major_locator(locator)
    axes[1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes[1].set_xlabel("month")
    return _closed(figure)


def sparsity_plot(profile: Profile) -> Figure:
    """Draw how full the user-item matrix is, block by block, most active users on top, most rated items on the left."""
    filled = filled_blocks(profile.users, profile.items)
    figure, axis = plt.subplots(figsize=(6.8, 4.8), constrained_layout=True)
    image = axis.imshow(
        np.ma.masked_equal(filled, 0),
        norm=LogNorm(vmin=max(filled[filled > 0].min(), 1e-6), vmax=1),
        cmap="cividis",
        aspect="auto",
        extent=(0, 100, 100, 0),
        interpolation="none",
    )
    axis.set_facecolor("white")
    axis.grid(visible=False)
    axis.set_xlabel("items, most rated first (% of all)")
    axis.set_ylabel("users, most active first (% of all)")
    figure.colorbar(image, ax=axis, label="share of cells rated (white: none)")
    return _closed(figure)


def filled_blocks(
    users: npt.NDArray[np.int32], items: npt.NDArray[np.int32], blocks: int = BLOCKS
) -> npt.NDArray[np.float64]:
    """Return the share of filled cells in each block of the user-item matrix, both sides sorted by number of ratings.

    Parameters
    ----------
    users, items : ndarray of int32, shape (n,)
        Codes from 0 that all occur; a pair occurs once.
    blocks : int
        Rows and columns of the answer, at most.

    Returns
    -------
    ndarray of float64, shape (rows, columns)
        0 to 1; the most active users and the most rated items come first.
    """
    places, widths = [], []
    for codes in (users, items):
        sizes = _sizes(codes)
        rank = np.empty(len(sizes), dtype=np.int64)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        n = min(blocks, len(sizes))
        block_of = rank * n // len(sizes)
        places.append(block_of[codes])
        widths.append(np.bincount(block_of, minlength=n))
    rows, columns = map(len, widths)
    counts = np.bincount(places[0] * columns + places[1], minlength=rows * columns).reshape(rows, columns)
    return np.asarray(counts / np.outer(*widths))


def _sizes(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.bincount(codes)


def _top_share(sizes: npt.NDArray[np.int64]) -> float:
    top = max(1, round(len(sizes) / 100))
    return float(np.sort(sizes)[-top:].sum() / sizes.sum())


def _shown(name: str, value: float) -> str:
    if name == "density" or name.startswith("share"):
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".removesuffix(".00")


def _closed(figure: Figure) -> Figure:
    # Jupyter shows every open plot after a cell, and the cell's value once more.
    plt.close(figure)
    return figure
