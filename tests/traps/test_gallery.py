"""The gallery of traps prints what was published, by the published mistake, and its page is the same each time."""

import IPython.display
import numpy as np
import pandas as pd
import pytest
from published import STARS, needed
from scipy import sparse
from synthetic import from_triples, planted

from foldin import metrics
from foldin.core import interactions, paths
from foldin.core.errors import FoldinError
from foldin.models.als import ExplicitALS
from foldin.models.baselines import DampedBias, GlobalMean, Popularity, Random
from foldin.models.svd import GradientDescentMF, LanczosSVD
from foldin.preparation import clean, fetch
from foldin.traps import gallery as traps
from foldin.traps import misread, network, protocol, rows_and_cells, training
from foldin.traps import parts as traps_parts
from foldin.traps import plots as drawn
from foldin.traps.tables import (
    AS_PUBLISHED,
    CONTROL,
    CORRECTED,
    MISTAKE,
    ORDER_OF_IDS,
    Exhibit,
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


def squares(epochs=8, regularization=0.1):
    settings = ExplicitALS.Settings(
        factors=4, epochs=epochs, patience=0, damping=5.0, regularization=regularization, solver="exact", cg_steps=1
    )
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
    return rows_and_cells.pivoted_by_row(columns, seed=42, rows=5_000)


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
    mixed_up = rows_and_cells.mixed_up_rows(cells_of_s1, 0.2, seed=42, factors=100).table.loc[MISTAKE]
    assert mixed_up["RMSE"].to_dict() == pytest.approx({"svds": 0.99962, "TruncatedSVD": 0.99965}, abs=0.0005)
    # One or two of 2,268 ones are found by luck, so that precision may be anything.
    assert mixed_up[["recall", "F1"]].to_numpy().max() < 0.005
    found = rows_and_cells.all_cells(cells_of_s1, squares(epochs=10), 0.2, seed=42).table
    # About 225 of the test cells are ones, so that chance alone moves the error by 0.0007.
    assert found.loc[MISTAKE, "RMSE"].item() == pytest.approx(0.0199, abs=0.0015)
    assert found.loc[MISTAKE, "RMSE"].item() >= 0.98 * found.loc[CONTROL, "RMSE"].iloc[0]
    assert found.loc[MISTAKE, ["precision", "recall", "F1"]].to_numpy().tolist() == [[1, 0, 0]]


def test_a_fifth_of_s1_comes_to_the_errors_of_predicting_nothing(cells_of_s1):
    fifth = cells_of_s1[:1_000]
    mixed_up = rows_and_cells.mixed_up_rows(fifth, 0.2, seed=1).table
    assert mixed_up.loc[CONTROL, "RMSE"].item() == 1
    assert mixed_up.loc[MISTAKE, "RMSE"].to_numpy() == pytest.approx(0.99965, abs=0.001)
    assert mixed_up.loc[MISTAKE, "recall"].max() < 0.005
    found = rows_and_cells.all_cells(fifth, squares(epochs=2), 0.2, seed=1).table
    nothing = found.loc[CONTROL, "RMSE"].iloc[0]
    assert nothing == pytest.approx(0.0199, abs=0.005)
    assert found.loc[MISTAKE, "RMSE"].item() == pytest.approx(nothing, abs=0.002)
    assert found.loc[MISTAKE, ["precision", "recall", "F1"]].to_numpy().tolist() == [[1, 0, 0]]


def test_the_precision_of_nothing_is_what_the_option_says():
    """S1: precision 1.0, recall 0, F1 0 for ALS, and 0, 0, 0 for SVD: both chose nothing."""
    for option in (0, 1):
        found = rows_and_cells.classified([1, 0, 0, 1], np.zeros(4), zero_division=option)
        assert (found["precision"], found["recall"], found["F1"]) == (option, 0, 0)


def test_cells_that_hold_next_to_nothing_make_als_say_nothing():
    """S1: precision 1.0, recall 0, F1 0, the same as of predicting 0; the page says where the 1.0 comes from."""
    items = [np.random.default_rng(1).integers(400, size=300).astype(np.int32)]
    cells = rows_and_cells.pivoted_by_row(items, seed=1, rows=300)
    found, says = rows_and_cells.all_cells(cells, squares(), 0.2, seed=1, share=0.5)
    for reading in (MISTAKE, CONTROL):
        assert found.loc[reading, ["precision", "recall", "F1"]].to_numpy()[0].tolist() == [1, 0, 0]
    assert "0/0" in says


def test_cells_in_which_als_finds_ones_are_not_said_to_hold_none():
    cells = sparse.csr_array(np.kron(np.eye(4), np.ones((20, 10))))
    found, says = rows_and_cells.all_cells(cells, squares(), 0.2, seed=1, share=0.9)
    assert found.loc[MISTAKE, "recall"].item() > 0.5
    assert "0/0" not in says


def test_rows_of_s1_mix_the_items_of_several_people():
    items = [np.array([0, 1, 1], np.int32), np.array([2, -1, 0, 0], np.int32)]
    cells = rows_and_cells.pivoted_by_row(items, seed=0, rows=10, most=2).toarray()
    # Items of the second domain follow the first's two; item 2 + 1 occurs nowhere and is dropped.
    assert sorted(map(tuple, cells)) == sorted([(1, 0, 0, 1), (0, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0)])
    assert rows_and_cells.pivoted_by_row(items, seed=0, rows=10, most=1).shape == (4, 2)


def test_a_network_of_ones_says_yes_to_everything(parts):
    few = traps_parts.rows_of(parts[0], np.arange(0, parts[0].ratings.nnz, 5))
    # On few pairs as on many: what counts is steps, not passes over the pairs.
    for train in (parts[0], few):
        found = network.all_ones(train, parts[1], seed=1).table
        printed, nothing = found.iloc[0], found.iloc[1]
        assert printed["RMSE"] < 0.05
        assert (printed[["precision", "recall", "F1"]] == 1).all()
        assert (nothing[["precision", "recall", "F1"]] == 1).all()
        asked = found.loc[MISTAKE].iloc[1]
        assert asked["recall"] == 1
        assert asked["precision"] == pytest.approx(0.5, abs=0.01)
        assert found.loc[CORRECTED, "AUC"].item() > asked["AUC"]


def test_users_that_are_users_tell_models_apart(parts, rankers, raters):
    found = rows_and_cells.users_are_users(*parts, raters | rankers, k=10).table.droplevel("row")
    assert found.loc["bias", "RMSE"] < found.loc["global-mean", "RMSE"]
    assert found.loc["svds", "NDCG@10"] > found.loc["popularity", "NDCG@10"] > found.loc["random", "NDCG@10"]
    assert np.isnan(found.loc["svds", "RMSE"])


def test_the_list_of_a_constant_is_not_called_knowing_nothing(parts, rankers, raters):
    found = rows_and_cells.users_are_users(*parts, raters | rankers, k=10).table
    assert found.loc[CONTROL, "NDCG@10"].dropna().index.tolist() == ["random"]
    assert found.loc[ORDER_OF_IDS].index.tolist() == ["global-mean, as a list"]
    assert found.loc[(CONTROL, "global-mean"), "RMSE"] == found["RMSE"].max()


def test_what_is_said_of_models_is_what_the_table_shows(parts, rankers, raters):
    says = rows_and_cells.users_are_users(*parts, raters | rankers, k=10).says
    assert says.startswith("bias predicts ratings best")
    assert "svds ranks best" in says
    sparse_ones = rows_and_cells.best_of_each(
        {"global-mean": 1.0, "bias": 0.9}, {"random": 0.1, "popularity": 0.3, "svds": 0.2}
    )
    assert "no model here beats popularity" in sparse_ones
    models = raters["global-mean"], rankers["random"]
    assert "the scores beat random ones" in misread.scores_as_ratings(parts[1], rankers["svds"], *models, k=10).says
    random = misread.scores_as_ratings(parts[1], rankers["random"], *models, k=10).says
    assert "the scores do not beat random ones" in random


def test_two_orders_differ_where_two_models_change_places():
    def of(*whole):
        names = ("random", "popularity", "svds")
        measured = zip(names, (0.1, 0.2, 0.3), whole, strict=True)
        return table(*((MISTAKE, name, {"a few": few, "all": all_}) for name, few, all_ in measured))

    same, other = (f"protocols rank the models in {order}" for order in ("the same order", "different orders"))
    assert protocol.order(of(0.0, 0.1, 0.2)).endswith(same)
    assert protocol.order(of(0.0, 0.1, 0.1)).endswith(same)
    assert protocol.order(of(0.0, 0.2, 0.1)).endswith(other)


def test_the_matrix_of_s2_read_both_ways():
    found = misread.read_matrix(misread.S2_MATRIX).table
    assert sum(map(sum, misread.S2_MATRIX)) == pytest.approx(0.2 * 20_000_263, abs=1)
    wrong, right = found.loc[MISTAKE].iloc[0], found.loc[CORRECTED].iloc[0]
    assert wrong["accuracy"] == right["accuracy"] == pytest.approx(0.73805, abs=1e-5)
    assert (wrong["precision"], wrong["recall"]) == pytest.approx((0.70961, 0.75260), abs=1e-5)
    assert (right["precision"], right["recall"]) == pytest.approx((0.72505, 0.76652), abs=1e-5)


def test_our_reading_of_a_confusion_matrix_is_that_of_the_metrics():
    actual, predicted = np.array([1, 2, 3, 4, 5.0]), np.array([1, 4, 3, 5, 2.0])
    exhibit = misread.read_matrix(misread.confusion_of(actual, predicted, 2.5), "bias", 2.5)
    assert exhibit.says.startswith("Positive: a rating above the mean, 2.50. The model is bias.")
    found = exhibit.table.loc[CORRECTED].iloc[0]
    expected = metrics.confusion(actual, predicted, 3.0)
    assert found["TP"] == expected["true_positives"] == 2
    assert found["FP"] == expected["false_positives"] == 1
    assert found["FN"] == expected["false_negatives"] == 1
    assert found["TN"] == expected["true_negatives"] == 1
    assert found["precision"] == expected["precision"]


def test_an_error_called_accuracy_praises_the_worst(parts, raters):
    users, items, actual = parts[1].triples()
    predicted = {name: model.predict(users, items) for name, model in raters.items()}
    exhibit = misread.error_as_accuracy(actual, predicted, float(actual.mean()))
    found = exhibit.table.droplevel("row")
    assert found["printed as accuracy, %"].idxmax() == "global-mean"
    assert found[misread.RIGHT_SIDE].idxmax() == "bias"
    assert "worst model, global-mean" in exhibit.says


def test_what_is_chosen_on_a_test_part_looks_better_there(parts):
    settings = GradientDescentMF.Settings(
        factors=4, epochs=12, patience=0, damping=5.0, learning_rate=0.02, l2=0.0, initial_spread=0.1
    )
    actual = parts[1].triples()[2]
    by_epoch = training.by_epoch(settings, *parts, seed=1)
    assert by_epoch.shape == (12, len(actual))
    whole = GradientDescentMF(settings, seed=1).fit(parts[0])
    np.testing.assert_array_equal(by_epoch[-1], whole.predict(*parts[1].triples()[:2]))
    draws = training.epoch_choices(actual, by_epoch, 500, seed=1, repeats=30)
    found = training.epochs_on_test(draws).table["optimism"]
    assert (found > 0).all()
    assert found[CONTROL].item() > found[MISTAKE].iloc[0]
    for made in draws.values():
        assert len(made) == 60
        assert (made["optimism"] >= 0).all(), "a choice never looks worse where it was made"
    one = training.chosen_on_test(actual, by_epoch[:1], 100, seed=1, repeats=3)
    assert (one["optimism"] == 0).all(), "nothing was chosen"


def test_a_small_test_part_flatters_more_and_the_plot_shows_it():
    rng = np.random.default_rng(1)
    actual, choices = rng.normal(size=4000), rng.normal(size=(20, 4000))
    draws = training.epoch_choices(actual.astype(np.float32), choices.astype(np.float32), 50, seed=1, repeats=30)
    large, small, _ = (made["optimism"].mean() for made in draws.values())
    assert small > 2 * large > 0
    axes = drawn.optimism_plot(draws).axes
    means = [axis.lines[0].get_xdata()[0] for axis in axes]
    assert means == pytest.approx([made["optimism"].mean() for made in draws.values()])
    for axis in axes:
        assert sum(bar.get_height() for bar in axis.patches) == pytest.approx(100), "every draw is in a bar"


def test_a_test_part_that_is_small_is_not_shown_as_a_large_one_too():
    rng = np.random.default_rng(1)
    for held, n_rows in ((1000, 2), (1002, 3)):
        actual, choices = rng.normal(size=held).astype(np.float32), rng.normal(size=(3, held)).astype(np.float32)
        draws = training.epoch_choices(actual, choices, 500, seed=1, repeats=5)
        assert len(draws) == len(training.epochs_on_test(draws).table) == n_rows


def test_means_of_batches_agree_whatever_the_model(parts, raters):
    loaders = {"train": training.shuffled(parts[0], 1), "test": training.shuffled(parts[1], 1)}
    found = training.batch_means(loaders, raters, size=512).table
    nothing = found.loc[CONTROL].iloc[0]
    assert nothing["RMSE of batch means, train"] < 0.1 < 0.8 < nothing["RMSE, train"]
    curves = training.by_batch_size(loaders["train"], raters)["global-mean"]
    # The spread of a mean falls with the root of how many it is taken of.
    assert curves.loc[64] == pytest.approx(curves.loc[1] / 8, rel=0.25)
    assert curves.loc[1] == pytest.approx(nothing["RMSE, train"])


def test_the_published_losses_of_s5_are_one_split_of_many():
    """S5: train loss 0.0009, test loss 1.77, by weight decay 0.00001."""
    as_published = training.worked_example(training.S5_L2)
    assert len(as_published) == 220
    for loss, name in ((training.S5_TRAIN, "train"), (training.S5_TEST, "test")):
        assert as_published[name].quantile(0.3) < loss < as_published[name].quantile(0.7)


def test_l2_cuts_the_test_loss_of_s5_and_the_mean_stays_hard_to_beat():
    runs = (training.worked_example(l2) for l2 in (training.S5_L2, training.EXAMPLE_L2))
    found = training.over_fitting(*runs).table
    plain, strong, mean = (found.loc[reading].iloc[0] for reading in (MISTAKE, CORRECTED, CONTROL))
    assert found.index.tolist()[1:] == [
        (MISTAKE, "L2 of 0.00001"),
        (CONTROL, "predict the mean of the training ratings"),
        (CORRECTED, "L2 of 0.1"),
    ]
    assert found.loc[AS_PUBLISHED].iloc[0, :2].tolist() == [0.0009, 1.77]
    assert strong["train loss, median"] > 10 * plain["train loss, median"]
    assert strong["test loss, mean"] < plain["test loss, mean"] / 3
    assert strong["test loss, median"] < plain["test loss, median"] / 2
    lower = "splits with a lower loss than the mean, %"
    assert plain[lower] < strong[lower] < 50
    # Its median is a little below the mean's, which is why a median alone misleads.
    assert strong["test loss, median"] < mean["test loss, median"]
    assert strong["test loss, mean"] > 1.9 * mean["test loss, mean"]


def test_the_worked_example_without_steps_is_its_start():
    start = training.worked_example(0.0, held=1, epochs=0, seed=3)
    rng = np.random.default_rng(3)
    users, items = rng.normal(size=(12, 3, 2)), rng.normal(size=(12, 5, 2))
    # The first split holds out the first rating: user 0, item 0, a 1.
    assert start["test"][0] == pytest.approx((users[0, 0] @ items[0, 0] - 1) ** 2)


def test_chance_ranks_well_among_rated_items_only(parts, rankers):
    found = protocol.only_rated_items(parts[1], rankers, k=10, liked_above=3.3).table
    among_rated, whole = found.loc[CONTROL].iloc[0]
    assert among_rated > 0.6
    assert whole < 0.1


def test_a_sampled_hit_rate_is_that_of_a_small_catalogue(parts, rankers):
    found = protocol.sampled_candidates(parts[1], rankers, candidates=50, k=10, seed=1).table
    among, whole = found.loc[CONTROL].iloc[0]
    n_users, n_items = parts[0].ratings.shape
    assert among == pytest.approx(10 / 50, abs=4 * np.sqrt(0.2 * 0.8 / n_users))
    unrated = n_items - parts[0].ratings.nnz / n_users
    assert whole == pytest.approx(10 / unrated, abs=0.06)


def test_sampling_the_whole_catalogue_is_the_whole_catalogue(parts, rankers):
    found = protocol.sampled_candidates(parts[1], rankers, candidates=200, k=10, seed=1).table
    np.testing.assert_array_equal(found.iloc[:, 0], found.iloc[:, 1])


def test_candidates_that_are_alike_rank_by_item(parts, raters):
    train, test = parts
    users, items, _ = test.triples()
    first = np.flatnonzero(np.diff(users, prepend=-1))
    one_each = traps_parts.rows_of(test, first)
    found = protocol.sampled_candidates(
        one_each, {"constant": raters["global-mean"]}, candidates=50, k=10, seed=1
    ).table
    unrated = ~np.isin(np.arange(train.ratings.shape[0] * train.n_items), _cells(train)).reshape(train.ratings.shape)
    before = [unrated[user, :item].sum() for user, item in zip(users[first], items[first], strict=True)]
    assert found["hit rate@10, whole catalogue (corrected)"].item() == pytest.approx(np.mean(np.array(before) < 10))


def _cells(part):
    users, items, _ = part.triples()
    return users.astype(int) * part.n_items + items


def test_negatives_that_avoid_the_test_part_give_it_away(parts):
    found = protocol.telling_negatives(*parts, k=10, seed=1).table
    assert found.loc[MISTAKE, "precision@10"].item() > 5 * found.loc[CORRECTED, "precision@10"].item()
    chance = parts[1].ratings.nnz / (parts[1].n_users * parts[1].n_items)
    assert found.loc[CORRECTED, "precision@10"].item() == pytest.approx(chance, abs=0.05)


def test_copies_help_a_look_up_and_only_where_they_are(parts):
    found = protocol.duplicates(parts[0], share=0.2, seed=1).table
    leaking, corrected = found.loc[MISTAKE].iloc[0], found.loc[CORRECTED].iloc[1]
    # 0.6 of 1.3 rows have a copy, which is in train with probability 0.8.
    assert leaking["test rows also in train, %"] == pytest.approx(100 * 0.6 / 1.3 * 0.8, abs=2)
    assert leaking["RMSE with the look-up"] < 0.9 * leaking["RMSE"]
    assert corrected["test rows also in train, %"] == 0
    assert corrected["RMSE with the look-up"] == corrected["RMSE"]


def test_only_a_split_by_time_has_nothing_of_the_future():
    # Tastes turn round half way: what is learned later is wrong for earlier.
    users, items = (grid.ravel() for grid in np.indices((30, 40)))
    times = np.arange(len(users), dtype=float)[np.random.default_rng(1).permutation(len(users))]
    ratings = from_triples(users, items, 1 + 4 * (times > 600), (30, 40), STARS)
    model = {"bias": DampedBias(DampedBias.Settings(damping=5.0))}
    found = protocol.called_temporal(ratings, times, model, share=0.2, seed=1).table
    of_the_future = found["test ratings older than a training rating of the same user, %"]
    assert of_the_future[MISTAKE].item() > 50
    assert of_the_future[CORRECTED].item() == 0
    times[3] = np.nan
    with pytest.raises(NotShownError, match=r"^1 of 1,200 ratings have no time"):
        protocol.called_temporal(ratings, times, model, share=0.2, seed=1)
    times[:] = np.nan
    with pytest.raises(NotShownError, match=r"^no rating has a time, so no split of them can be temporal"):
        protocol.called_temporal(ratings, times, model, share=0.2, seed=1)
    times[:] = 7.0
    with pytest.raises(NotShownError, match="latest time"):
        protocol.called_temporal(ratings, times, model, share=0.2, seed=1)


def test_one_model_has_many_errors_and_one_rmse(parts, raters):
    found = misread.one_model_many_errors(*parts, raters["bias"]).table["“RMSE”"]
    users, items, actual = parts[1].triples()
    assert found[CORRECTED].item() == metrics.rmse(actual, raters["bias"].predict(users, items))
    squares = pd.Series((raters["bias"].predict(users, items) - actual) ** 2.0).groupby(users)
    by_user = found[MISTAKE, "mean over users of each user's RMSE"]
    assert by_user == pytest.approx(np.sqrt(squares.mean()).mean(), rel=1e-5)
    assert found[MISTAKE, "ratings divided by 5 first"] == pytest.approx(found[CORRECTED].item() / 5)
    assert found[MISTAKE, "the training ratings"] < found[CORRECTED].item()
    assert found.nunique() == 5


def test_scores_of_a_ranker_are_no_ratings(parts, rankers, raters):
    models = rankers["svds"], raters["global-mean"], rankers["random"]
    svds, mean, chance = (row for _, row in misread.scores_as_ratings(parts[1], *models, k=10).table.iterrows())
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
    assert f"the 50 most active of {gallery.of_users:,}" in fewer.sizes()


def test_the_page_shows_every_table_and_metric(workspace, monkeypatch):
    said = []
    monkeypatch.setattr(IPython.display, "display", lambda shown: said.append(shown.data))
    fetch.run("demo")
    clean.run("demo")
    gallery = traps.open_gallery("demo")
    measured = table((MISTAKE, "this", {"RMSE": 0.12345, "ratings": 1234}), (CORRECTED, "that", {"RMSE": 1.0}))
    with gallery.place("A trap"):
        read = gallery.hang(Exhibit(measured, "What it says."))
    assert read.loc[(MISTAKE, "this")].tolist() == ["0.1235", "1,234"]
    assert read.loc[(CORRECTED, "that"), "ratings"] == "–"
    pd.testing.assert_frame_equal(read, shown(measured))
    assert said == ["**A trap.** What it says."]
    gallery.frame("a-picture", drawn.batch_plot(pd.DataFrame({"model": [1.0, 0.5]}, index=[1, 2])))
    with gallery.place("No trap"):
        raise NotShownError("there is one item")
    assert said[1:] == ["**No trap.** Not shown on these data: there is one item."]
    with pytest.raises(ZeroDivisionError), gallery.place("A fault"):  # which somebody must see
        _ = 1 / 0
    del gallery.exhibits["A fault"]
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
    with pytest.raises(NotShownError, match=r"^gradient descent diverges on these ratings;"):
        training.by_epoch(settings, train, train, seed=1)
