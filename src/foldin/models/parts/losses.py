"""Losses whose values and gradients have the same bytes on every processor.

TensorFlow computes `reciprocal` and `rsqrt` with instructions that approximate them, and makers of processors
approximate differently. These operations occur in the gradients of `log`, `log1p` and `logsumexp`, so also in Keras'
binary cross-entropy from logits. The losses here are mathematically identical, but use operations that are exact on all
processors tried: `softplus`, `log_softmax` and cross-entropy from logits. `tests/models/test_operations.py` holds every
network to these, and `make test-machines` tries them on other processors.
"""

from typing import Any

from foldin.core.interactions import FloatArray
from foldin.models.parts import networks

IMPOSSIBLE = -1e9
"""A logit whose exponential is 0 in single precision, and no infinity."""


def binary_cross_entropy(labels: Any, logits: Any) -> Any:
    """Return how surprising labels are under the chances that logits stand for, ln(1 + exp((1 - 2 label) · logit)).

    Parameters
    ----------
    labels : tensor of 0 and 1, shape (...)
        What was seen.
    logits : tensor, shape (...)
        Logarithms of the odds of a 1.

    Returns
    -------
    tensor, shape (...)
        Negative log-likelihoods.
    """
    return networks.keras().ops.softplus((1 - 2 * labels) * logits)


def in_batch_softmax(picked: Any, logits: Any, log_share: FloatArray) -> Any:
    """Return each example's loss: how surprising the picked item is among those of the batch, seen as all items.

    An estimate of softmax cross-entropy over the catalogue (Yi et al. 2019, Sampling-bias-corrected neural modeling).
    An item's chance q of being another example's is its share of the training ratings; so among the B - 1 others its
    term exp(s) is divided by (B - 1) q. Others that are the picked item itself are masked. Yi et al. correct the picked
    item's term too; uncorrected, the estimate of the softmax's denominator is unbiased even where q is large.

    Parameters
    ----------
    picked : tensor, shape (B,)
        The picked items' indices, of any number type.
    logits : tensor, shape (B, B)
        Scores of each example's user (row) with each example's item (column).
    log_share : ndarray of float32, shape (n_items,)
        Natural logarithm of each item's share of the training ratings.

    Returns
    -------
    tensor, shape (B,)
        Negative log-likelihoods.
    """
    ops = networks.keras().ops
    picked = ops.cast(ops.reshape(picked, (-1,)), "int32")
    places = ops.arange(ops.shape(logits)[0])
    n_others = ops.cast(ops.shape(logits)[0] - 1, logits.dtype)
    others = logits - (ops.take(log_share, picked) + ops.log(n_others))
    others = ops.where(picked[:, None] == picked, IMPOSSIBLE, others)
    among = ops.where(places[:, None] == places, logits, others)
    return ops.sparse_categorical_crossentropy(places, among, from_logits=True)


def log_chances(logits: Any) -> Any:
    """Return the logarithm of the softmax of each row of logits, shape (n, m)."""
    return networks.keras().ops.log_softmax(logits, axis=-1)


def multinomial(rated: Any, logits: Any) -> Any:
    """Return the negative log-likelihood of each user's items, drawn by the softmax of the logits; shape (n,).

    Parameters
    ----------
    rated : tensor of 0 and 1, shape (n, n_items)
        The items each user rated.
    logits : tensor, shape (n, n_items)
        Logarithms of the chances that an item is drawn, up to a user's constant.

    Returns
    -------
    tensor, shape (n,)
        Negative log-likelihoods, added up over a user's items (Liang et al. 2018).
    """
    return -networks.keras().ops.sum(rated * log_chances(logits), axis=-1)


def from_standard_normal(mean: Any, log_variance: Any) -> Any:
    """Return the divergence KL(N(mean, variance) || N(0, 1)) of independent numbers, added up over them.

    Parameters
    ----------
    mean, log_variance : tensor, shape (n, size)
        Of normal distributions; the logarithm is the natural one.

    Returns
    -------
    tensor, shape (n,)
        Divergences in nats.
    """
    ops = networks.keras().ops
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1)
