"""Text of the data on the app's page: shown as it is, never markup."""

import re

import pytest
from app_reader import Read

from foldin.recommend.app import tables

HOSTILE = '<img src=x onerror="alert(1)">&amp;</td><script>'


def test_no_text_becomes_markup():
    found = Read(tables.html(HOSTILE, {"rank": ["1"], HOSTILE: [HOSTILE]}) + tables.paragraph(HOSTILE))
    assert {tag for tag, _ in found.tags} == {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert found.texts.count(HOSTILE) == 4
    assert found.tags[0][1]["aria-label"] == HOSTILE


def test_rows_and_columns_are_named_for_screen_readers():
    found = Read(tables.html("Best", {"rank": ["1", "2"], "title": ["A", "B"], "score": ["0.5", "0.4"]}))
    scopes = [each.get("scope") for tag, each in found.tags if tag == "th"]
    assert scopes == ["col"] * 3 + ["row"] * 2
    assert found.texts == ["Best", "rank", "title", "score", "1", "A", "0.5", "2", "B", "0.4"]
    numbers = [tag for tag, each in found.tags if each.get("class") == "number"]
    assert numbers == ["th", "th", "th", "td", "th", "td"]


@pytest.mark.parametrize(
    "text",
    ["**bold**", "[a](http://b.c)", "![a](b)", "`c`", "$x$", ":red[a]", "~a~", "_a_", "\\*a*", HOSTILE, "# a", "a|b"],
)
def test_a_label_has_no_markdown(text):
    escaped = tables.plain(text).replace("\u2060", "")
    # CommonMark reads a backslash before any ASCII punctuation as that character.
    assert not re.search(r"(?<!\\)(?:\\\\)*[!-/:-@\[-`{-~]", re.sub(r"\\[!-/:-@\[-`{-~]", "", escaped))
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escaped) == " ".join(text.split())


@pytest.mark.parametrize("text", [":smile:", "www.example.org", "https://example.org", "a@example.org"])
def test_a_label_has_no_emoji_or_link_that_streamlit_makes_of_plain_text(text):
    unescaped = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", tables.plain(text))
    assert not re.search(r":[\w+-]+:|www\.|https?://|@[\w-]+\.", unescaped)
