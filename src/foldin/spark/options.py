"""The settings of a session: those that foldin sets, on which its results and messages rest, and `spark.options`."""

from pathlib import Path

from foldin.core import determinism, params
from foldin.core.errors import FoldinError

LOG4J = Path(__file__).with_name("log4j2.properties")
SHUFFLES = 16
"""Partitions of a shuffle. A constant: were it the number of cores, sums would be grouped by machine."""
STACK = "-Xss8m"
"""Stack of the JVM's threads: many epochs make a plan whose steps are nested deeply."""
KEYS = {
    "spark.master": "spark.master",
    "spark.cores.max": "spark.cores",
    "spark.driver.memory": "spark.driver_gigabytes",
    "spark.executor.memory": "spark.executor_gigabytes",
    "spark.driver.defaultJavaOptions": "spark.driver.extraJavaOptions in spark.options",
    "spark.executor.defaultJavaOptions": "spark.executor.extraJavaOptions in spark.options",
}
"""Setting of Spark → what sets it in params.yaml."""


def pinned(where: params.Spark) -> dict[str, str]:
    """Return the settings of a session that `spark.options` cannot change.

    Parameters
    ----------
    where : params.Spark
        Section `spark` of params.yaml.
    """
    lane = determinism.variables(1)  # a task of Spark has one core
    chosen = {
        "spark.app.name": "foldin",
        "spark.master": where.master,
        "spark.cores.max": str(where.cores),
        "spark.driver.memory": f"{where.driver_gigabytes * 1024:.0f}m",
        "spark.executor.memory": f"{where.executor_gigabytes * 1024:.0f}m",
        "spark.driver.defaultJavaOptions": f"{STACK} -Dlog4j2.configurationFile={LOG4J.as_uri()}",
        "spark.executor.defaultJavaOptions": STACK,
        "spark.driver.maxResultSize": "0",  # memory is the limit
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(SHUFFLES),
        # Else the number of partitions, and so of sums, follows their size in bytes.
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Every worker sees the checkout, so executors run the driver's code, with the machine code cached beside it.
        "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),
        **{f"spark.executorEnv.{name}": value for name, value in lane.items() if value},
    }
    if where.master.startswith("local") or "://127.0.0.1:" in where.master or "://localhost:" in where.master:
        chosen |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return chosen


def of(where: params.Spark) -> dict[str, str]:
    """Return all settings of a session, those of `spark.options` included.

    Raises
    ------
    FoldinError
        When `spark.options` names a setting that foldin sets.
    """
    chosen = pinned(where)
    for name, value in where.options.items():
        if name in chosen:
            what = f"spark.options sets {name} to '{value}', which foldin sets to '{chosen[name]}'"
            remedy = f"remove it from spark.options{f'; set {KEYS[name]} instead' if name in KEYS else ''}"
            raise FoldinError(what, where="params.yaml", remedy=remedy)
    return chosen | where.options
