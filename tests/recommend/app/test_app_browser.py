"""The app in Chromium without a network, as a person uses it: started, opened by its address, used, ended by Ctrl-C."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from accessibility import CONTRAST, violations
from conftest import CHECKOUT

from foldin.core import interactions, paths
from foldin.core.interactions import TrainingData
from foldin.recommend import lists, saved

# A browser of Debian's; Selenium would else look for one to download.
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("streamlit") is None, reason="needs the extra app: make install EXTRA=app"
    ),
    pytest.mark.skipif(
        not ((CHROMIUM and DRIVER) or os.environ.get("FOLDIN_NEEDS_BROWSER")),
        reason="needs chromium and chromedriver (Debian: chromium-driver)",
    ),
]
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
HOSTILE = '<img src=x onerror="window.hacked = 1"> **bold** [a](http://a.b) :smile: www.c.d $x$'


@pytest.fixture(scope="module")
def address(trained, tmp_path_factory):
    """Return the address that the app prints; all items have hostile titles. Ctrl-C ends the app at last."""
    folder = tmp_path_factory.mktemp("app") / "foldin"
    shutil.copytree(trained, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        both = interactions.load("demo")
        parts = []
        for part in (both.train, both.validation):
            items = part.items.assign(title=[f"{place} {HOSTILE}" for place in range(part.n_items)])
            parts.append(interactions.Interactions(part.ratings, part.users, items, part.scale))
        shutil.rmtree(paths.user_item("demo"))
        paths.user_item("demo").mkdir()
        interactions.save(paths.user_item("demo"), TrainingData(*parts))
        # A shell's background job ignores SIGINT, and so would all it starts: these tests may be in one.
        app = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "src" / "foldin"), "demo-app"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            lines = app.stdout.readline() + app.stdout.readline()
            ending = r"\nCtrl-C ends the app\.\n"
            found = re.fullmatch(r"demo: open (http://127\.0\.0\.1:\d+/\?token=[\w-]+)" + ending, lines)
            assert found, lines
            yield found[1]
            app.send_signal(signal.SIGINT)
            rest, error = app.communicate(timeout=30)
        finally:
            app.kill()
    assert rest == ""
    assert error == "foldin: the app has stopped\n", "one line, and nothing that Streamlit or the browser caused"
    assert app.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.killpg(app.pid, 0)


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
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def opened(chromium, address):
    """Return the browser with the app's page."""
    size = {"width": 1280, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chromium.get(address)
    until(chromium, lambda: len(tables(chromium)) == 3)
    return chromium


def until(browser, condition, seconds=60):
    from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    ignored = (JavascriptException, StaleElementReferenceException)
    return WebDriverWait(browser, seconds, ignored_exceptions=ignored).until(lambda _: condition())


def tables(browser):
    """Return the rows of each table, by its caption."""
    return browser.execute_script(
        """const found = [...document.querySelectorAll('.foldin table')];
        const cells = table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent));
        return Object.fromEntries(found.map(table => [table.caption.textContent, cells(table)]));"""
    )


def type_into(browser, label, *keys):
    field = browser.find_element("css selector", f"input[aria-label*='{label}']")
    field.send_keys(*keys)


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def test_it_opens_on_two_lists_whose_titles_are_no_markup(opened, trained, monkeypatch):
    monkeypatch.chdir(trained)
    shown = tables(opened)
    assert set(shown) == {"What u0000 rated best", "Recommendations of gf-cf", "Recommendations of ease"}
    for model in ("gf-cf", "ease"):
        items, _ = lists.of_user(saved.open_saved("demo", model), 0, 10)
        assert [row[1] for row in shown[f"Recommendations of {model}"]] == [f"i{item:04d}" for item in items]
    titles = [row[2] for row in shown["Recommendations of ease"]]
    assert all('<img src=x onerror="window.hacked' in title for title in titles)
    assert opened.execute_script("return document.querySelectorAll('main img, .stMain img').length") == 0
    assert opened.execute_script("return window.hacked") is None
    assert "token" not in opened.current_url, "nobody can read it off the screen"


def test_it_asks_nothing_of_the_network(opened, address):
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    asked |= {event["params"]["url"] for event in events if event["method"] == "Network.webSocketCreated"}
    here = address.partition("/?")[0]
    # The browser's own empty page has addresses that begin with chrome:.
    inside = (f"{here}/", f"{here}/".replace("http", "ws", 1), "data:", "blob:", "chrome:")
    outside = {url for url in asked if not url.startswith(inside)}
    assert outside == set()
    assert any(url.startswith("ws:") for url in asked)
    assert opened.get_log("browser") == []


def test_it_can_be_read(opened):
    assert opened.execute_script("return document.documentElement.lang") == "en"
    assert opened.title == "demo: recommendations"
    assert opened.execute_script("return document.querySelectorAll('h1').length") == 1
    unnamed = """return [...document.querySelectorAll("input, button, [role=combobox], [role=slider]")]
    .filter(each => each.checkVisibility() && !(each.getAttribute("aria-label") || each.getAttribute("aria-labelledby")
      || (each.labels && [...each.labels].some(label => label.textContent.trim())) || each.textContent.trim()))
    .map(each => each.outerHTML.slice(0, 200))"""
    assert opened.execute_script(unnamed) == []
    assert opened.execute_script(CONTRAST, "h1, h2, label, p[role], .foldin caption, .foldin th, .foldin td") == []
    assert violations(opened) == []


def test_somebody_new_types_a_title_rates_it_and_gets_two_lists(opened):
    (new,) = [each for each in opened.find_elements("css selector", "label") if each.text == "somebody new"]
    new.click()
    until(opened, lambda: not tables(opened))
    type_into(opened, "Titles you know", "7 <img", "\ue007")
    until(opened, lambda: len(tables(opened)) == 2)
    # Streamlit loads the script of a kind of field when the page first has one.
    (slider,) = until(opened, lambda: opened.find_elements("css selector", "[data-testid=stSlider] input[type=range]"))
    label = opened.find_element("css selector", "[data-testid=stSlider] label").text.replace("\u2060", "")
    assert re.fullmatch(rf"\d*7 {re.escape(HOSTILE)}", label), "the label of a rating is the title as it is"
    assert opened.execute_script("return document.querySelectorAll('.stMain a[href*=\"//\"]').length") == 0
    before = tables(opened)
    opened.execute_script("arguments[0].focus()", slider)
    press(opened, "\ue012")
    until(opened, lambda: tables(opened) and tables(opened) != before)
    assert opened.execute_script("return window.hacked") is None
    assert opened.get_log("browser") == []


def test_on_a_phone_nothing_is_cut_off(opened):
    size = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    until(opened, lambda: len(tables(opened)) == 2)
    inner, whole = opened.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert whole <= inner


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", "/static/js/x.js", "/?token=wrong"])
def test_without_the_token_nothing_is_served(address, path):
    here = address.partition("/?")[0]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(here + path, timeout=10)
    assert refused.value.code == 403
    assert refused.value.read().startswith(b"foldin: open the address")
