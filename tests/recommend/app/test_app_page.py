"""The app's page without a browser: its lists are those of the models, for users and for somebody new."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from app_reader import Read
from scipy import sparse
from synthetic import planted

from foldin.core import interactions, paths
from foldin.core.interactions import TrainingData
from foldin.models import family
from foldin.recommend import lists, saved, why
from foldin.recommend.app import serve

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("streamlit") is None, reason="needs the extra app: make install EXTRA=app"
    ),
    # Streamlit's own, of the libraries below it.
    pytest.mark.filterwarnings("default"),
]
SCRIPT = Path(serve.__file__).with_name("script.py")


@pytest.fixture
def page(saved_models, monkeypatch):
    """Return the page as it opens."""
    import streamlit
    from streamlit.testing.v1 import AppTest

    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()
    monkeypatch.setenv(serve.DATASET, "demo")
    return ran(AppTest.from_file(str(SCRIPT), default_timeout=240).run())


def ran(page):
    assert not page.exception, page.exception
    return page


def field(page, kind, label):
    (found,) = [each for each in getattr(page, kind) if each.label == label]
    return found


def tables(page):
    """Return the tables: caption → columns."""
    found = {}
    for element in page.get("html"):
        shown = Read(element.proto.body)
        found |= shown.tables
    return found


def texts(page):
    return [text for element in page.get("html") for text in Read(element.proto.body).paragraphs]


def test_two_models_are_shown_side_by_side_as_they_recommend(page, opened):
    field(page, "selectbox", "User").select("u0004")
    field(page, "selectbox", "Second model").select("als-explicit")
    ran(field(page, "number_input", "Items in a list").set_value(6).run())
    for model in ("gf-cf", "als-explicit"):
        saved = opened(model)
        items, scores = saved.model.recommend(np.array([4]), 6)
        shown = tables(page)[f"Recommendations of {model}"]
        assert shown["item"] == [f"i{item:04d}" for item in items[0]]
        assert [float(score) for score in shown["score"]] == pytest.approx(scores[0], rel=1e-3)
        reasons = why.reasons(saved, saved.training.ratings[[4]], items[0]).by_item
        assert [cell.count("\n") + 1 if cell else 0 for cell in shown["because of"]] == [len(each) for each in reasons]
    both = set.intersection(*({*tables(page)[f"Recommendations of {m}"]["item"]} for m in ("gf-cf", "als-explicit")))
    assert f"{len(both)} of 6 items are on both lists." in texts(page)


def test_a_users_best_rated_titles_are_shown(page, opened):
    ran(field(page, "selectbox", "User").select("u0007").run())
    row = opened("ease").training.ratings[[7]]
    order = sorted(range(row.nnz), key=lambda place: (-row.data[place], row.indices[place]))[:5]
    shown = tables(page)["What u0007 rated best"]
    assert shown["item"] == [f"i{row.indices[place]:04d}" for place in order]
    assert shown["rating"] == [f"{row.data[place]:g}" for place in order]


def test_without_reasons_there_is_no_column_of_them(page):
    assert "because of" in tables(page)["Recommendations of ease"]
    ran(field(page, "checkbox", "Say why").uncheck().run())
    assert [*tables(page)["Recommendations of ease"]] == ["rank", "item", "title", "score"]


def test_somebody_new_is_folded_in_by_the_ratings_given(page, opened):
    ran(field(page, "radio", "Recommend to").set_value("somebody new").run())
    assert texts(page)[-1].startswith("Choose at least one title")
    assert not tables(page)
    ran(page.multiselect[0].set_value([2, 9]).run())
    assert [each.options for each in page.select_slider] == [[f"{half / 2:g}" for half in range(1, 11)]] * 2
    page.select_slider[0].set_value("5")
    ran(page.select_slider[1].set_value("0.5").run())
    row = sparse.csr_array(([np.float32(5), np.float32(0.5)], [2, 9], [0, 2]), shape=(1, 40))
    for model in ("gf-cf", "ease"):
        items, _ = lists.by_fold_in(opened(model), row, 10)
        assert tables(page)[f"Recommendations of {model}"]["item"] == [f"i{item:04d}" for item in items]


def test_items_of_one_title_are_told_apart(page):
    ran(field(page, "radio", "Recommend to").set_value("somebody new").run())
    options = page.multiselect[0].options
    assert len({*options}) == 40
    assert {"Twice (i0003)", "Twice (i0008)"} <= {*options}


def test_a_model_that_cannot_fold_in_says_so_beside_the_other_list(page, monkeypatch):
    from foldin.models.parts.recommender import Recommender

    monkeypatch.setattr("foldin.models.als.ExplicitALS._fold_in", Recommender._fold_in)
    field(page, "selectbox", "First model").select("als-explicit")
    ran(field(page, "radio", "Recommend to").set_value("somebody new").run())
    ran(page.multiselect[0].set_value([2]).run())
    assert any("als-explicit cannot score somebody by their ratings alone" in text for text in texts(page))
    assert [*tables(page)] == ["Recommendations of ease"]


def test_a_model_that_no_longer_fits_its_data_is_said(saved_models, page, monkeypatch):
    import streamlit

    streamlit.cache_resource.clear()
    monkeypatch.setattr("foldin.recommend.saved.np.array_equal", lambda *_: False)
    ran(page.run())
    assert any("fitted on other ratings than those of data/user_item; train it again" in text for text in texts(page))
    assert not tables(page)


def test_of_many_users_and_titles_only_those_that_a_text_names_are_listed(page, monkeypatch):
    from foldin.recommend.app import page as module

    monkeypatch.setattr(module, "SELECTABLE", 7)
    ran(page.run())
    ran(field(page, "text_input", "User, by the data set's own id").set_value("u00").run())
    assert any(text.startswith("'demo' has no user 'u00'; did you mean") for text in texts(page))
    ran(field(page, "text_input", "User, by the data set's own id").set_value("u0003").run())
    assert "What u0003 rated best" in tables(page)
    ran(field(page, "radio", "Recommend to").set_value("somebody new").run())
    assert page.multiselect[0].options == []
    ran(field(page, "text_input", "Part of a title").set_value("title 1").run())
    assert page.multiselect[0].options == ["Title 1"]
    ran(page.multiselect[0].set_value([1]).run())
    ran(field(page, "text_input", "Part of a title").set_value("title 2").run())
    assert page.multiselect[0].options == ["Title 1", "Title 2"], "what was chosen stays"


def test_what_is_trained_anew_is_shown_without_a_restart(trained, tmp_path, monkeypatch):
    import streamlit
    from streamlit.testing.v1 import AppTest

    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()
    shutil.copytree(trained, tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "checkout")
    monkeypatch.setenv(serve.DATASET, "demo")
    page = ran(AppTest.from_file(str(SCRIPT), default_timeout=240).run())
    ran(field(page, "radio", "Recommend to").set_value("somebody new").run())
    ran(page.multiselect[0].set_value([2]).run())
    folded_in = tables(page)["Recommendations of ease"]["item"]
    ran(field(page, "radio", "Recommend to").set_value("a user").run())
    before = tables(page)["Recommendations of ease"]

    train, validation, _ = planted(n_users=50, n_items=40, seed=9)
    interactions.save(paths.user_item("demo"), TrainingData(train, validation))
    ran(page.run())
    assert any("fitted on other ratings" in text for text in texts(page)), "until the models are trained, too"
    for family_, model in (("linear", "ease"), ("graph", "gf-cf")):
        fitted = family(family_)[model].fit(interactions.load("demo").training)
        shutil.rmtree(paths.models("demo", family_) / model)
        (paths.models("demo", family_) / model).mkdir()
        fitted.save(paths.models("demo", family_) / model)
    ran(page.run())
    assert "The training part has changed: users, titles and lists are those of the new one." in texts(page)
    after = tables(page)["Recommendations of ease"]
    items, _ = lists.of_user(saved.open_saved("demo", "ease"), 0, 10)
    assert after["item"] == [f"i{item:04d}" for item in items]
    assert after["item"] != before["item"]
    ran(page.run())
    assert not any("has changed" in text for text in texts(page)), "it is said once"
    ran(field(page, "radio", "Recommend to").set_value("somebody new").run())
    assert page.multiselect[0].value == [], "titles that were chosen of other items"
    ran(page.multiselect[0].set_value([2]).run())
    assert tables(page)["Recommendations of ease"]["item"] != folded_in
