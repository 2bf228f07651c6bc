"""Example users: what they liked, what models recommend, and what they then rated.

Only generated users may stand on a page that is in git. A local page, which git ignores, shows real ones.
"""

from typing import Any

import numpy as np
import pandas as pd

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.report import contents, results, verdict
from foldin.report.contents import Findings
from foldin.report.html.columns import rounded

USERS = 20
LOCAL_USERS = 200
"""On a local page, which need not be small."""
LIKED = 8
"""Best-rated training items shown of each user."""
HELD_OUT = 12
"""Test ratings shown of each user, highest first."""
MODELS = 5


def collect(findings: Findings, *, local: bool = False) -> dict[str, Any]:
    """Return the examples.

    Parameters
    ----------
    findings : Findings
        As `contents.open_report` gives them.
    local : bool, optional
        For a page that stays on this machine: real users may be on it, and more of them, under their ids.

    Returns
    -------
    dict
        `items` (id → title and domain), `models` (whose lists are shown), `rater` (the model whose predictions are
        shown, or None), and `users`: `ratings` (how many in training), `liked` (id and rating), `lists` (for each
        model pairs of an id and 1 for a hit, else 0) and `held_out` (id, rating and predicted rating). Users are
        numbered by activity; their ids are left out, but for `id` on a local page.

    Raises
    ------
    FoldinError
        When the users are real, and the page is not local.
    """
    dataset = findings.dataset
    if not dataset.generate and not local:
        raise FoldinError(f"the users of '{dataset.name}' are real", remedy="show examples of generated data sets only")
    names = _models(findings)
    held, lists = _held_out(findings), _lists(findings, names)
    ratings = pd.read_parquet(paths.clean(dataset.name) / "ratings.parquet", columns=["user_id", "item_id", "rating"])
    known = held.merge(ratings, on=["user_id", "item_id"], how="right", indicator=True, suffixes=("_test", ""))
    known = known.loc[known["_merge"] == "right_only", ["user_id", "item_id", "rating"]]
    if verdict.liked_only(findings):
        share = params.section(params.Evaluation).liked_share
        known = known[known["rating"] >= dataset.scale.liked_from(share)]
    counts = known[known["user_id"].isin(set(lists["user_id"]))].groupby("user_id").size().sort_values(kind="stable")
    n_users = min(LOCAL_USERS if local else USERS, len(counts))
    shown_users = counts.index[np.unique(np.linspace(0, len(counts) - 1, n_users).round().astype(int))]
    known, held, lists = (table[table["user_id"].isin(shown_users)] for table in (known, held, lists))
    chosen: list[dict[str, Any]] = []
    for user in shown_users:
        own = held[held["user_id"] == user]
        chosen.append(
            ({"id": str(user)} if local else {})
            | {
                "ratings": int(counts[user]),
                "liked": _rows(known[known["user_id"] == user], LIKED),
                "lists": _by_model(lists[lists["user_id"] == user], names, set(own["item_id"])),
                "held_out": _rows(own, HELD_OUT),
            }
        )
    rows = [row for user in chosen for part in (user["liked"], user["held_out"], *user["lists"]) for row in part]
    shown = {row[0] for row in rows}
    items = pd.read_parquet(paths.clean(dataset.name) / "items.parquet").set_index("item_id")
    titles = items.loc[sorted(shown), ["title", "domain"]].astype(str)
    return {
        "items": {str(row.Index): [row.title, row.domain] for row in titles.itertuples()},
        "models": names,
        "rater": findings.best_rater,
        "users": chosen,
    }


def _models(findings: Findings) -> list[str]:
    """Return the best ranking models of different families, and the references that rank best."""
    ranked = results.best_first(findings.board, findings.ndcg)
    contenders = ranked[ranked["kind"] == "model"].drop_duplicates("family")
    baselines = ranked[ranked["kind"] == "baseline"]
    return [*contenders["model"][: MODELS - 1], *baselines["model"][:1]]


def _lists(findings: Findings, names: list[str]) -> pd.DataFrame:
    files = [paths.predictions(findings.dataset.name, family) for family in params.families()]
    files = [folder / "recommendations.parquet" for folder in files]
    tables = [pd.read_parquet(file) for file in files if file.is_file()]
    lists = pd.concat([table[table["model"].isin(names)] for table in tables], ignore_index=True)
    return lists[lists["rank"] <= findings.settings.recommendations]


def _held_out(findings: Findings) -> pd.DataFrame:
    """Return the test ratings, with the predictions of the best rating model if there is one."""
    rater = findings.best_rater
    if rater is None:
        return contents.held_out(findings)[["user_id", "item_id", "rating"]]
    family = findings.board.set_index("model")["family"][rater]
    table = pd.read_parquet(paths.predictions(findings.dataset.name, family) / "ratings.parquet")
    return table[["user_id", "item_id", "rating", rater]].rename(columns={rater: "predicted"})


def _rows(ratings: pd.DataFrame, most: int) -> list[list[Any]]:
    """Return id, rating and, where there is one, predicted rating of the highest ratings, ties by id."""
    rows = ratings.sort_values(["rating", "item_id"], ascending=[False, True], kind="stable").head(most)
    numbers = [name for name in ("rating", "predicted") if name in rows]
    return [[str(row["item_id"]), *(rounded(float(row[name])) for name in numbers)] for row in rows.to_dict("records")]


def _by_model(lists: pd.DataFrame, names: list[str], held: set[str]) -> list[list[list[Any]]]:
    ordered = lists.sort_values("rank")
    return [
        [[str(item), int(item in held)] for item in ordered.loc[ordered["model"] == name, "item_id"]] for name in names
    ]
