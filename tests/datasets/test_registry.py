"""The registry: each data set in one place, found by name, light to import."""

import subprocess
import sys

import pytest

from foldin.core.errors import FoldinError
from foldin.datasets import catalogue, registry


def test_the_embedded_data_set_comes_first_and_all_are_found():
    assert registry.names()[0] == "demo"
    assert [registry.get(name).name for name in registry.names()] == registry.names()
    assert {"ml-100k", "ml-1m", "ml-25m", "netflix", "book-crossing", "lastfm-360k", "cross-platform"} <= set(
        registry.names()
    )


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("ml100k", "did you mean 'ml-100k'?"), ("qqqq", "the data sets are: demo, ml-100k, ml-latest-small")],
)
def test_an_unknown_name_is_named_with_the_nearest_one_and_the_file(wrong, hint):
    with pytest.raises(FoldinError) as error:
        registry.get(wrong)
    assert str(error.value).startswith("params.yaml")
    assert f"'{wrong}'" in str(error.value)
    assert hint in str(error.value)


def test_the_catalogue_lists_what_can_be_had_in_the_same_order():
    assert list(catalogue.ABOUT) == registry.names()
    assert {name: registry.get(name).about for name in registry.names()} == catalogue.ABOUT


@pytest.mark.parametrize("name", registry.names())
def test_a_declaration_says_all_a_person_needs(name):
    dataset = registry.get(name)
    assert dataset.about.endswith(".")
    assert dataset.licence
    # Files to fetch and where from, or parts that have them, or a generator.
    ways = [dataset.generate is not None, bool(dataset.parts), bool(dataset.address or dataset.page)]
    assert sum(ways) == 1
    assert bool(dataset.files) != bool(dataset.parts)
    assert dataset.generate or dataset.source != "generated from a seed"
    digests = [digest for release in dataset.releases for digest in release.files.values() if digest]
    assert all(len(digest) == 64 for digest in digests)


def test_the_registry_loads_no_heavy_library():
    code = "import sys, foldin.datasets; print([m for m in ('tensorflow', 'keras', 'sklearn') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
