"""Rate a few titles and get a list, in a notebook: notebooks/try_it.ipynb. The same as `foldin rate`, as tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from foldin.core import interactions
from foldin.recommend import lists, names, saved, why
from foldin.recommend.new_user import Ratings, scale_text


def popular(dataset: str, n: int = 20) -> pd.DataFrame:
    """Return the items that most people rated, by which somebody new can say what they like.

    Parameters
    ----------
    dataset : str
        The data set.
    n : int, optional
        How many.

    Returns
    -------
    pandas.DataFrame
        `title`, `domain`, `genres` and the scale of `ratings`, by item id; items rated equally often by item id.
    """
    training = interactions.load(names.dataset(dataset)).training
    counts = np.bincount(training.ratings.indices, minlength=training.n_items)
    first = np.argsort(-counts, kind="stable")[:n]
    table = training.items.iloc[first].set_index("item_id")[["title", "domain", "genres"]].fillna("")
    ratings = Ratings(dataset, training)
    table["ratings"] = ["counts" if ratings.implicit else scale_text(ratings.scale(int(item))) for item in first]
    return table


def rate(dataset: str, mine: Mapping[str, float], model: str | None = None, k: int = 10) -> pd.DataFrame:
    """Return the list of somebody new by their ratings, folded into a saved model without training it again.

    Parameters
    ----------
    dataset : str
        The data set.
    mine : mapping of str to float
        Title or item id → rating, on the scale of the data set.
    model : str, optional
        The model; the best ranking model of the leaderboard unless given.
    k : int, optional
        Length of the list.

    Returns
    -------
    pandas.DataFrame
        Title, domain and score of each item, best first, and the rated title that speaks most for it, where one does.

    Raises
    ------
    FoldinError
        When there is no such data set, model, item or rating; when the model is not trained yet; when it cannot fold
        in.
    """
    data = names.dataset(dataset)
    found = saved.open_saved(data, model or saved.by_rank(data)[0])
    ratings, items = Ratings(data, found.training), found.training.items
    for title, rating in mine.items():
        ratings.add(names.item(items, title, data), f"{rating:g}")
    row = ratings.row()
    places, scores = lists.by_fold_in(found, row, names.length(k))
    table = pd.DataFrame(
        {
            "title": [lists.title_of(items, int(place)) for place in places],
            "domain": items["domain"].iloc[places].to_numpy(),
            "score": lists.written(scores),
        },
        index=pd.RangeIndex(1, len(places) + 1, name=found.name),
    )
    reasons = why.reasons(found, row, places).by_item
    if any(reasons):
        table["because of"] = [lists.title_of(items, some[0].item) if some else "" for some in reasons]
    return table
