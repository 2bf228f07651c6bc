"""Lists of all users, made on Spark: the file of the local engine."""

import shutil

import pandas as pd
import pytest
from spark_checkouts import on_spark

from foldin import cli


@pytest.mark.timeout(1200)
def test_the_file_is_the_local_engines(trained, one_session, tmp_path, monkeypatch):
    checkout = shutil.copytree(trained, tmp_path / "checkout")
    monkeypatch.chdir(checkout)
    files = [tmp_path / name for name in ("local.parquet", "spark.parquet")]
    command = ["recommend", "--all", "--model", "ease", "--k", "4", "--to"]
    assert cli.main([*command, str(files[0])]) == 0
    on_spark(checkout)
    assert cli.main([*command, str(files[1])]) == 0
    local, spark = map(pd.read_parquet, files)
    assert len(local) == 200
    pd.testing.assert_frame_equal(spark, local)
