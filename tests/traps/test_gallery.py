"""The gallery of traps prints what was published, by the published mistake, and its page is the same each time."""

import numpy as np
import pandas as pd
import pytest
from published import STARS, needed
from synthetic import from_triples, planted

from foldin import metrics
from foldin.core import interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.models.als import ExplicitALS
from foldin.models.baselines import DampedBias, GlobalMean, Popularity, Random
from foldin.models.svd import GradientDescentMF, LanczosSVD
from foldin.preparation import clean, fetch
from foldin.traps import gallery as traps
from foldin.traps import lessons, network, protocol, published, training
from foldin.traps import parts as traps_parts
from foldin.traps import plots as drawn
from foldin.traps.tables import (
    AS_PUBLISHED,
    KNOWING_NOTHING,
    MENDED,
    NOTHING_TO_CHOOSE,
    ORDER_OF_IDS,
    NotShownError,
    shown,
    table,
)


@pytest.fixture(scope="module")
def parts():
    train, validation, test = planted()
    return interactions.union(train, validation), test


@pytest.fixture(scope="module")
def rankers(parts):
    models = {"random": Random(), "popularity": Popularity(), "svds": LanczosSVD(LanczosSVD.Settings(factors=4))}
    return {name: model.fit(parts[0]) for name, model in models.items()}


@pytest.fixture(scope="module")
def raters(parts):
    models = {"global-mean": GlobalMean(), "bias": DampedBias(DampedBias.Settings(damping=5.0))}
    return {name: model.fit(parts[0]) for name, model in models.items()}


@pytest.fixture(scope="module")
def sizes():
    """Return the section `traps` of params.yaml, with fewer random halves to choose on."""
    return params.section(params.Traps).model_copy(update={"repeats": 30})


def squares(epochs=8):
    settings = ExplicitALS.Settings(factors=4, epochs=epochs, patience=0, damping=5.0, regularization=0.1)
    return ExplicitALS(settings, seed=1)


@pytest.fixture(scope="module")
def cells_of_s1(archives):
    """Return S1's matrix from real bytes: its Book-Crossing and MovieLens 1M, and other Last.fm plays than its own."""
    books, movies, music = (
        archives / "book-crossing" / "BX-Book-Ratings.csv",
        archives / "ml-1m" / "ratings.triples.dat",
        archives / "lastfm-hetrec2011" / "user_artists.dat",
    )
    needed(books, movies, music)
    tables = (
        pd.read_csv(books, sep=";", encoding="latin-1", nrows=10_000, dtype={"ISBN": str}).to_numpy(),
        pd.read_csv(movies, sep=":", usecols=[0, 2, 4], header=None, nrows=10_000).to_numpy(),
        pd.read_csv(music, sep="\t", nrows=10_000).to_numpy(),
    )
    # A row whose rating is 0 is no interaction, but it takes up its place.
    columns = []
    for rows in tables:
        filled = rows[:, 2].astype(float) > 0
        items = np.full(len(rows), -1, dtype=np.int32)
        items[filled] = pd.factorize(rows[filled, 1])[0]
        columns.append(items)
    return published.pivoted_by_row(columns, rows=5_000, most=30, seed=42)


def test_s1_on_real_bytes_comes_to_the_published_shape_and_density(cells_of_s1):
    """S1: 5000 × 4478, 99.96 % empty, 9,123 ones; the root of their share is the RMSE of its ALS, 0.0199."""
    n_rows, n_items = cells_of_s1.shape
    assert n_rows == 5_000
    assert 4_000 < n_items < 6_000
    assert 1 - cells_of_s1.nnz / (n_rows * n_items) == pytest.approx(0.9996, abs=0.0001)
    assert np.sqrt(cells_of_s1.nnz / (n_rows * n_items)) == pytest.approx(0.0199, abs=0.0005)


@pytest.mark.anchors
def test_s1_at_its_full_size_comes_to_all_its_metrics(cells_of_s1):
    """S1: svds 0.99962, TruncatedSVD 0.99965, precision = recall = F1 = 0; ALS 0.0199, P, R, F1 = 1, 0, 0."""
    mixed_up = published.mixed_up_rows(cells_of_s1, 100, 0.2, seed=42).loc[AS_PUBLISHED]
    assert mixed_up["RMSE"].to_dict() == pytest.approx({"svds": 0.99962, "TruncatedSVD": 0.99965}, abs=0.0005)
    # One or two of 2,268 ones are met by luck, so that precision may be anything.
    assert mixed_up[["recall", "F1"]].to_numpy().max() < 0.005
    found = published.all_cells(cells_of_s1, 0.1, squares(epochs=10), 0.2, seed=42)
    # About 225 of the cells judged are ones, so that chance alone moves the error by 0.0007.
    assert found.loc[AS_PUBLISHED, "RMSE"].item() == pytest.approx(0.0199, abs=0.0015)
    assert found.loc[AS_PUBLISHED, "RMSE"].item() >= 0.98 * found.loc[KNOWING_NOTHING, "RMSE"].item()
    assert found.loc[AS_PUBLISHED, ["precision", "recall", "F1"]].to_numpy().tolist() == [[1, 0, 0]]


