"""report.html in Chromium, opened from the disk without a network: used by mouse and keyboard, narrow and wide."""

import dataclasses
import itertools
import json
import os
import re
import shutil

import pytest
import report_world
from accessibility import CONTRAST, RULES, TEXTS, violations

from foldin.core import interactions, paths
from foldin.report import contents
from foldin.report.html import data, page, users

# A browser of Debian's; Selenium would else look for one to download.
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    # Where CI says that there must be one, its absence is a failure.
    pytest.mark.skipif(
        not ((CHROMIUM and DRIVER) or os.environ.get("FOLDIN_NEEDS_BROWSER")),
        reason="needs chromium and chromedriver (Debian: chromium-driver)",
    ),
]
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return the data of a page written to disk, with its address."""
    folder = tmp_path_factory.mktemp("workspace")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    report_world.make(folder)
    findings = contents.open_report("demo")
    page.write(findings)
    address = (paths.reports("demo") / "report.html").as_uri()
    found = data.collect(findings)
    patch.undo()
    return found | {"address": address, "folder": folder}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    yield driver
    driver.quit()


@pytest.fixture(params=list(itertools.product((390, 1280), ("light", "dark"))), ids=lambda each: f"{each[0]}-{each[1]}")
def opened(request, chromium, shown):
    """Return the browser with the page open at a width, in light or dark; no console message may come of its use."""
    width, scheme = request.param
    show(chromium, shown, width, scheme)
    yield chromium
    assert chromium.get_log("browser") == []


@pytest.fixture
def wide(chromium, shown):
    show(chromium, shown, 1280, "light")
    yield chromium
    assert chromium.get_log("browser") == []


def show(browser, shown, width, scheme):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get_log("performance")
    browser.get(shown["address"])


def every(browser, selector):
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)", selector
    )


def choose(browser, field, value):
    from selenium.webdriver.support.select import Select

    Select(browser.find_element("id", field)).select_by_value(value)


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def column(browser, title):
    """Return the numbers of a column of the table, top to bottom; None for a dash."""
    script = """
    const heads = [...document.querySelectorAll("#table thead tr:nth-child(2) th")];
    const place = heads.findIndex(head => head.textContent === arguments[0]);
    return [...document.querySelectorAll("#table tbody tr")].map(row => row.cells[place + 1].textContent);"""
    cells = [re.sub(r"[^\d.–−]", "", text) for text in browser.execute_script(script, title)]
    return [None if text == "–" else float(text.replace("−", "-")) for text in cells]


def heading(browser, title):
    (found,) = [each for each in browser.find_elements("css selector", "#table thead button") if each.text == title]
    return found


def sorted_by(browser):
    script = """return [...document.querySelectorAll("#table th[aria-sort]:not([aria-sort=none])")]
    .map(head => [head.textContent, head.getAttribute("aria-sort")])"""
    return browser.execute_script(script)


def test_it_fits_keeps_the_rules_and_can_be_read(opened):
    inner, whole = opened.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert whole <= inner, "the page itself scrolls sideways"
    opened.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    inner, whole = opened.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert whole <= inner
    assert opened.execute_script(RULES) == []
    assert opened.execute_script(CONTRAST, TEXTS) == []
    assert violations(opened) == []


def test_nothing_is_fetched(wide):
    press(wide, "\ue004")
    events = [json.loads(entry["message"])["message"] for entry in wide.get_log("performance")]
    requests = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert {address.partition(":")[0] for address in requests} <= {"file", "data"}
    assert any(address.endswith("report.html") for address in requests)


def test_the_table_sorts_by_click_and_by_keyboard(opened):
    assert sorted_by(opened) == [["NDCG@10", "descending"]]
    opened.execute_script("arguments[0].click()", heading(opened, "RMSE"))
    assert sorted_by(opened) == [["RMSE", "ascending"]]
    values = column(opened, "RMSE")
    known = [value for value in values if value is not None]
    assert known == sorted(known)
    assert values[len(known) :] == [None] * (len(values) - len(known)), "models without it come last"
    focused = opened.switch_to.active_element
    assert focused.text == "RMSE", "the focus stays on the heading"
    press(opened, "\ue007")
    assert sorted_by(opened) == [["RMSE", "descending"]]
    assert [value for value in column(opened, "RMSE") if value is not None] == known[::-1]
    assert opened.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert "by RMSE of rating accuracy, worst first." in opened.find_element("id", "table-status").text


def test_the_table_filters_and_its_columns_are_ticked(opened, shown):
    field = opened.find_element("id", "filter")
    field.send_keys("ALS")
    assert set(every(opened, "#table tbody th")) == {"als-explicit", "als-implicit"}
    assert opened.find_element("id", "table-status").text.startswith(f"2 of {len(shown['models'])} rows")
    field.clear()
    field.send_keys("oracle")
    assert every(opened, "#table tbody th") == ["oracle oracle"]
    before = every(opened, "#table thead button")
    assert "coverage" not in before
    box = opened.find_element("css selector", "#groups input[value='Beyond accuracy']")
    opened.execute_script("arguments[0].click()", box)
    assert {"coverage", "novelty (bits)"} <= set(every(opened, "#table thead button"))
    opened.execute_script("arguments[0].click()", box)
    assert every(opened, "#table thead button") == before


def test_definitions_and_intervals_are_read_by_keyboard(wide, shown):
    wide.execute_script("arguments[0].focus()", heading(wide, "RMSE"))
    tip = wide.find_element("id", "tip")
    assert tip.is_displayed()
    assert violations(wide) == []
    assert tip.text.startswith("RMSE: √(Σ (p − a)² / n)")
    assert wide.switch_to.active_element.get_attribute("aria-describedby") == "tip"
    press(wide, "\ue00c")
    assert not tip.is_displayed()
    wide.execute_script("document.querySelector('#table tbody [tabindex=\"0\"]').focus()")
    press(wide, "\ue014")
    assert re.search(r"NDCG@10: 0\.\d+\n95% interval: 0\.\d{4} to 0\.\d{4}", tip.text)
    assert wide.switch_to.active_element.tag_name == "td"
    press(wide, "\ue015")
    place = wide.execute_script("return document.activeElement.closest('tr').rowIndex")
    assert place == 3, "one row lower, below the two rows of headings"
    stops = wide.execute_script("return document.querySelectorAll('#table tbody [tabindex=\"0\"]').length")
    assert stops == 1, "all cells are one stop of the Tab key"


@pytest.mark.parametrize(("first", "second"), [("als-explicit", "bias"), ("bias", "als-explicit")])
def test_two_models_are_compared(wide, shown, first, second):
    choose(wide, "compare-first", first)
    choose(wide, "compare-second", second)
    rows = {
        name: cells
        for name, *cells in wide.execute_script(
            "return [...document.querySelectorAll('#compare-table tbody tr')]"
            ".map(row => [...row.cells].map(cell => cell.textContent))"
        )
    }
    for entry in shown["pairs"]:
        place = list(itertools.combinations(entry["models"], 2)).index(("als-explicit", "bias"))
        sign = 1 if first == "als-explicit" else -1
        difference, low, high = (sign * entry[key][place] * users.UNIT for key in ("difference", "low", "high"))
        cells = [text.replace("−", "-") for text in rows[entry["title"]]]
        assert float(cells[2]) == pytest.approx(difference, abs=6e-5)
        assert [float(end) for end in cells[3].split(" to ")] == pytest.approx(sorted((low, high)), abs=6e-5)
        clear = min(low, high) > 0 or max(low, high) < 0
        better = first if (difference * entry["direction"]) > 0 else second
        assert cells[5] == (f"{better} is better" if clear else "the interval contains 0")
    said = wide.find_element("id", "compare-said").text
    assert f"with {first} than with {second}" in said
    choose(wide, "compare-second", first)
    assert wide.find_element("id", "compare-said").text == "Choose two different models."


def test_any_metric_is_drawn_against_any_other(wide, shown):
    names = [entry["name"] for entry in shown["columns"]]
    selects = [wide.find_element("id", f"scatter-{axis}").get_attribute("value") for axis in "yx"]
    assert [names[int(value)] for value in selects] == ["ndcg_at_10", "coverage_at_10"]
    marks = wide.find_elements("css selector", "#scatter-chart svg [role=img]")
    assert len(marks) == len(shown["models"])
    choose(wide, "scatter-x", str(names.index("rmse")))
    both = [model["name"] for model in shown["models"] if model["name"] in shown["calibration"]]
    labels = [
        mark.get_attribute("aria-label") for mark in wide.find_elements("css selector", "#scatter-chart [role=img]")
    ]
    assert {re.split(r" \(|:", label)[0] for label in labels} == set(both)
    assert all("RMSE 0." in label or "RMSE 1." in label for label in labels)


def test_users_are_counted_and_their_zeros_said(wide, shown):
    (ndcg, _) = shown["distributions"]
    choose(wide, "users-first", "random")
    total, zeros = sum(map(sum, ndcg["counts"]["random"])), sum(ndcg["zeros"]["random"])
    said = wide.find_element("id", "users-said").text
    assert f"({zeros} of {total}) get NDCG@10 0 from random: no hit on the list." in said
    choose(wide, "users-group", "most")
    said = wide.find_element("id", "users-said").text
    assert f"users with the most ratings ({ndcg['zeros']['random'][3]} of {sum(ndcg['counts']['random'][3])})" in said
    choose(wide, "users-metric", "rmse")
    assert wide.find_element("id", "users-first").get_attribute("value") in shown["calibration"]


def test_curves_examples_and_trials_are_drawn(wide, shown):
    captions = every(wide, "#learning-panels figcaption")
    assert captions == ["als-explicit", "als-implicit", "als-implicit: train objective"]
    assert every(wide, "#learning-panels div.quiet")[0] == "best: 0.8000 in epoch 2 of 4"
    assert every(wide, "#tuning-panels figcaption") == ["als-explicit"]
    assert len(every(wide, "#std-chart .legend li")) == 1
    choose(wide, "example-user", "3")
    liked = every(wide, "#example div:first-child li")
    items = shown["examples"]["items"]
    expected = [items[item][0] for item, _ in shown["examples"]["users"][3]["liked"]]
    assert [text.partition(" (")[0] for text in liked] == expected
    assert every(wide, "#calibration-chart svg [role=img]")


def test_models_without_early_stopping_are_named_and_all_standard_deviations_are_drawn(
    chromium, shown, monkeypatch, tmp_path
):
    names = [name for name in shown["calibration"] for _ in range(2)]
    many = {
        f"{name}-{place}": shown["calibration"][name] | {"std": [0.5, 1.0], "rmse": [0.6, 0.7 + place / 10]}
        for place, name in enumerate(names)
    }
    changed = {key: value for key, value in shown.items() if key not in ("address", "folder")}
    changed["calibration"] = changed["calibration"] | many
    endless = [each | {"best": None, "patience": 0} for each in shown["learning"][:1]]
    changed["learning"] = [*endless, *shown["learning"][1:]]
    monkeypatch.setattr(data, "collect", lambda findings, **_: changed)
    monkeypatch.chdir(shown["folder"])
    file = tmp_path / "report.html"
    file.write_text(page.page(contents.open_report("demo")))
    show(chromium, {"address": file.as_uri()}, 1280, "light")
    under = every(chromium, "#learning-panels div.quiet")
    assert under[0] == "4 epochs: no early stopping (patience: 0)"
    assert under[1] == "best: 0.3000 in epoch 3 of 3"
    lines = chromium.execute_script(
        "return [...document.querySelectorAll('#std-chart path.stroke')].filter(each => each.closest('svg').role)"
        ".map(each => { const look = getComputedStyle(each); return look.stroke + look.strokeDasharray; })"
    )
    assert len(lines) == len(set(lines)) == len(many) + 1, "each line has a look of its own"
    assert set(every(chromium, "#std-chart .legend li")) == {"als-explicit", *many}
    assert chromium.get_log("browser") == []


def test_a_local_page_shows_real_users_by_their_ids(chromium, shown, monkeypatch, tmp_path):
    monkeypatch.chdir(shown["folder"])
    findings = contents.open_report("demo")
    real = dataclasses.replace(findings, dataset=dataclasses.replace(findings.dataset, generate=None))
    file = tmp_path / "page.html"
    file.write_text(page.page(real, local=True))
    for width in (1280, 390):
        show(chromium, {"address": file.as_uri()}, width, "light")
        assert "rows of real users" in chromium.find_element("css selector", "header .note").text
        assert chromium.find_element("id", "examples-said").text.startswith("Users have the ids of the data set.")
        inner, whole = chromium.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
        assert whole <= inner
        assert violations(chromium) == []
        users = every(chromium, "#example-user option")
        assert len(users) > len(shown["examples"]["users"])
        choose(chromium, "example-user", str(len(users) - 1))
        _, user, count, *_ = users[-1].replace(":", "").split()
        ratings = interactions.load("demo").training
        row = ratings.ratings[[list(ratings.users["user_id"]).index(user)]]
        assert row.nnz == int(count)
        assert f"of {count} ratings" in every(chromium, "#example h3")[0]
        best = every(chromium, "#example div:first-child li")
        assert float(best[0].rpartition(": ")[2]) == row.data.max()
    assert chromium.get_log("browser") == []
