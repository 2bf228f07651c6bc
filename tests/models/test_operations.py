"""Networks use no operation of TensorFlow that was not tried on other processors.

Some operations give other last digits on other processors, and hide in gradients (foldin.models.parts.losses says
which). What a network runs is looked at while it learns and folds in: gradients, TensorFlow's own rewriting of both,
and the optimizer are in it. It must be among what `trials.operations` runs, whose bytes `make test-machines` compares
across processors, or compute nothing.
"""

import contextlib
from collections.abc import Callable, Iterator

import pytest
import trials
from test_contract import NAMES, awkward, made_small, ratings_of_held_out_users, settings_of

from foldin.models.parts import losses, networks
from foldin.models.parts.networks import NetworkSettings

# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
# Moves, chooses, counts or draws whole numbers: there is no digit to round.
MOVES = {
    "AnonymousIteratorV3", "Arg", "AssignVariableOp", "BroadcastGradientArgs", "BroadcastTo", "Cast",
    "ConcatOffset", "ConcatV2", "Const", "DeviceArg", "DeviceRetval", "EagerConst", "Enter", "Equal", "Exit",
    "ExpandDims", "Fill", "FlatMapDataset", "FloorDiv", "FloorMod", "GatherV2", "GreaterEqual", "HostCast",
    "HostRecv", "HostSend", "Identity", "IdentityN", "If", "InvertPermutation", "IteratorGetNext",
    "IteratorGetNextAsOptional", "Less", "LogicalAnd", "LogicalNot", "LogicalOr", "LoopCond", "MakeIterator",
    "MapDataset", "Merge", "NextIteration", "NoOp", "OptionalFromValue", "OptionalGetValue", "OptionalHasValue",
    "OptionalNone", "OptionsDataset", "Pack", "ParallelMapDatasetV2", "Placeholder", "PrefetchDataset", "Prod",
    "Range", "RangeDataset", "ReadVariableOp", "Recv", "RepeatDataset", "Reshape", "Retval", "Select",
    "SelectV2", "Send", "Shape", "ShapeN", "Slice", "StatelessRandomGetKeyCounter", "StopGradient", "StridedSlice",
    "StridedSliceGrad", "Switch", "TensorDataset", "TensorSliceDataset", "Tile", "Unpack", "VarHandleOp",
    "VarIsInitializedOp", "While", "ZerosLike", "ZipDataset",
}  # fmt: skip


@contextlib.contextmanager
def watched() -> Iterator[set[str]]:
    """Fill a set with the operations that run: at once, in functions, and in what TensorFlow makes of functions."""
    from tensorflow.python.eager import context
    from tensorflow.python.framework import op_callbacks

    seen: set[str] = set()

    def note(op_type, *_, **__):
        seen.add(op_type.decode() if isinstance(op_type, bytes) else op_type)

    op_callbacks.add_op_callback(note)
    context.context().enable_graph_collection()
    try:
        yield seen
    finally:
        op_callbacks.remove_op_callback(note)
        ran = context.context().export_run_metadata()
        context.context().disable_graph_collection()
        for graph in ran.partition_graphs:
            seen |= {node.op for node in graph.node}
            seen |= {node.op for function in graph.library.function for node in function.node_def}


def operations_of(work: Callable[[], object]) -> set[str]:
    """Return the operations that compute something in what is done, by the plain names of TensorFlow."""
    networks.keras()
    with watched() as seen:
        work()
    # `_MklMatMul` and the like are oneDNN's own kernels of an operation: names of their own, to be tried as such.
    return {name for name in seen if not name.startswith("__") and name.lstrip("_") not in MOVES}


@pytest.fixture(scope="module")
def tried() -> set[str]:
    def all_trials() -> None:
        for _, compute in trials.operations():
            compute()

    return operations_of(all_trials)


def runs_of(family: str, name: str) -> set[str]:
    cls, settings = settings_of(family, name)

    def work() -> None:
        model = cls(made_small(settings), seed=5).fit(*awkward())
        model.fold_in(ratings_of_held_out_users())

    return operations_of(work)


NETWORKS = [
    (family, name) for family, name in NAMES if issubclass(settings_of(family, name)[0].Settings, NetworkSettings)
]  # fmt: skip


@pytest.mark.parametrize(("family", "name"), NETWORKS, ids=[name for _, name in NETWORKS])
def test_a_network_runs_only_operations_tried_on_other_processors(family, name, tried):
    untried = runs_of(family, name) - tried
    assert not untried, f"{name} runs {', '.join(sorted(untried))}: add a trial of each to tests/trials.py"


def test_no_trial_runs_what_processors_only_approximate(tried):
    assert tried.isdisjoint({"Inv", "InvGrad", "Reciprocal", "ReciprocalGrad", "Rsqrt", "RsqrtGrad"})


def test_keras_own_binary_cross_entropy_is_found(tried, monkeypatch):
    theirs = networks.keras().losses.BinaryCrossentropy(from_logits=True)
    monkeypatch.setattr(losses, "binary_cross_entropy", theirs)
    assert "Reciprocal" in runs_of("deep", "ncf-ranking") - tried


def test_keras_own_sum_of_exponentials_is_found(tried, monkeypatch):
    ops = networks.keras().ops
    monkeypatch.setattr(
        losses, "in_batch_softmax", lambda picked, logits, share: ops.logsumexp(logits, axis=1) - ops.diagonal(logits)
    )
    assert "Reciprocal" in runs_of("two_tower", "two-tower-retrieval") - tried
