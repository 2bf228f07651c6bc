"""Whatever a declaration or data hold, it is text on the pages, in the plots and on the terminal, and never markup."""

import json
import re
from html.parser import HTMLParser

import mistune
import numpy as np
import pandas as pd
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML

from foldin import cli, models
from foldin.core import files, interactions, paths
from foldin.core.text import CONTROL
from foldin.evaluation import evaluate
from foldin.preparation import clean, fetch, user_item
from foldin.report import contents, leaderboard, page, plots
from foldin.report.html import page as html_page

EVIL = "<img src=x onerror=alert(1)> **bold** [here](javascript:alert(2)) `code` a|b &lt; $\\frac{$ </script>"
TERMINAL = f"{EVIL} \x1b[2J\x1b]0;mine\x07 \u202e\r\n# heading"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a workspace with evaluated baselines on a data set all of whose texts are hostile."""
    folder = tmp_path_factory.mktemp("workspace")
    yaml = YAML()
    values = yaml.load(CHECKOUT / "params.yaml")
    own = {"file": "own/a.jsonl", "user": "user", "item": "item", "rating": "stars", "scale": [1, 5, 1]}
    items = {"file": "own/items.jsonl", "id": "item", "title": "title", "genres": "genre", "domain": "kind"}
    own |= {"about": TERMINAL, "licence": f"licence {TERMINAL}", "items": items}
    values.update(datasets=["mine"], families=["baselines"], sources={"mine": own})
    yaml.dump(values, folder / "params.yaml")
    (folder / "dvc.yaml").write_text((CHECKOUT / "dvc.yaml").read_text())
    (folder / "own").mkdir()
    random = np.random.default_rng(1)
    rows = [
        {"user": f"u{user} {EVIL}", "item": f"i{item} \x1b[7m", "stars": int(random.integers(1, 6))}
        for user in range(30)
        for item in random.permutation(24)[:14]
    ]
    described = [
        {"item": f"i{item} \x1b[7m", "title": f"t{item} {TERMINAL}", "genre": EVIL, "kind": f"k{item % 2} {EVIL}"}
        for item in range(24)
    ]
    for name, lines in (("a", rows), ("items", described)):
        (folder / "own" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    for stage in (fetch, clean, user_item):
        stage.run("mine")
    training = interactions.load("mine").training
    for name, model in models.family("baselines").items():
        with files.whole_folder(paths.models("mine", "baselines") / name) as into:
            model.fit(training).save(into)
    evaluate.run("mine", "baselines")
    curves = pd.DataFrame([("bias", 1, "validation_rmse", 1.0)], columns=["model", "epoch", "metric", "value"])
    files.write_csv(paths.training("mine", "baselines"), curves)
    yield folder
    patch.undo()


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.text = set(), set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.attributes |= {(name, value) for name, value in attributes if name.startswith("on") or name == "href"}

    def handle_data(self, data):
        self.text += data


def test_the_markdown_page_shows_hostile_text_as_it_is(world):
    text = page.page(contents.open_report("mine"))
    assert not CONTROL.search(text.replace("\n", ""))
    shown = Page(mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "math"])(text))
    parts = {
        "a",
        "b",
        "details",
        "p",
        "h1",
        "h2",
        "h3",
        "img",
        "strong",
        "summary",
        "em",
        "code",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert shown.elements <= parts
    assert all(name == "href" and ":" not in value for name, value in shown.attributes)
    assert text.count("![") + text.count("<img ") == mistune.create_markdown(escape=False)(text).count("<img ")
    plain = " ".join(shown.text.split())
    assert f"Terms: licence {EVIL} \\x1b[2J" in plain
    assert f"k1 {EVIL}" in plain.partition("By domain")[2]
    assert "# heading" in plain


def test_the_page_for_the_browser_shows_hostile_text_as_it_is(world):
    text = html_page.page(contents.open_report("mine"))
    shown = Page(text)
    assert "img" not in shown.elements
    assert not any(name.startswith("on") for name, _ in shown.attributes)
    assert not any("javascript" in (value or "") for _, value in shown.attributes)
    assert text.count("</script>") == 2
    assert EVIL in shown.text.partition("Skip to")[2]
    columns = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["columns"]
    assert any(EVIL in column["title"] for column in columns)


def test_dollar_signs_in_a_name_are_no_formula_in_a_plot(world):
    plots.style()
    drawn = leaderboard.panels(contents.open_report("mine").board, 10, EVIL)
    plots.save(drawn["leaderboard_ratings"], world / "plot.png")
    assert (world / "plot.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "command",
    [
        ["recommend", "--model", "popularity", "--user", f"u1 {EVIL}"],
        ["recommend", "--model", "popularity", "--user", f"u1 {EVIL}\x1b[2J"],
        ["rate", "mine.csv", "--model", "popularity"],
        ["datasets"],
    ],
)
def test_no_text_moves_the_terminal_s_cursor(world, capsys, command):
    (world / "mine.csv").write_text("item,rating\ni1 \x1b[7m,3\n")
    cli.main(command)
    printed = capsys.readouterr()
    assert "\\x1b" in printed.out + printed.err
    assert not CONTROL.search((printed.out + printed.err).replace("\n", ""))


def test_a_proposal_keeps_its_comments_whatever_a_column_is_called(world, capsys):
    file = world / "own" / "odd.csv"
    file.write_text('user,item,"stars\x1b[2J\x85datasets: [evil]"\nu1,i1,3\nu2,i2,4\nu1,i2,5\n', encoding="utf-8")
    assert cli.main(["describe", "own/odd.csv"]) == 0
    printed = capsys.readouterr().out
    assert not CONTROL.search("".join(line for line in printed.split("\n") if line.startswith("#")))
    assert list(YAML(typ="safe").load(printed)) == ["sources"]
