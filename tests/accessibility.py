"""Rules of accessibility, from WCAG 2.2 AA: scripts for a browser that return what breaks them, and those of axe-core.

`CONTRAST` takes the selector of the texts to look at, such as `TEXTS`.
"""

import importlib.util
from functools import cache
from pathlib import Path

TEXTS = "p, li, label, td, th, th button, legend, summary, .quiet, .kind, .mark, figcaption, a, h2, select, #tip"
CONTRAST = """
const linear = part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
const light = text => {
  const [r, g, b] = text.match(/[\\d.]+/g).map(part => linear(Number(part) / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour;
  }
  return getComputedStyle(document.body).backgroundColor;
};
return [...document.querySelectorAll(arguments[0])].filter(each => each.textContent.trim()).map(each => {
  const [a, b] = [light(getComputedStyle(each).color), light(behind(each))].sort((x, y) => y - x);
  return [each.tagName + "." + each.className, (a + 0.05) / (b + 0.05)];
}).filter(([, ratio]) => ratio < 4.5);
"""
RULES = """
const wrong = [], all = selector => [...document.querySelectorAll(selector)];
if (!document.documentElement.lang) wrong.push("no language");
if (!document.title) wrong.push("no title");
if (all("h1").length !== 1 || all("main").length !== 1) wrong.push("not one h1 and one main");
let level = 0;
for (const head of all("h1, h2, h3, h4")) {
  if (Number(head.tagName[1]) > level + 1) wrong.push(`heading skips a level: ${head.textContent}`);
  level = Number(head.tagName[1]);
}
for (const field of all("input, select")) {
  if (!field.labels.length || !field.labels[0].textContent.trim()) wrong.push(`no label: ${field.id}`);
}
for (const head of all("th")) if (!head.scope) wrong.push(`no scope: ${head.textContent}`);
for (const table of all("table")) if (!table.caption) wrong.push("a table without caption");
for (const button of all("button, summary, a")) if (!button.textContent.trim()) wrong.push("no name");
for (const svg of all("svg")) {
  const named = svg.getAttribute("role") && svg.getAttribute("aria-label");
  if (!named && svg.getAttribute("aria-hidden") !== "true") wrong.push("a drawing without a name");
}
for (const region of all("[role=region], [tabindex='0'].scroll")) {
  if (!region.getAttribute("aria-label")) wrong.push(`a region without a name: ${region.id}`);
}
for (const each of all("[aria-labelledby], [aria-describedby]")) {
  const id = each.getAttribute("aria-labelledby") || each.getAttribute("aria-describedby");
  if (!document.getElementById(id)) wrong.push(`refers to nothing: ${id}`);
}
if (all("[tabindex]").some(each => each.tabIndex > 0)) wrong.push("an order of its own for the Tab key");
const ids = all("[id]").map(each => each.id);
if (new Set(ids).size !== ids.length) wrong.push("an id twice");
return wrong;
"""
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations", "incomplete"] }).then(done, error => done(String(error)));
"""


@cache
def axe() -> str:
    """Return axe-core, from the Python package that ships it for another driver of browsers than ours."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None, "axe-core is missing; install it: make install-dev"
    return Path(spec.submodule_search_locations[0], "axe.min.js").read_text("utf-8")


def violations(browser, ignored=()):
    """Return what axe-core finds wrong on the page, all its rules asked: a line for each element.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
        With the page.
    ignored : sequence of str, optional
        Ids of rules to leave out.
    """
    browser.execute_script(axe())
    browser.set_script_timeout(120)
    found = browser.execute_async_script(AXE)
    assert isinstance(found, dict), found
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {' '.join(map(str, node['target']))}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if rule["id"] not in ignored
    ]
