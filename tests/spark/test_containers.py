"""The cluster of containers is one cluster: its files and its page name the same addresses, paths and programs."""

import re

import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML

from foldin.spark import java

FOLDER = CHECKOUT / "docs" / "cluster"


@pytest.fixture(scope="module")
def services():
    return YAML(typ="safe").load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_workers_and_params_name_the_address_that_the_master_has(services):
    master, worker = services["master"]["command"], services["worker"]["command"]
    host, port = master[master.index("--host") + 1], master[master.index("--port") + 1]
    assert host in services  # by which containers find it
    assert worker[-1] == f"spark://{host}:{port}"
    assert f"`spark.master: {worker[-1]}`" in (CHECKOUT / "docs" / "scale.md").read_text(encoding="utf-8")


def test_all_containers_have_the_checkout_at_one_path_and_run_its_programs(services):
    (path,) = {volume.rpartition(":")[2] for each in services.values() for volume in each["volumes"]}
    recipe = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert f"PATH={path}/.venv/bin:" in recipe
    assert f"WORKDIR {path}\n" in recipe
    assert f"safe.directory {path}\n" in recipe
    assert {each["command"][0] for each in services.values()} == {f"{path}/.venv/bin/spark-class", "foldin"}


def test_no_port_is_published(services):
    assert not any("ports" in each or "network_mode" in each for each in services.values())


def test_the_image_has_a_java_that_foldin_accepts_and_what_make_install_needs():
    packages = re.findall(r"[a-z][\w.-]+", (FOLDER / "Dockerfile").read_text(encoding="utf-8"))
    assert {"ca-certificates", "git", "make", "python3", "python3-pip"} <= set(packages)
    (version,) = (int(found[1]) for each in packages if (found := re.fullmatch(r"openjdk-(\d+)-jre-headless", each)))
    assert version in java.VERSIONS