def test_a_fifth_of_s1_comes_to_the_errors_of_predicting_nothing(cells_of_s1):
    fifth = cells_of_s1[:1_000]
    mixed_up = published.mixed_up_rows(fifth, 20, 0.2, seed=1, lanczos=False)
    assert mixed_up.loc[KNOWING_NOTHING, "RMSE"].item() == 1
    assert mixed_up.loc[AS_PUBLISHED, "RMSE"].item() == pytest.approx(0.99965, abs=0.001)
    assert mixed_up.loc[AS_PUBLISHED, "recall"].item() < 0.005
    found = published.all_cells(fifth, 0.1, squares(epochs=2), 0.2, seed=1)
    nothing = found.loc[KNOWING_NOTHING, "RMSE"].item()
    assert nothing == pytest.approx(0.0199, abs=0.005)
    assert found.loc[AS_PUBLISHED, "RMSE"].item() == pytest.approx(nothing, abs=0.002)
    assert found.loc[AS_PUBLISHED, ["precision", "recall", "F1"]].to_numpy().tolist() == [[1, 0, 0]]


def test_the_precision_of_nothing_is_what_the_option_says():
    """S1: precision 1.0, recall 0, F1 0 for ALS, and 0, 0, 0 for SVD: both chose nothing."""
    for option in (0, 1):
        found = published.classified([1, 0, 0, 1], np.zeros(4), zero_division=option)
        assert (found["precision"], found["recall"], found["F1"]) == (option, 0, 0)


def test_cells_that_hold_next_to_nothing_make_als_say_nothing():
    """S1: precision 1.0, recall 0, F1 0, the same as of predicting 0; the page says where the 1.0 comes from."""
    items = [np.random.default_rng(1).integers(400, size=300).astype(np.int32)]
    cells = published.pivoted_by_row(items, rows=300, most=30, seed=1)
    found = published.all_cells(cells, 0.5, squares(), 0.2, seed=1)
    for reading in (AS_PUBLISHED, KNOWING_NOTHING):
        assert found.loc[reading, ["precision", "recall", "F1"]].to_numpy().tolist() == [[1, 0, 0]]
    assert "0/0" in lessons.cells(found)
    assert "0/0" not in lessons.cells(found.assign(recall=0.5))


def test_rows_of_s1_mix_the_items_of_several_people():
    items = [np.array([0, 1, 1], np.int32), np.array([2, -1, 0, 0], np.int32)]
    cells = published.pivoted_by_row(items, rows=10, most=2, seed=0).toarray()
    # Items of the second domain follow the first's two; item 2 + 1 occurs nowhere and is dropped.
    assert sorted(map(tuple, cells)) == sorted([(1, 0, 0, 1), (0, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0)])
    assert published.pivoted_by_row(items, rows=10, most=1, seed=0).shape == (4, 2)


def test_a_network_of_ones_says_yes_to_everything(parts, sizes):
    few = traps_parts.rows_of(parts[0], np.arange(0, parts[0].ratings.nnz, 5))
    # On few pairs as on many: what counts is steps, not passes over the pairs.
    for train in (parts[0], few):
        found = network.all_ones(train, parts[1], sizes, seed=1)
        printed, nothing = found.iloc[0], found.iloc[1]
        assert printed["RMSE"] < 0.05
        assert (printed[["precision", "recall", "F1"]] == 1).all()
        assert (nothing[["precision", "recall", "F1"]] == 1).all()
        asked = found.loc["the same network"].iloc[0]
        assert asked["recall"] == 1
        assert asked["precision"] == pytest.approx(0.5, abs=0.01)
        assert found.loc[MENDED, "AUC"].item() > asked["AUC"]


