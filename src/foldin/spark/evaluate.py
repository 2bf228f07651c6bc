"""Stage `evaluate` on Spark: executors rank, with the saved models, the test part and the code of the local engine.

Blocks of users are those of the local engine, and linear algebra has as many threads as it has there, because the last
digits of products of matrices may depend on both. So all files are equal to the byte. The driver predicts the test
ratings, and makes metrics of what executors found. It evaluates networks by itself: TensorFlow takes its number of
threads from the environment, and an executor's is 1.
"""

import importlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import threadpoolctl

from foldin.core import params, paths
from foldin.core.interactions import IntArray
from foldin.core.params import Evaluation, section
from foldin.core.progress import say
from foldin.evaluation import evaluate, test_part
from foldin.evaluation.judge import Ranker
from foldin.evaluation.rank_block import RankedBlock, rank_block
from foldin.evaluation.test_part import HeldOut
from foldin.models.parts.recommender import Recommender
from foldin.spark import session
from foldin.spark.row_blocks import Fault, raise_faults, said

NETWORKS = ("autoencoder", "deep", "two_tower")
TASKS_PER_CORE = 2
"""A task begins with loading the model and the test part."""


def run(dataset: str, family: str) -> None:
    """Evaluate the saved models of a family, ranked with on Spark; see `foldin.evaluation.evaluate.run`."""
    if family in NETWORKS:
        say(f"{dataset}: {family} is evaluated by the local engine, because its models are networks")
        evaluate.run(dataset, family)
        return
    evaluate.run(dataset, family, ranker)


def ranker(dataset: str, family: str, model: Recommender, folder: Path) -> Ranker:
    """Return what ranks with a saved model on executors; an `Engine` of `foldin.evaluation.evaluate`."""
    kind = f"{type(model).__module__}:{type(model).__qualname__}"
    load = partial(_load, str(paths.root()), dataset, family, model.name, kind, folder)
    rank = _ranking(load, section(Evaluation), params.threads())

    def on_spark(blocks: Iterator[IntArray]) -> list[RankedBlock]:
        with session.job(f"{dataset}: {model.name}: ranking on Spark") as spark:
            context, given = spark.sparkContext, list(blocks)
            tasks = min(len(given), TASKS_PER_CORE * context.defaultParallelism)
            found: list[Any] = context.parallelize(given, tasks).mapPartitions(rank).collect()
        raise_faults(found)
        return found

    return on_spark


def _ranking(
    load: Callable[[], tuple[Recommender, HeldOut]], settings: Evaluation, threads: int
) -> Callable[[Iterator[IntArray]], Iterator[RankedBlock | Fault]]:
    def ranked(blocks: Iterator[IntArray]) -> Iterator[RankedBlock]:
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            model, test = load()
            for users in blocks:
                yield rank_block(model, test, settings, users)

    def rank(blocks: Iterator[IntArray]) -> Iterator[RankedBlock | Fault]:
        return said(ranked(blocks))

    return rank


def _load(root: str, dataset: str, family: str, name: str, kind: str, folder: Path) -> tuple[Recommender, HeldOut]:
    """Load a model and the test part in an executor, which has a folder of its own."""
    os.chdir(root)
    module, _, cls = kind.partition(":")
    made: type[Recommender] = getattr(importlib.import_module(module), cls)
    return evaluate.load_from(made, name, folder, dataset, family), test_part.load(dataset)
