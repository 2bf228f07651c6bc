"""Your data in tests: files under own/, their declaration, and the tables that foldin makes of them."""

import json

import pandas as pd
from ruamel.yaml import YAML

from foldin.core import paths
from foldin.datasets import registry
from foldin.preparation import clean, fetch

ROWS = [("u1", "b1", 4.5), ("u1", "b2", 1.0), ("007", "b1", 3.0)]
CSV = "mine: {file: own/a.csv, user: who, item: book, rating: stars, scale: [0.5, 5, 0.5]}"


def declare(text):
    """Write the section `sources` into params.yaml."""
    yaml = YAML()
    values = yaml.load(paths.params_file())
    values["sources"] = YAML(typ="safe").load(text)
    yaml.dump(values, paths.params_file())


def put(name, content):
    path = paths.root() / "own" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def raw(name="mine"):
    """Return the raw tables of a data set, as the stages `fetch` and `clean` get at them."""
    fetch.run(name)
    return registry.get(name).read(paths.raw(name))


def triples(tables):
    return list(tables.ratings[["user_id", "item_id", "rating"]].itertuples(index=False, name=None))


def cleaned():
    """Fetch and clean the data set; return its ratings, and the account."""
    fetch.run("mine")
    clean.run("mine")
    return pd.read_parquet(paths.clean("mine") / "ratings.parquet"), json.loads(
        paths.account("mine", "cleaning").read_text()
    )