def test_users_that_are_users_tell_models_apart(parts, rankers, raters):
    found = published.users_are_users(*parts, raters | rankers, k=10).droplevel("reading")
    assert found.loc["bias", "RMSE"] < found.loc["global-mean", "RMSE"]
    assert found.loc["svds", "ndcg@10"] > found.loc["popularity", "ndcg@10"] > found.loc["random", "ndcg@10"]
    assert np.isnan(found.loc["svds", "RMSE"])


def test_the_list_of_a_constant_is_not_called_knowing_nothing(parts, rankers, raters):
    found = published.users_are_users(*parts, raters | rankers, k=10)
    assert found.loc[KNOWING_NOTHING, "ndcg@10"].dropna().index.tolist() == ["random"]
    assert found.loc[ORDER_OF_IDS].index.tolist() == ["global-mean, as a list"]
    assert found.loc[(KNOWING_NOTHING, "global-mean"), "RMSE"] == found["RMSE"].max()


def test_what_is_said_of_models_is_what_the_table_shows(parts, rankers, raters):
    found = published.users_are_users(*parts, raters | rankers, k=10)
    assert "svds is best" in lessons.users(found)
    assert "what is popular" not in lessons.users(found)
    sparse = found.copy()
    sparse.loc[(MENDED, "popularity"), "ndcg@10"] = 1.0
    assert "none of these models finds more than what is popular" in lessons.users(sparse)
    scores = published.scores_as_ratings(parts[1], rankers["svds"], raters["global-mean"], rankers["random"], k=10)
    assert "better than chance" in lessons.misread(scores)
    scores.loc[AS_PUBLISHED, "NDCG@10"] = 0.0
    assert "no better than chance" in lessons.misread(scores)


def test_two_orders_differ_where_two_models_change_places():
    def of(*whole):
        names = ("random", "popularity", "svds")
        measured = zip(names, (0.1, 0.2, 0.3), whole, strict=True)
        return table(*((AS_PUBLISHED, name, {"a few": few, "all": all_}) for name, few, all_ in measured))

    assert "alike" in lessons.sampled(of(0.0, 0.1, 0.2))
    assert "alike" in lessons.sampled(of(0.0, 0.1, 0.1))
    assert "differently" in lessons.sampled(of(0.0, 0.2, 0.1))


def test_the_matrix_of_s2_read_both_ways():
    found = published.read_matrix(published.S2_MATRIX)
    assert sum(map(sum, published.S2_MATRIX)) == pytest.approx(0.2 * 20_000_263, abs=1)
    wrong, right = found.loc[AS_PUBLISHED].iloc[0], found.loc[MENDED].iloc[0]
    assert wrong["accuracy"] == right["accuracy"] == pytest.approx(0.73805, abs=1e-5)
    assert (wrong["precision"], wrong["recall"]) == pytest.approx((0.70961, 0.75260), abs=1e-5)
    assert (right["precision"], right["recall"]) == pytest.approx((0.72505, 0.76652), abs=1e-5)


def test_our_reading_of_a_confusion_matrix_is_that_of_the_metrics():
    actual, predicted = np.array([1, 2, 3, 4, 5.0]), np.array([1, 4, 3, 5, 2.0])
    found = published.read_matrix(published.confusion_of(actual, predicted, 2.5)).loc[MENDED].iloc[0]
    wanted = metrics.confusion(actual, predicted, 3.0)
    assert found["TP"] == wanted["true_positives"] == 2
    assert found["FP"] == wanted["false_positives"] == 1
    assert found["FN"] == wanted["false_negatives"] == 1
    assert found["TN"] == wanted["true_negatives"] == 1
    assert found["precision"] == wanted["precision"]


def test_an_error_called_accuracy_praises_the_worst(parts, raters):
    users, items, actual = parts[1].triples()
    predicted = {name: model.predict(users, items) for name, model in raters.items()}
    found = published.error_as_accuracy(actual, predicted, float(actual.mean())).droplevel("reading")
    assert found["printed as accuracy, %"].idxmax() == "global-mean"
    assert found["true accuracy, %"].idxmax() == "bias"


def test_what_is_chosen_looks_better_where_it_was_chosen(parts, sizes):
    settings = GradientDescentMF.Settings(
        factors=4, epochs=12, patience=0, damping=5.0, learning_rate=0.02, l2=0.0, initial_spread=0.1
    )
    actual = parts[1].triples()[2]
    by_epoch = training.by_epoch(settings, *parts, seed=1)
    assert by_epoch.shape == (12, len(actual))
    whole = GradientDescentMF(settings, seed=1).fit(parts[0])
    np.testing.assert_array_equal(by_epoch[-1], whole.predict(*parts[1].triples()[:2]))
    found = training.epochs_on_test(actual, by_epoch, sizes, seed=1)
    assert (found["flattery"] > 0).all()
    assert found.loc[NOTHING_TO_CHOOSE, "flattery"].item() > found["flattery"].iloc[0]
    one = training.chosen_on_test(actual, by_epoch[:1], 100, repeats=3, seed=1)
    assert one["flattery"] == pytest.approx(0, abs=1e-12), "nothing was chosen"


