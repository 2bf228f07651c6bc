"""What must have the same bytes on every processor: `python tests/trials.py` computes it and prints digests.

    python tests/trials.py operations networks      # some of it: a line `name digest` for each thing computed

`make test-machines` runs it as it is and as other processors, and compares the lines. The operations of TensorFlow that
trials run are also those that networks may use: `test_operations.py` holds every network to them. So a new operation
comes with a trial of it here, and that trial with an answer from other processors.
"""

import contextlib
import hashlib
import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

CHECKOUT = Path(__file__).resolve().parents[1]
FAMILIES = sorted(file.stem for file in (CHECKOUT / "src" / "foldin" / "models").glob("[a-z]*.py"))
sys.path[:0] = [str(CHECKOUT / "src"), str(CHECKOUT / "tests")]

from foldin.core import determinism  # noqa: E402

# Before anything imports numpy, which reads the environment then.
if __name__ == "__main__":
    determinism.fix_environment(threads=2)

import numpy as np  # noqa: E402

from foldin.models.parts.validation import validate  # noqa: E402

# Shapes as M×K×N: of demo, of batches of 16,384, of wide layers, of many features, of large catalogues.
PRODUCTS = [
    (80, 64, 80), (48, 1024, 32), (48, 8192, 32), (50, 900, 128), (512, 32, 512), (7, 13, 1), (3, 3000, 3),
    (16_384, 8, 512), (8, 16_384, 512), (512, 16_384, 1), (16_384, 32, 1024), (1024, 16_384, 32), (16_384, 1024, 1),
    (512, 5000, 32), (5000, 512, 32), (100, 32, 27_000), (100, 27_000, 32), (2048, 64, 2048),
]  # fmt: skip


