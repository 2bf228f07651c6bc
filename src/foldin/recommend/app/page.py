"""The page of the app: `show` runs from top to bottom at each change of a field.

It computes nothing itself: lists, reasons and fold-in are those of `foldin recommend` and `foldin rate`.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from scipy import sparse

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import Interactions, Scale
from foldin.recommend import lists, names, new_user, prompt, saved
from foldin.recommend.app import serve, tables
from foldin.recommend.saved import Saved

BEST_RATED = 5
"""Titles of a user that are shown, at most."""
SELECTABLE = 5_000
"""Users or items that a browser lists at once; of more, those are listed that hold a text."""
UNTOUCHED = "The models are those that dvc repro trained; nothing is trained here, and no test rating is read."
CHANGED = "The training part has changed: users, titles and lists are those of the new one."
MODELS_IN_MEMORY = 4
LOCK = threading.Lock()
"""Numba's threads and Keras serve one tab of the browser at a time."""
Somebody = int | tuple[tuple[int, str], ...]
"""A user by index, or the ratings of somebody new: items and what was typed."""
Shown = tuple[dict[str, Sequence[str]], list[str]]
"""A list as columns, and notes."""
Stamps = tuple[str, str]
"""Of a training part, and of a model that was fitted on it."""


def show(dataset: str) -> None:
    """Show the page for a data set."""
    st.set_page_config(page_title=f"{dataset}: recommendations", layout="wide")
    st.html(tables.STYLE)
    st.title("Recommendations of two models")
    try:
        models = serve.ranking(dataset)
        training = _opened(dataset, models[0]).training
    except FoldinError as error:
        st.html(tables.paragraph(str(error), "alert"))
        return
    now = serve.stamp(paths.user_item(dataset))
    if st.session_state.setdefault("training", now) != now:
        st.session_state["training"] = now
        st.html(tables.paragraph(CHANGED, "alert"))
    st.html(tables.paragraph(f"{dataset}: {training.n_users:,} users, {training.n_items:,} items. {UNTOUCHED}"))
    known = st.radio("Recommend to", ["a user", "somebody new"], horizontal=True) == "a user"
    somebody: Somebody | None = None
    try:
        somebody = _user(dataset, training) if known else _new(dataset, training)
    except FoldinError as error:
        st.html(tables.paragraph(str(error), "alert"))
    choices = st.columns(4)
    chosen = [
        choices[place].selectbox(label, models, index=min(place, len(models) - 1))
        for place, label in enumerate(("First model", "Second model"))
    ]
    k = int(choices[2].number_input("Items in a list", 1, 50, 10))
    explain = choices[3].checkbox("Say why", value=True)
    if somebody is not None:
        _compare(dataset, chosen, somebody, k, explain=explain)


def _user(dataset: str, training: Interactions) -> int | None:
    """Ask for a user; show what they rated best."""
    ids = training.users["user_id"]
    if len(ids) <= SELECTABLE:
        name = st.selectbox("User", ids.to_list())
    else:
        name = st.text_input("User, by the data set's own id", value=str(ids.iloc[0])).strip()
    if not name:
        return None
    user = names.user(training.users, name, dataset)
    row = training.ratings[[user]]
    # Among equal ratings, the lower item id comes first.
    best = np.argsort(-row.data, kind="stable")[:BEST_RATED]
    items = training.items
    columns: dict[str, Sequence[str]] = {
        "item": [str(items["item_id"].iloc[row.indices[place]]) for place in best],
        "title": [lists.title_of(items, int(row.indices[place])) for place in best],
    }
    if training.scale.feedback != "implicit":
        columns["rating"] = [f"{row.data[place]:g}" for place in best]
    with st.expander(f"Best rated of {row.nnz:,} training ratings", expanded=True):
        st.html(tables.html(f"What {name} rated best", columns))
    return user


def _new(dataset: str, training: Interactions) -> tuple[tuple[int, str], ...] | None:
    """Ask for titles and ratings."""
    now = serve.stamp(paths.user_item(dataset))
    labels = _labels(dataset, now)
    listed = list(range(len(labels)))
    # Places of items: in another training part they mean other items.
    key = f"titles {now}"
    before = list(st.session_state.get(key, []))
    if len(labels) > SELECTABLE:
        part = st.text_input("Part of a title").strip()
        listed = sorted({*before, *(prompt.meant(training.items, part)[:SELECTABLE] if part else [])})
    rated = st.multiselect(
        "Titles you know",
        listed,
        format_func=labels.__getitem__,
        key=key,
        placeholder="Type a part of a title",
        # Else the Enter key would choose all titles that hold the text.
        select_all=False,
    )
    ratings = new_user.Ratings(dataset, training)
    if not rated:
        st.html(tables.paragraph("Choose at least one title; three to ten make a fair start."))
        return None
    columns = st.columns(3)
    return tuple((item, _rating(ratings, item, labels[item], columns[n % 3])) for n, item in enumerate(sorted(rated)))