def test_a_test_part_that_is_small_is_not_shown_as_a_large_one_too(sizes):
    rng = np.random.default_rng(1)
    for held, n_rows in ((2 * sizes.small_part, 2), (2 * sizes.small_part + 2, 3)):
        found = training.epochs_on_test(
            rng.normal(size=held).astype(np.float32), rng.normal(size=(3, held)).astype(np.float32), sizes, seed=1
        )
        assert len(found) == n_rows
        assert not found.duplicated(subset=["ratings to choose on", "flattery"]).any()


def test_means_of_batches_agree_whatever_the_model(parts, raters):
    loaders = {"train": training.shuffled(parts[0], 1), "test": training.shuffled(parts[1], 1)}
    found = training.batch_means(loaders, raters, size=512)
    nothing = found.loc[KNOWING_NOTHING].iloc[0]
    assert nothing["RMSE of batch means, train"] < 0.1 < 0.8 < nothing["RMSE, train"]
    curves = training.by_batch_size(loaders["train"], raters)["global-mean"]
    # The spread of a mean falls with the root of how many it is taken of.
    assert curves.loc[64] == pytest.approx(curves.loc[1] / 8, rel=0.25)
    assert curves.loc[1] == pytest.approx(nothing["RMSE, train"])


def test_the_published_losses_of_s5_are_one_split_of_many(sizes):
    """S5: train loss 0.0009, test loss 1.77, by weight decay 0.00001."""
    as_published = training.worked_example(sizes.example_published_l2, sizes)
    assert len(as_published) == 220
    for loss, name in ((training.S5_TRAIN, "train"), (training.S5_TEST, "test")):
        assert as_published[name].quantile(0.3) < loss < as_published[name].quantile(0.7)


def test_l2_cuts_the_test_loss_of_s5_and_the_mean_stays_hard_to_beat(sizes):
    runs = {l2: training.worked_example(l2, sizes) for l2 in (sizes.example_published_l2, sizes.example_l2)}
    found = training.over_fitting(runs).droplevel("reading")
    plain, felt, mean = (found.loc[name] for name in ("L2 of 0.00001", "L2 of 0.1", found.index[1]))
    assert felt["train loss, median"] > 10 * plain["train loss, median"]
    assert felt["test loss, mean"] < plain["test loss, mean"] / 3
    assert felt["test loss, median"] < plain["test loss, median"] / 2
    assert plain["splits better than the mean, %"] < felt["splits better than the mean, %"] < 50
    # Its median is a little below the mean's, which is why a median alone misleads.
    assert felt["test loss, median"] < mean["test loss, median"]
    assert felt["test loss, mean"] > 1.9 * mean["test loss, mean"]


def test_the_worked_example_without_steps_is_its_start(sizes):
    start = training.worked_example(0.0, sizes.model_copy(update={"example_held": 1, "example_epochs": 0}), seed=3)
    rng = np.random.default_rng(3)
    users, items = rng.normal(size=(12, 3, 2)), rng.normal(size=(12, 5, 2))
    # The first split holds out the first rating: user 0, item 0, a 1.
    assert start["test"][0] == pytest.approx((users[0, 0] @ items[0, 0] - 1) ** 2)


def test_chance_ranks_well_among_rated_items_only(parts, rankers):
    found = protocol.only_rated_items(parts[1], rankers, k=10, liked_above=3.3)
    among_rated, whole = found.loc[KNOWING_NOTHING].iloc[0]
    assert among_rated > 0.6
    assert whole < 0.1


def test_a_sampled_hit_rate_is_that_of_a_small_catalogue(parts, rankers):
    found = protocol.sampled_candidates(parts[1], rankers, candidates=50, k=10, seed=1)
    among, whole = found.loc[KNOWING_NOTHING].iloc[0]
    n_users, n_items = parts[0].ratings.shape
    assert among == pytest.approx(10 / 50, abs=4 * np.sqrt(0.2 * 0.8 / n_users))
    unrated = n_items - parts[0].ratings.nnz / n_users
    assert whole == pytest.approx(10 / unrated, abs=0.06)


