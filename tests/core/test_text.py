"""Text of others is shown as text."""

import html

import mistune
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldin.core import text
from foldin.core.errors import FoldinError
from foldin.core.faults import line
from foldin.datasets import registry


def test_a_line_for_a_terminal_is_one_line_without_commands():
    assert text.one_line("a\x1b[31mb\r\nc\u202ed\ud800 Älg 漢字 \U0001f600\u200d") == (
        "a\\x1b[31mb\\r\\nc\\u202ed\\ud800 Älg 漢字 \U0001f600\u200d"
    )
    assert line(FoldinError("the file names 'a\nb\x1b[2J'")) == "foldin: the file names 'a\\nb\\x1b[2J'"


@given(st.text(alphabet=st.sampled_from("ab <>&*_`[]()\\|~$#!:;/\"'=\n\t1.-+"), max_size=40))
def test_markdown_shows_any_text_as_it_is(content):
    escaped = text.markdown(f"a{content}a")
    expected = f"a{content}a".translate({ord(each): ascii(each)[1:-1] for each in "\n\t"})
    rendered = mistune.html(f"x {escaped} x")
    assert rendered.startswith("<p>x ")
    plain = rendered.removeprefix("<p>x ").removesuffix(" x</p>\n")
    assert "<" not in plain
    assert html.unescape(plain) == expected


@pytest.mark.parametrize("name", registry.names())
def test_what_foldin_says_of_its_own_data_sets_needs_no_escapes(name):
    dataset = registry.get(name)
    said = f"{dataset.about} {dataset.licence}"
    assert text.markdown(said) == said
    # An address may have characters that Markdown would take for its own.
    assert html.unescape(text.markdown(dataset.source)) == dataset.source