def _rating(ratings: new_user.Ratings, item: int, title: str, place: "st.delta_generator.DeltaGenerator") -> str:
    label, key = tables.plain(title), f"rating {item} {st.session_state['training']}"
    if ratings.liked_only:
        place.html(tables.paragraph(f"liked: {title}"))
        return ""
    if ratings.implicit:
        return str(place.number_input(f"{label} (count)", 1, value=1, key=key))
    scale = ratings.scale(item)
    if values := steps(scale):
        return str(place.select_slider(label, values, value=values[len(values) * 3 // 4], key=key))
    return str(place.slider(label, float(scale.lowest), float(scale.highest), key=key))


def steps(scale: Scale) -> list[str]:
    """Return the ratings of a scale, as typed; none where it has no steps."""
    if not scale.step:
        return []
    n = round((scale.highest - scale.lowest) / scale.step)
    return [f"{scale.lowest + place * scale.step:g}" for place in range(n + 1)]


def _compare(dataset: str, models: Sequence[str], somebody: Somebody, k: int, *, explain: bool) -> None:
    """Show the lists of two models side by side; their reasons, which take longer, when both lists are there."""
    places = []
    for model, column in zip(models, st.columns(2), strict=True):
        with column:
            st.html(tables.heading(model))
            places.append(st.empty())
    shared = st.empty()
    found: dict[int, Shown] = {}
    for explained in (False, True) if explain else (False,):
        for number, (model, place) in enumerate(zip(models, places, strict=True)):
            if explained and number not in found:
                continue  # what kept its list from being made is shown in its place
            try:
                with st.spinner(f"{model}: computing {'reasons' if explained else 'the list'} …"):
                    found[number] = _list(dataset, model, _stamps(dataset, model), somebody, k, explained)
            except FoldinError as error:
                place.html(tables.paragraph(str(error), "alert"))
                continue
            columns, notes = found[number]
            table = tables.html(f"Recommendations of {model}", columns) if columns else ""
            place.html(table + "".join(map(tables.paragraph, notes)))
        if len(found) == 2 and models[0] != models[1]:
            first, second = ([*found[number][0].get("item", [])] for number in (0, 1))
            shared.html(tables.paragraph(f"{len({*first} & {*second})} of {len(first)} items are on both lists."))


@st.cache_data(max_entries=200, show_spinner=False)
def _list(dataset: str, model: str, stamps: Stamps, somebody: Somebody, k: int, explain: bool) -> Shown:
    with LOCK:
        found = _loaded(dataset, model, stamps)
        rated = _ratings(dataset, found.training, somebody)
        if isinstance(somebody, int):
            items, scores = lists.of_user(found, somebody, k)
        else:
            items, scores = lists.by_fold_in(found, rated, k)
        if not len(items):
            return {}, [lists.NOTHING_LEFT]
        return lists.described(found, items, scores, rated if explain else None)


def _ratings(dataset: str, training: Interactions, somebody: Somebody) -> sparse.csr_array:
    if isinstance(somebody, int):
        return training.ratings[[somebody]]
    ratings = new_user.Ratings(dataset, training)
    for item, rating in somebody:
        ratings.add(item, rating)
    return ratings.row()


def _stamps(dataset: str, model: str) -> Stamps:
    """Return what changes when a model or its training part does, so that what is in memory is of the files."""
    folder = paths.models(dataset, names.families_of_models()[model]) / model
    return serve.stamp(paths.user_item(dataset)), serve.stamp(folder)


def _opened(dataset: str, model: str) -> Saved:
    found: Saved = _loaded(dataset, model, _stamps(dataset, model))
    return found


@st.cache_resource(max_entries=MODELS_IN_MEMORY, show_spinner="Loading the model …")
def _loaded(dataset: str, model: str, stamps: Stamps) -> Saved:
    try:
        found = saved.open_saved(dataset, model)
    except FileNotFoundError as error:
        what = f"{error.filename} has just been removed, as a stage does that is about to write it"
        raise FoldinError(what, remedy="try again when dvc repro has ended") from None
    # All models of a data set share one training part.
    return replace(found, training=_training(dataset, stamps[0], found))


@st.cache_resource(max_entries=1, show_spinner=False)
def _training(dataset: str, stamp: str, _found: Saved) -> Interactions:
    return _found.training


@st.cache_resource(max_entries=1, show_spinner=False)
def _labels(dataset: str, stamp: str) -> list[str]:
    """Return a name for each item: its title, with the id where several have it."""
    with LOCK:
        items = _opened(dataset, serve.ranking(dataset)[0]).training.items
    titles = names.titles(items).fillna("")
    twice = titles.duplicated(keep=False) | (titles == "")
    return [
        f"{title} ({identity})".strip() if several else title
        for title, identity, several in zip(titles, items["item_id"], twice, strict=True)
    ]
