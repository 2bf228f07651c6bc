"""Training by epochs keeps the best ones; dot products and neighbours are what their names say."""

import numpy as np
import pytest

from foldin.core.errors import FoldinError
from foldin.models.baselines import Popularity
from foldin.models.parts import factorization
from foldin.models.parts.factorization import row_dots, train_by_epochs


class Scripted(Popularity):
    """A model whose weight is the epoch, and whose validation metric is read from a list."""

    Settings = factorization.EpochSettings

    def run(self, values, *, patience, choosing=True, higher_is_better=False):
        self.settings = self.Settings(epochs=len(values), patience=patience)
        self.weight = np.zeros(1)

        def step(epoch):
            self.weight[0] = epoch

        train_by_epochs(
            self,
            self.settings,
            step=step,
            watch=lambda: {"watched": values[int(self.weight[0]) - 1]},
            weights=[self.weight],
            choose_by="watched",
            higher_is_better=higher_is_better,
            choosing=choosing,
        )
        return self


@pytest.fixture
def model():
    return Scripted(factorization.EpochSettings(epochs=1, patience=0))


def test_stops_when_patience_is_at_an_end_and_goes_back_to_the_best_epoch(model):
    model.run([5.0, 3.0, 4.0, 2.0, 2.5, 2.5, 1.0], patience=2)
    assert [row["epoch"] for row in model.history] == [1, 2, 3, 4, 5, 6]
    assert model.epochs == model.weight[0] == 4


def test_a_refit_runs_for_the_epochs_chosen_and_spends_no_time_on_metrics_that_choose_nothing(model):
    model.epochs = 2
    model.run([1.0, 2.0, 3.0], patience=1, choosing=False)
    assert model.history == [{"epoch": 1}, {"epoch": 2}]
    assert model.weight[0] == 2


def test_of_equal_epochs_the_first_is_best(model):
    assert model.run([2.0, 1.0, 1.0], patience=2).epochs == 2


def test_a_metric_may_be_better_when_higher(model):
    assert model.run([0.1, 0.3, 0.2], patience=5, higher_is_better=True).epochs == 2


def test_without_patience_nothing_is_chosen_and_the_last_epoch_stays(model):
    model.run([1.0, 2.0, 3.0], patience=0)
    assert model.epochs == model.weight[0] == 3


def test_without_a_validation_part_it_runs_as_long_as_was_chosen_before(model):
    model.epochs = 2
    model.run([3.0, 2.0, 1.0], patience=1, choosing=False)
    assert model.weight[0] == len(model.history) == 2


def test_weights_that_are_no_numbers_are_named_with_the_epoch(model):
    settings = model.Settings(epochs=9, patience=1)
    weight = np.ones(1)

    def step(epoch):
        weight[0] = np.inf if epoch == 3 else 1

    with pytest.raises(FoldinError, match="Scripted diverged in epoch 3; lower its learning rate"):
        train_by_epochs(
            model,
            settings,
            step=step,
            watch=lambda: {"watched": 1.0},
            weights=[weight],
            choose_by="watched",
            choosing=False,
        )


def test_row_dots_are_dot_products_across_blocks(monkeypatch):
    monkeypatch.setattr(factorization, "BLOCK_PAIRS", 4)
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    rows, columns = rng.integers(0, 5, 11), rng.integers(0, 7, 11)
    dots = row_dots(left, rows, right, columns)
    np.testing.assert_allclose(dots, (left @ right.T)[rows, columns], rtol=1e-6)
    assert dots.dtype == np.float32
