"""Checkouts on which the engine is Spark; tests that start it skip where pyspark or Java is missing."""

import importlib.util

import pytest
from conftest import edit_params

from foldin.spark import java, options, session

FAST = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Starts a JVM sooner, and makes it slower later."""


@pytest.fixture(scope="session")
def installed():
    """Skip where Spark cannot start."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("needs pyspark: make install EXTRA=spark")
    path = java.program()
    if path is None or java.version(path) not in java.VERSIONS:
        pytest.skip("needs Java 17 or 21 (Debian: apt install openjdk-17-jre-headless)")


@pytest.fixture(scope="session")
def one_session(installed):
    """Stop the session that tests share, at the end; its shuffles have few tasks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "SHUFFLES", 4)
        yield
        session.stop()


def on_spark(folder, master="local[2]", **more):
    def edit(values):
        values["engine"] = "spark"
        values["spark"] |= {"master": master, "driver_gigabytes": 0.5, "executor_gigabytes": 0.5, **more}
        values["spark"]["options"] = {
            "spark.driver.extraJavaOptions": FAST,
            "spark.executor.extraJavaOptions": FAST,
        }

    edit_params(folder, edit)


@pytest.fixture
def on_a_core(workspace, one_session):
    """Return a miniature checkout whose engine is Spark, in this process's own JVM."""
    on_spark(workspace)
    return workspace
