"""The registry: each data set in one place, found by name, light to import."""

import subprocess
import sys

import pytest

from foldin import datasets
from foldin.errors import FoldinError


def test_the_embedded_data_set_comes_first_and_all_are_found():
    assert datasets.names() == ["demo", "ml-100k", "ml-latest-small"]
    assert [datasets.get(name).name for name in datasets.names()] == datasets.names()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("ml100k", "did you mean 'ml-100k'?"), ("qqqq", "the data sets are: demo, ml-100k, ml-latest-small")],
)
def test_an_unknown_name_is_named_with_the_nearest_one_and_the_file(wrong, hint):
    with pytest.raises(FoldinError) as error:
        datasets.get(wrong)
    assert str(error.value).startswith("params.yaml")
    assert f"'{wrong}'" in str(error.value)
    assert hint in str(error.value)


@pytest.mark.parametrize("name", datasets.names())
def test_a_declaration_says_all_a_person_needs(name):
    dataset = datasets.get(name)
    assert dataset.about.endswith(".")
    assert dataset.licence
    assert dataset.files
    generated = dataset.generate is not None
    assert generated == (dataset.address is None)
    assert generated or all(len(digest) == 64 for digest in dataset.files.values())


def test_the_registry_loads_no_heavy_library():
    code = "import sys, foldin.datasets; print([m for m in ('tensorflow', 'keras', 'sklearn') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
