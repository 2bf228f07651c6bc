"""`foldin export --index`: its recall is that of the README's code, and models without vectors are refused."""

import importlib.util
import re

import numpy as np
import pytest
from small_models import trained_small
from synthetic import planted

from foldin import cli
from foldin.core import extras
from foldin.recommend import export, export_index


@pytest.mark.parametrize("model", ["als-explicit", "svds"])
def test_the_index_finds_nearly_all_and_its_recall_is_that_of_the_readme_s_code(
    opened, tmp_path, capsys, monkeypatch, model
):
    pytest.importorskip("faiss")
    made = trained_small("svd", model, planted(n_users=50, n_items=40)) if model == "svds" else opened(model)
    export.run(made, tmp_path / "to", index=True)
    (measured,) = re.findall(r"items\.faiss: recall@10 ([\d.]+), .* over 50 users", capsys.readouterr().out)
    page = (tmp_path / "to" / "README.md").read_text("utf-8")
    assert f"recall@10 {measured}, " in page
    names, shares = {}, []
    monkeypatch.chdir(tmp_path / "to")
    search, approximate = re.findall("```python\n(.*?)```", page, re.DOTALL)
    exec(search, names)
    for user, exact in enumerate(made.model.recommend(np.arange(50), 10)[0]):
        names["user"] = user
        exec(approximate, names)
        shares.append(np.isin(exact, names["found"]).mean())
    assert float(measured) == pytest.approx(np.mean(shares), abs=1e-4)
    assert float(measured) > 0.9


def test_recall_counts_what_a_search_misses(opened):
    """A search that finds every second item only."""
    model = opened("als-explicit")

    class Half:
        def search(self, queries, k):
            return None, np.arange(0, 40, 2)[None]

    users = np.arange(50, dtype=np.int32)
    right = []
    for user, exact in zip(users, model.model.recommend(users, 10)[0], strict=True):
        rated = model.training.ratings[[user]].indices
        kept = [item for item in range(0, 40, 2) if item not in rated][:10]
        right.append(np.mean([item in kept for item in exact]))
    assert 0 < np.mean(right) < 1
    assert export_index.recall(Half(), model, np.zeros((50, 1), np.float32)) == (pytest.approx(np.mean(right)), 50)


def test_an_index_needs_vectors_and_its_library(saved_models, tmp_path, capsys, monkeypatch):
    command = ["export", "--model", "ease", "--to", str(tmp_path / "to"), "--index"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(command) == 1
    said = "foldin: --index needs faiss, which is an extra; install it: make install EXTRA=ann\n"
    assert capsys.readouterr().err == said
    monkeypatch.setattr(extras, "require", lambda *_: None)
    assert cli.main(command) == 1
    assert "the scores of ease are no products of dense vectors, so there is nothing to index; leave out --index" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "to").exists()
