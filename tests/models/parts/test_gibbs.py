"""Draws come from the posterior that theory gives, and residuals stay those of the model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from synthetic import from_triples

from foldin.models.parts import gibbs
from foldin.models.parts.gibbs import Sampler
from foldin.models.parts.relations import Block, block, group, implicit


def small_chain(seed, factors=2, n_blocks=3) -> tuple[Sampler, list[Block], np.ndarray]:
    """Return a chain over three blocks whose groups overlap, its blocks and its targets."""
    rng = np.random.default_rng(seed)
    blocks = []
    for n_rows in (5, 4, 3)[:n_blocks]:
        features = rng.normal(size=(n_rows, 4)) * (rng.random((n_rows, 4)) < 0.6)
        features[:, 3] = 0
        blocks.append(block(rng.integers(0, n_rows, 30).astype(np.int32), n_rows, (group(sparse.csr_array(features)),)))
    targets = rng.normal(size=30)
    return Sampler(targets, blocks, factors, rng), blocks, targets


def dense(block):
    """Return every rating's features of a block as a dense matrix: ids, then the group's."""
    features = block.groups[0]
    columns = np.repeat(np.arange(features.n_features), np.diff(features.starts))
    beside = np.zeros((block.n_rows, features.n_features))
    beside[features.rows, columns] = features.values
    return np.column_stack([np.eye(block.n_rows), beside])[block.row_of]


def by_definition(chain, blocks):
    """Return the predictions of a factorization machine as Rendle (2010) defines it, over all features side by side."""
    x = np.column_stack([dense(block) for block in blocks])
    weights = np.column_stack(
        [part.values for own, other in zip(chain.ids, chain.others, strict=True) for part in (own, *other)]
    )
    w, v = weights[0], weights[1:]
    return chain.constant + x @ w + (((x @ v.T) ** 2).sum(axis=1) - (x**2 @ (v**2).T).sum(axis=1)) / 2


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 3), st.integers(1, 3), st.integers(0, 3))
def test_residuals_are_those_of_the_factorization_machine_after_any_sweep(seed, factors, n_blocks, sweeps):
    chain, blocks, targets = small_chain(seed, factors, n_blocks)
    for _ in range(sweeps):
        chain.sweep()
    np.testing.assert_allclose(targets - chain.residuals, by_definition(chain, blocks), atol=1e-9)
    np.testing.assert_allclose(chain.predictions(), by_definition(chain, blocks), atol=1e-9)


class FixedNoise:
    """A generator whose normal numbers are all the same."""

    def __init__(self, z):
        self.z = z

    def standard_normal(self, size=None):
        return self.z if size is None else np.full(size, self.z)


@pytest.mark.parametrize("which", [0, 2], ids=["w", "a factor"])
@pytest.mark.parametrize("in_group", [False, True], ids=["an id", "a feature"])
@pytest.mark.parametrize("z", [0.0, 1.0], ids=["its mean", "its spread"])
def test_a_weight_is_drawn_from_its_normal_posterior(which, in_group, z, monkeypatch):
    chain, blocks, targets = small_chain(1)
    part = chain.others[1][0] if in_group else chain.ids[1]
    part.mean[:], part.precision[:] = 0.3, 2.5
    chain.noise, chain._rng = 1.7, FixedNoise(z)
    monkeypatch.setattr(chain, "_draw_prior", lambda *_: None)
    if in_group:  # ids come first: they stay as they are
        monkeypatch.setattr(gibbs, "draw_ids", lambda *_: None)
    if which:
        for each, sums in zip(blocks, chain.sums, strict=True):
            gibbs.add_sums(each.row_of, sums[which - 1], chain._cells)
    start, predicted = part.values[which, 0], by_definition(chain, blocks)
    part.values[which, 0] += 1
    slopes = by_definition(chain, blocks) - predicted
    part.values[which, 0] = start
    chain._draw_block(1, which)
    precision = 2.5 + 1.7 * slopes @ slopes
    mean = (2.5 * 0.3 + 1.7 * slopes @ (targets - predicted + start * slopes)) / precision
    np.testing.assert_allclose(part.values[which, 0], mean + z / np.sqrt(precision), rtol=1e-9)


def test_the_average_of_many_draws_is_the_exact_posterior_where_only_weights_matter(monkeypatch):
    """With priors and noise given, the posterior is that of a ridge regression on a constant and all features."""
    chain, blocks, targets = small_chain(2, factors=0)
    monkeypatch.setattr(chain, "_draw_prior", lambda *_: None)
    monkeypatch.setattr(chain, "_draw_noise", lambda: None)
    chain.noise, drawn = 2.0, []
    for sweep in range(6000):
        chain.sweep()
        if sweep >= 100:
            drawn.append(chain.predictions())
    x = np.column_stack([np.ones(30), *(dense(each) for each in blocks)])
    covariance = np.linalg.inv(np.eye(x.shape[1]) + 2.0 * x.T @ x)
    np.testing.assert_allclose(np.mean(drawn, axis=0), x @ (2.0 * covariance @ x.T @ targets), atol=0.04)
    np.testing.assert_allclose(np.var(drawn, axis=0), np.sum((x @ covariance) * x, axis=1), rtol=0.15)


def test_the_prior_is_drawn_from_its_own_posterior():
    chain, _, _ = small_chain(4)
    part, known = chain.ids[0], np.array([True, True, True, True, False])
    part.values[1] = [1.0, 2.0, 4.0, 5.0, 99.0]
    means, precisions = [], []
    for _ in range(20_000):
        chain._draw_prior(part, 1, known)
        means.append(part.mean[1])
        precisions.append(part.precision[1])
    # Of a normal-gamma: mean Σ/(n + 1); shape (1 + n)/2, and rate (1 + Σ(v - average)² + average² n/(n + 1))/2.
    assert np.mean(means) == pytest.approx(12 / 5, abs=0.03)
    assert np.mean(precisions) == pytest.approx(5 / (1 + 10 + 9 * 4 / 5), rel=0.02)


def test_the_noise_is_drawn_from_its_own_posterior():
    chain, _, _ = small_chain(5)
    drawn = []
    for _ in range(5000):
        chain._draw_noise()
        drawn.append(chain.noise)
    assert np.mean(drawn) == pytest.approx((1 + 30) / (1 + np.sum(chain.residuals**2)), rel=0.02)


def test_who_rated_what_has_weight_one_over_the_root_of_how_many():
    ratings = from_triples([0, 0, 0, 0, 2], [0, 1, 2, 3, 1], [0, 1, 2, 3, 4], (3, 5)).ratings
    features = implicit(ratings)
    assert features.known.tolist() == [True, True, True, True, False]
    cells = slice(features.starts[1], features.starts[2])
    assert features.rows[cells].tolist() == [0, 2]
    np.testing.assert_allclose(features.values[cells], [0.5, 1.0])