def draws(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def digest(*arrays: Any) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def operations() -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """Give what TensorFlow computes in networks, each with its gradient, compiled as networks are."""
    from foldin.models.parts import losses
    from foldin.models.parts import networks as neural

    ops = neural.keras().ops
    import tensorflow as tf

    def with_gradient(function: Callable[[Any], Any], *arrays: np.ndarray) -> Callable[[], list[Any]]:
        @tf.function
        def both(*tensors: Any) -> list[Any]:
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                values = function(*tensors)
            return [values, *(tf.convert_to_tensor(part) for part in tape.gradient(values, tensors))]

        return lambda: [tensor.numpy() for tensor in both(*map(tf.convert_to_tensor, arrays))]

    for m, k, n in PRODUCTS:
        arrays = draws(m, k), draws(k, n, seed=1), draws(n, seed=2)
        yield f"product {m}x{k}x{n}", with_gradient(lambda a, b, c: tf.nn.relu(tf.matmul(a, b) + c), *arrays)
    wide, batch, catalogue = draws(300, 2700), draws(1 << 20), draws(40, 27_000)
    for name, function in {
        "softplus": ops.softplus,
        "sigmoid": ops.sigmoid,
        "tanh": ops.tanh,
        "exp": ops.exp,
        "square root": lambda x: ops.sqrt(ops.square(x) + 1),
        # Times something: where a gradient is all ones, TensorFlow divides by `reciprocal`.
        "quotient": lambda x: x * (x / (1.5 + ops.square(x))),
        "minimum": lambda x: x * ops.minimum(x, 0.5),
        "transposed": lambda x: ops.transpose(x) * ops.transpose(x),
        "relu": ops.relu,
        "leaky relu": lambda x: ops.leaky_relu(x, 0.01),
        "softmax": lambda x: ops.softmax(x, axis=-1),
        "log chances": losses.log_chances,
        "largest": lambda x: ops.max(x, axis=-1),
        "cosine": ops.cos,
        "sums of rows": lambda x: ops.sum(ops.square(x), axis=1),
        "sums of columns": lambda x: ops.sum(ops.square(x), axis=0),
        "means": lambda x: ops.mean(ops.mean(ops.square(x), axis=0)),
    }.items():
        yield name, with_gradient(function, wide)
    yield "a large sum", with_gradient(lambda x: ops.sum(ops.square(x)), batch)
    yield (
        "binary cross-entropy",
        with_gradient(lambda x: losses.binary_cross_entropy(ops.cast(x > 0.5, x.dtype), x), batch),
    )
    yield "log chances of a catalogue", with_gradient(losses.log_chances, catalogue)
    rated = (draws(40, 27_000, seed=9) > 2).astype(np.float32)
    yield "multinomial likelihood", with_gradient(lambda x: losses.multinomial(rated, x), catalogue)
    yield "divergence", with_gradient(losses.from_standard_normal, draws(512, 64), draws(512, 64, seed=1))
    items = np.random.default_rng(3).integers(0, 900, 512)
    share = draws(900)
    yield "softmax in a batch", with_gradient(lambda x: losses.in_batch_softmax(items, x, share), draws(512, 512))
    rows = np.random.default_rng(4).integers(0, 3000, 16_384)
    yield "rows of a table", with_gradient(lambda table: ops.take(table, rows, axis=0) ** 2, draws(3000, 32))
    yield "logarithm without gradient", lambda: [tf.function(ops.log)(tf.abs(tf.convert_to_tensor(wide)) + 0.1).numpy()]
    yield "steps of Adam", lambda: steps_of_adam()
    yield "epochs of Adam", lambda: epochs_of(lambda keras: keras.optimizers.Adam(0.01))
    yield "epochs of momentum", lambda: epochs_of(lambda keras: keras.optimizers.SGD(0.08, momentum=0.9))


def steps_of_adam() -> list[Any]:
    """Return the weights of a network of Keras' own layers after three steps of `fit` over 16,384 examples each."""
    from foldin.models.parts import networks as neural

    keras = neural.start(7)
    model, rows, targets = network_of_layers(keras)
    falling = keras.optimizers.schedules.CosineDecay(0.1, 3)
    model.compile(optimizer=keras.optimizers.Adam(falling), loss="mean_squared_error")
    model.fit([rows], targets, batch_size=16_384, shuffle=False, verbose=0)
    return model.get_weights()


def epochs_of(optimizer: Callable[[Any], Any]) -> list[Any]:
    """Return the losses and weights of the same network after two epochs as networks have them."""
    from foldin.models.parts import network_steps
    from foldin.models.parts import networks as neural

    keras = neural.start(7)
    model, rows, targets = network_of_layers(keras)
    epoch = network_steps.compiled(model, optimizer(keras), "mean_squared_error")
    return [np.array([epoch([rows], targets, size) for size in (16_384, 8192)]), *model.get_weights()]


def network_of_layers(keras: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a network, three times 16,384 indices to learn from, and their targets, shape (n, 1)."""
    index = keras.layers.Input((), dtype="int32")
    row = keras.layers.Embedding(3000, 32, embeddings_initializer="random_normal", embeddings_regularizer="l2")(index)
    hidden = keras.layers.Dropout(0.5, seed=1)(keras.layers.Dense(1024, activation="relu")(row))
    model = keras.Model([index], keras.layers.Dense(1)(keras.layers.Dense(16)(hidden)))
    rows = np.random.default_rng(8).integers(0, 3000, 3 * 16_384).astype(np.int32)
    return model, rows, draws(len(rows), 1)


def libraries() -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """Give what numpy, scipy, scikit-learn and the C library compute, at sizes of real data."""
    import scipy.linalg
    from scipy import sparse, stats

    from foldin.core.schema import Search
    from foldin.models import linear
    from foldin.models.parts import decompositions, ridge_rows
    from foldin.tuning import search
    from foldin.tuning.spaces import Range
    from foldin.tuning.trials import COMPLETE, Outcome

    left, right = draws(700, 3000), draws(3000, 500, seed=1)
    yield (
        "numpy products",
        lambda: [left @ right, left.astype(float) @ right.astype(float), left[:, :500] @ right[:500]],
    )
    yield "numpy sums", lambda: [left.sum(), left.sum(axis=0), left.mean(axis=1), left.astype(float).var(axis=0)]
    positive = np.abs(left) + np.float32(0.1)
    doubles = positive.astype(float)
    for name in ("exp", "log", "log1p", "log2", "sqrt", "tanh", "sin", "cos"):
        function = getattr(np, name)
        yield f"numpy {name}", lambda function=function: [function(positive), function(doubles), function(-doubles[:0])]
    yield "numpy powers", lambda: [positive**1.7, doubles**0.3, doubles**-0.5]
    numbers = doubles[0].tolist()
    yield (
        "C library",
        lambda: [
            np.array(
                [
                    [math.exp(-x), math.log(x), x**0.37, math.sin(x), math.cos(x), math.tanh(x), math.erf(x)]
                    for x in numbers
                ]
            )
        ],
    )
    yield "quantiles of distributions", lambda: [stats.norm.ppf(np.linspace(0.01, 0.99, 999)), stats.norm.cdf(left[0])]
    rng = np.random.default_rng(5)
    cells = sparse.random_array((4000, 2500), density=0.01, format="csr", rng=rng, dtype=np.float64)
    yield "sparse products", lambda: [cells @ draws(2500, 32), (cells.T @ cells).data]
    pairs = (cells.T @ cells)[:1100, :1100].toarray() + 30 * np.eye(1100)
    yield "inverses", lambda: [np.triu(linear.inverted(pairs.copy()))]
    yield "elastic nets", lambda: [linear.elastic_nets(pairs.astype(np.float32), 0, 40, 0.01, 1.0, 20, 1e-4)]
    columns, targets = draws(2500, 64), draws(cells.nnz, seed=2)
    some = np.abs(draws(4000, seed=3)) + np.float32(0.1)
    for size in (10, 64):
        # Rows have 5 to 50 cells: with 10 features systems are those of features, with 64 those of cells.
        solved = partial(ridge_rows.solve, cells, targets, np.ascontiguousarray(columns[:, :size]), some)
        yield f"ridge regressions of {size} features", lambda solved=solved: _parts(solved(intercept_penalty=3.0))
    yield (
        "steps of conjugate gradient",
        lambda: _parts(ridge_rows.solve(cells, targets, columns, some, intercept_penalty=3.0, steps=3)),
    )
    long = sparse.csr_array(cells.T)
    yield (
        "ridge regressions over all columns",
        lambda: _parts(ridge_rows.solve_filled(long, draws(4000, 129, seed=4), some[:2500], 0.3)),
    )
    yield "Gibbs sweeps in two threads", sweeps
    yield "random draws", lambda: [rng.normal(size=1000), rng.standard_gamma(2.0, 1000), rng.permutation(1000)]

    def searched() -> list[Any]:
        how = Search(method="tpe", trials=24, parallel=2, folds=0, prune_after=0)
        # Optuna sorts by numpy's quicksort, in which QEMU ends; a stable sort puts numbers in the same order.
        plain = np.argsort
        with mock.patch.object(np, "argsort", lambda values, *_, **how: plain(values, **how | {"kind": "stable"})):
            found = search.search(
                {name: Range(0.001, 1.0, log=True, whole=False) for name in ("rate", "l2")},
                how,
                1,
                lambda jobs: [Outcome(COMPLETE, abs(sum(job.settings.values()) - 0.3), ()) for job in jobs],
                lower_is_better=True,
            )
        return [np.array([list(trial.settings.values()) for trial in found[1:]])]

    yield "search by TPE", searched
    # Nothing is sorted here: after LAPACK's SVD and others, QEMU 7.2 ends in numpy's argsort, whatever is sorted.
    square = left[:, :700].astype(float) + left[:, :700].T.astype(float)
    yield "eigenvalues", lambda: list(np.linalg.eigh(square))
    yield "singular values", lambda: list(scipy.linalg.svd(left[:, :400].astype(float), full_matrices=False))
    yield "svds", lambda: list(decompositions.by_lanczos(cells, 20, 1))
    yield "randomized SVD", lambda: list(decompositions.by_random_projection(cells, 20, 1))


def _parts(solved: Any) -> list[Any]:
    return [solved.weights, solved.intercepts, solved.objective]


def sweeps() -> list[Any]:
    """Return the state of a chain over a large world after two sweeps, each kernel spread over threads."""
    from unittest import mock

    from foldin.models.parts import gibbs
    from foldin.models.parts.relations import block, implicit

    world = large_world()
    users, items, ratings = world.triples()
    by_item = world.ratings.T.tocsr()
    blocks = [block(users, 1500, (implicit(world.ratings),)), block(items, 4000, (implicit(by_item),))]
    chain = gibbs.Sampler(ratings.astype(float) - 3, blocks, 3, np.random.default_rng(9))
    with mock.patch.object(gibbs, "WORTH_THREADS", 0):
        chain.sweep()
        chain.sweep()
    return [chain.residuals, *chain.biases, *chain.sums, np.array([chain.constant, chain.noise])]


def networks() -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """Give every network, learned in large batches from a large catalogue with many features, and new users' scores."""
    from foldin.models.parts.networks import NetworkSettings

    world = large_world()
    for _family, name, cls, settings in all_models():
        if isinstance(settings, NetworkSettings):
            smaller: dict[str, Any] = {"epochs": 1}
            smaller |= {"steps_per_epoch": 3} if hasattr(settings, "steps_per_epoch") else {}
            smaller |= {"hidden": 1024} if name == "mlp-centred" else {}
            yield name, partial(learned, cls, settings.model_copy(update=smaller), world)


def all_models() -> Iterator[tuple[str, str, Any, Any]]:
    """Give family, name, class and settings in params.yaml of every model."""
    from ruamel.yaml import YAML

    from foldin.core import params
    from foldin.models import family_models

    values = YAML(typ="safe", pure=True).load(CHECKOUT / "params.yaml")
    for family in params.known_families():
        for name, cls in family_models(family).items():
            yield family, name, cls, params.parse(cls.Settings, values[family][name] or {}, f"{family}.{name}")


def learned(cls: Any, settings: Any, world: Any) -> list[Any]:
    model = cls(settings, seed=5).fit(world)
    return [*model._arrays().values(), model.score(np.arange(2, dtype=np.int32)), model.fold_in(world.ratings[:2])]


def large_world() -> Any:
    """Return 48,000 ratings by 1,500 users of 4,000 items that have 1,700 creators."""
    from synthetic import from_triples

    rng = np.random.default_rng(6)
    cells = np.unique(rng.integers(0, 1500, 48_000) * 4000 + (4000 * rng.random(48_000) ** 3).astype(int))
    users, items = np.divmod(cells, 4000)
    world = from_triples(users, items, rng.integers(1, 11, len(cells)) / 2, (1500, 4000))
    world.items["creator"] = [f"c{item % 1700}" for item in range(4000)]
    return world


def models(only: str) -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """Give every model of a family learned on a small world, its metrics on held-out ratings and their intervals."""
    from synthetic import planted

    from foldin import metrics
    from foldin.metrics import uncertainty

    train, validation, test = planted(150, 80)

    def judged(cls: Any, settings: Any) -> list[Any]:
        model = cls(settings, seed=5).fit(train, validation)
        found = validate(model, test, 10)
        users = np.arange(150, dtype=np.int32)
        ndcg = metrics.ndcg(model.recommend(users, 10)[0], test.ratings)
        ndcg = ndcg[~np.isnan(ndcg)]
        means = uncertainty.bootstrap_means(ndcg[:, None], np.ones((len(ndcg), 1)), 500, 1)
        stds = model.predict_std(*test.triples()[:2]) if model.predicts_ratings else None
        stds = () if stds is None else (stds,)
        return [*model._arrays().values(), model.score(users), np.array(list(found.values())), means, *stds]

    for family, name, cls, settings in all_models():
        if family == only:
            smaller: dict[str, Any] = {"epochs": 3} if hasattr(settings, "epochs") else {}
            if hasattr(settings, "parts"):
                smaller["parts"] = {
                    part: own | ({"epochs": 3} if "epochs" in own else {}) for part, own in settings.parts.items()
                }
            yield name, partial(judged, cls, settings.model_copy(update=smaller))


PARTS: Mapping[str, Callable[[], Iterator[tuple[str, Callable[[], list[Any]]]]]] = {
    "libraries": libraries,
    "operations": operations,
    "networks": networks,
    # A process for each family: what sorts numbers after another family's LAPACK ends QEMU 7.2.
    **{f"models of {family}": partial(models, family) for family in FAMILIES},
}


def main(parts: list[str]) -> None:
    for part in parts or PARTS:
        for name, compute in PARTS[part]():
            with contextlib.redirect_stderr(io.StringIO()):
                found = digest(*compute())
            print(f"{part}: {name.replace(' ', '_')} {found}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