def test_sampling_the_whole_catalogue_is_the_whole_catalogue(parts, rankers):
    found = protocol.sampled_candidates(parts[1], rankers, candidates=200, k=10, seed=1)
    np.testing.assert_array_equal(found.iloc[:, 0], found.iloc[:, 1])


def test_candidates_that_are_alike_rank_by_item(parts, raters):
    train, test = parts
    users, items, _ = test.triples()
    first = np.flatnonzero(np.diff(users, prepend=-1))
    one_each = traps_parts.rows_of(test, first)
    found = protocol.sampled_candidates(one_each, {"constant": raters["global-mean"]}, candidates=50, k=10, seed=1)
    unrated = ~np.isin(np.arange(train.ratings.shape[0] * train.n_items), _cells(train)).reshape(train.ratings.shape)
    before = [unrated[user, :item].sum() for user, item in zip(users[first], items[first], strict=True)]
    assert found["hit rate@10, whole catalogue"].item() == pytest.approx(np.mean(np.array(before) < 10))


def _cells(part):
    users, items, _ = part.triples()
    return users.astype(int) * part.n_items + items


def test_negatives_that_avoid_the_test_part_give_it_away(parts):
    found = protocol.telling_negatives(*parts, draws=10, k=10, seed=1)
    assert found.loc[AS_PUBLISHED, "precision@10"].item() > 5 * found.loc[MENDED, "precision@10"].item()
    chance = parts[1].ratings.nnz / (parts[1].n_users * parts[1].n_items)
    assert found.loc[MENDED, "precision@10"].item() == pytest.approx(chance, abs=0.05)


def test_copies_help_a_look_up_and_only_where_they_are(parts):
    found = protocol.duplicates(parts[0], copied=0.3, share=0.2, damping=5.0, seed=1)
    leaking, mended = found.loc[AS_PUBLISHED].iloc[0], found.loc[MENDED].iloc[1]
    # 0.6 of 1.3 rows have a copy, which is in train with probability 0.8.
    assert leaking["test rows also in train, %"] == pytest.approx(100 * 0.6 / 1.3 * 0.8, abs=2)
    assert leaking["RMSE with the look-up"] < 0.9 * leaking["RMSE"]
    assert mended["test rows also in train, %"] == 0
    assert mended["RMSE with the look-up"] == mended["RMSE"]


def test_only_a_split_by_time_has_nothing_of_the_future():
    # Tastes turn round half way: what was learnt later is wrong for earlier.
    users, items = (grid.ravel() for grid in np.indices((30, 40)))
    times = np.arange(len(users), dtype=float)[np.random.default_rng(1).permutation(len(users))]
    ratings = from_triples(users, items, 1 + 4 * (times > 600), (30, 40), STARS)
    model = {"bias": DampedBias(DampedBias.Settings(damping=5.0))}
    found = protocol.called_temporal(ratings, times, model, share=0.2, seed=1)
    of_the_future = found["test ratings older than something learnt of the user, %"]
    assert of_the_future[AS_PUBLISHED].item() > 50
    assert of_the_future[MENDED].item() == 0
    times[3] = np.nan
    with pytest.raises(NotShownError, match=r"^1 of 1,200 ratings have no time"):
        protocol.called_temporal(ratings, times, model, share=0.2, seed=1)
    times[:] = np.nan
    with pytest.raises(NotShownError, match=r"^no rating has a time, so no split of them may be called temporal"):
        protocol.called_temporal(ratings, times, model, share=0.2, seed=1)
    times[:] = 7.0
    with pytest.raises(NotShownError, match="latest moment"):
        protocol.called_temporal(ratings, times, model, share=0.2, seed=1)


def test_one_model_has_many_errors_and_one_rmse(parts, raters):
    found = protocol.one_model_many_errors(*parts, raters["bias"])["“RMSE”"]
    users, items, actual = parts[1].triples()
    assert found[MENDED].item() == metrics.rmse(actual, raters["bias"].predict(users, items))
    squares = pd.Series((raters["bias"].predict(users, items) - actual) ** 2.0).groupby(users)
    by_user = found[AS_PUBLISHED, "mean over users of each user's RMSE"]
    assert by_user == pytest.approx(np.sqrt(squares.mean()).mean(), rel=1e-5)
    assert found[AS_PUBLISHED, "ratings divided by 5 first"] == pytest.approx(found[MENDED].item() / 5)
    assert found[AS_PUBLISHED, "the ratings it has learnt from"] < found[MENDED].item()
    assert found.nunique() == 5


