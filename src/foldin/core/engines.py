"""Which engine runs a stage or fits a model, by `engine` in params.yaml: this process, or Spark.

Modules of foldin.spark are named here and imported by name, so that the stage `source` lists their files where Spark
runs, and nowhere else.
"""

from foldin.core import params

MODULES = {
    "preparation.clean": "spark.clean",
    "preparation.user_item": "spark.user_item",
    "evaluation.evaluate": "spark.evaluate",
    "recommend.batch": "spark.batch",
}
"""Module of the local engine → the module on Spark with the same `run`."""
FAMILIES = {"als": "spark.als", "baselines": "spark.baselines", "neighbours": "spark.neighbours"}
"""Model family → its module on Spark, whose `MODELS` are subclasses of the family's."""


def engine() -> str:
    """Return what runs the stages that Spark can run, "local" or "spark"."""
    return str(params.read()["engine"])


def spark() -> params.Spark:
    """Return where Spark runs; no stage declares it.

    Settings that results depend on are not among its keys, and `spark.options` cannot change them. It may hold others
    that regroup the sums of MLlib, and so change the last digits of `als-explicit`.
    """
    return params.parse(params.Spark, params.read().get("spark", {}), "spark")


def module(local: str) -> str:
    """Return the full name of the module whose `run` does some work.

    Parameters
    ----------
    local : str
        The local engine's module, below foldin: "preparation.clean".
    """
    return f"foldin.{MODULES.get(local, local) if engine() == 'spark' else local}"


def fitting(family: str) -> str | None:
    """Return the full name of the module with which Spark fits a family's models; None where this process does."""
    return f"foldin.{FAMILIES[family]}" if engine() == "spark" and family in FAMILIES else None
