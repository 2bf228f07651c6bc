"""Types for the parameters in params.yaml, each with its smallest and largest valid value.

A value that passes `foldin check` must not fail hours later inside a library. Each bound set by a library, numeric
precision or memory is defined here once; `foldin.core.schema` and the models' `Settings` use these types, with narrower
bounds where needed.
"""

from typing import Annotated

from pydantic import Field

LARGEST_SEED = 2**31 - 1
"""NumPy, scikit-learn and Keras take seeds below 2³²; further fits count up from the one given (evaluation.seeds)."""
MOST_THREADS = 64
"""What NumPy's OpenBLAS is built for: of more it would take so many without a word."""
LONGEST_LIST = 1000
"""Every user's list is held in memory for each model; no published metric looks further down than this."""
MOST_SEEDS = 100
"""Each is a whole training, and a saved model beside the others."""

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Share = Annotated[float, Field(gt=0, lt=1)]
"""A share of something that must leave something on both sides; what it leaves of few ratings, a stage says."""
SomeShare = Annotated[float, Field(ge=0.01, le=0.99)]
"""The same where there is no stage to say that a side is empty."""
ListLength = Annotated[int, Field(ge=1, le=LONGEST_LIST)]
Fits = Annotated[int, Field(ge=1, le=MOST_SEEDS)]
Width = Annotated[int, Field(ge=1, le=10_000)]
"""Length of a vector, or units of a layer. There is one of each user and item, and ALS solves systems of so many
unknowns; the widest published have 8,192 (Rendle et al. 2021)."""
Epochs = Annotated[int, Field(ge=1, le=100_000)]
"""Each is noted with its metrics in the training curves, and passes over all ratings."""
Steps = Annotated[int, Field(ge=1, le=1000)]
"""Of conjugate gradient: each passes over all ratings, and a few do where the next epoch goes on from there."""
Patience = Annotated[int, Field(ge=0, le=100_000)]
Damping = Annotated[float, Field(ge=0, le=1e6)]
"""Pseudo-ratings at the mean: with a million, no bias is left. More would drown real ones in the least squares of
fold-in."""
Penalty = Annotated[float, Field(ge=0, le=1e6)]
"""Weight of squares in a loss: with a million, no factor is left. Networks add them up in single precision."""
PositivePenalty = Annotated[float, Field(ge=1e-6, le=1e6)]
"""The same where a linear system has no unique solution without: below, it would be one of rounding errors."""
LearningRate = Annotated[float, Field(ge=1e-9, le=10)]
"""A smaller step is lost in single precision, a larger one leaves any scale of ratings."""
Spread = Annotated[float, Field(ge=1e-6, le=10)]
"""Standard deviation of numbers at the start: all 0, a product's gradient is 0, and it never learns."""
Exponent = Annotated[float, Field(ge=0, le=1)]
CellWeight = Annotated[float, Field(ge=1e-6, le=1e6)]
"""Weight of all cells beside the filled ones."""
MinCount = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Compared with counts of rows, which 32 bits hold."""
Dropout = Annotated[float, Field(ge=0, le=0.99)]
"""A share that is dropped, of which something must be left."""
Gigabytes = Annotated[float, Field(ge=0.001, le=10_000)]
Sweeps = Annotated[int, Field(ge=1, le=10_000)]
"""Passes over all weights of a descent that ends by itself where they no longer change."""
Neighbours = Annotated[int, Field(ge=1, le=10_000)]
"""So many are held for each user or item, whose indices and similarities take 8 bytes each."""
Shrinkage = Annotated[float, Field(ge=0, le=1e6)]
WalkExponent = Annotated[float, Field(ge=0, le=3)]
"""Of counts of ratings, up to billions: their products must not leave single precision."""
FilterWeight = Annotated[float, Field(ge=0, le=1000)]
"""Of one part of a score beside another; beyond, the other is lost in single precision."""