def test_scores_of_a_ranker_are_no_ratings(parts, rankers, raters):
    judges = rankers["svds"], raters["global-mean"], rankers["random"]
    svds, mean, chance = (row for _, row in published.scores_as_ratings(parts[1], *judges, k=10).iterrows())
    assert svds["RMSE"] > 1.5 * mean["RMSE"]
    assert svds["NDCG@10"] > chance["NDCG@10"]
    assert np.isnan(mean["NDCG@10"]), "its list is the order of ids"


def test_a_gallery_takes_no_more_users_than_it_is_told_to(workspace):
    fetch.run("demo")
    clean.run("demo")
    gallery = traps.open_gallery("demo")
    everything = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    assert gallery.ratings.ratings.nnz == len(everything)
    one = int(np.flatnonzero(gallery.ratings.users["user_id"] == everything["user_id"][0])[0])
    first = everything[everything["user_id"] == everything["user_id"][0]].iloc[0]
    cell = int(np.flatnonzero(gallery.ratings.items["item_id"] == first["item_id"])[0])
    at = int(np.flatnonzero((gallery.ratings.triples()[0] == one) & (gallery.ratings.triples()[1] == cell))[0])
    assert gallery.times[at] == first["timestamp"], "each rating keeps its own time"
    text = paths.params_file().read_text().replace("users: 1000 ", "users: 50 ")
    paths.params_file().write_text(text)
    fewer = traps.open_gallery("demo")
    assert (fewer.ratings.n_users, fewer.of_users) == (50, gallery.of_users)
    counts = everything["user_id"].value_counts()
    taken = counts[fewer.ratings.users["user_id"]]
    assert taken.min() >= counts.drop(taken.index).max(), "those with the most ratings"
    assert f"the 50 users with most ratings, of {gallery.of_users:,}" in fewer.sizes()


def test_the_page_shows_every_table_and_metric(workspace, capsys):
    fetch.run("demo")
    clean.run("demo")
    gallery = traps.open_gallery("demo")
    measured = table((AS_PUBLISHED, "this", {"RMSE": 0.12345, "ratings": 1234}), (MENDED, "that", {"RMSE": 1.0}))
    with gallery.place("A trap"):
        read = gallery.hang(measured, "What it says.")
    assert read.loc[(AS_PUBLISHED, "this")].tolist() == ["0.1235", "1,234"]
    assert read.loc[(MENDED, "that"), "ratings"] == "–"
    pd.testing.assert_frame_equal(read, shown(measured))
    assert capsys.readouterr().out.endswith("A trap\nWhat it says.\n")
    gallery.frame("a-picture", drawn.batch_plot(pd.DataFrame({"model": [1.0, 0.5]}, index=[1, 2]), 2))
    with gallery.place("No trap"):
        raise NotShownError("there is one item")
    assert capsys.readouterr().out == "No trap\nNot shown on these data: there is one item.\n"
    with pytest.raises(ZeroDivisionError), gallery.place("A fault"):  # which somebody must see
        _ = 1 / 0
    del gallery.tables["A fault"]
    gallery.close()
    page = (paths.reports("demo") / "TRAPS.md").read_text()
    assert "## No trap\n\nNot shown on these data: there is one item." in page
    assert "## A trap" in page
    assert "0.1235" in page
    assert page.index("## A trap") < page.index("What it says.") < page.index("(traps/a-picture.png)")
    assert f"{gallery.parts[0].ratings.nnz:,} to learn from and {gallery.parts[1].ratings.nnz:,} held out" in page
    assert (paths.reports("demo") / "traps" / "a-picture.png").stat().st_size > 5000


def test_a_gallery_without_tables_says_what_to_run(workspace):
    with pytest.raises(FoldinError, match="dvc repro clean@demo"):
        traps.open_gallery("demo")


def test_a_step_too_long_for_the_descent_is_said_not_to_show_it():
    users, items = (grid.ravel() for grid in np.indices((30, 20)))
    train = from_triples(users, items, 1 + 99 * np.random.default_rng(0).random(len(users)), (30, 20))
    settings = GradientDescentMF.Settings(
        factors=16, epochs=25, patience=0, damping=5.0, learning_rate=0.5, l2=0.0, initial_spread=0.1
    )
    with pytest.raises(NotShownError, match=r"^gradient descent diverges on these ratings at traps\.learning_rate"):
        training.by_epoch(settings, train, train, seed=1)
