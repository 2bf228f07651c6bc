"""`foldin rate` on a terminal: titles and ratings are asked for, until an empty line."""

import io
import sys

import pytest
from small_models import rows_of

from foldin import cli
from foldin.recommend import prompt


class Terminal(io.StringIO):
    """Answers as from a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def answer(saved_models, monkeypatch, capsys):
    """Return what runs `foldin rate` with scripted answers: exit code, output, errors."""

    def run(*lines, options=("--model", "als-explicit", "--k", "3")):
        monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))
        code = cli.main(["rate", *options])
        return code, *capsys.readouterr()

    return run


def test_the_list_is_that_of_a_file_with_the_same_ratings(answer, tmp_path, capsys):
    code, asked, _ = answer("Title 5", "4.5", "i0002", "1", "TITLE 30", "5", "")
    assert code == 0
    assert "  Title 5, rating (0.5 to 5 in steps of 0.5): " in asked
    (tmp_path / "mine.csv").write_text("item,rating\ni0005,4.5\ni0002,1\ni0030,5\n")
    assert cli.main(["rate", "--model", "als-explicit", "--k", "3", str(tmp_path / "mine.csv")]) == 0
    assert rows_of(asked) == rows_of(capsys.readouterr().out)


def test_reasons_are_given_too(answer):
    asked = answer("Title 5", "4.5", "Title 2", "1", "", options=("--model", "als-explicit", "--why"))[1]
    assert "because of" in asked


def test_a_wrong_rating_is_asked_for_again_and_an_empty_one_passes_on(answer):
    code, asked, _ = answer("Title 5", "7", "five", "5", "Title 6", "", "")
    assert code == 0
    assert "  '7' is no rating of i0005; ratings are 0.5 to 5 in steps of 0.5" in asked
    assert "  'five' is no number" in asked
    assert "  not rated" in asked
    assert "From 1 rating, folded in" in asked


def test_a_second_rating_of_an_item_replaces_the_first(answer):
    asked = answer("Title 5", "5", "Title 5", "1", "")[1]
    assert "Title 5 again, rating" in asked
    assert "From 1 rating, folded in" in asked


def test_part_of_a_title_shows_what_it_may_mean(answer):
    _, asked, _ = answer("itle 1", "title 39", "4", "Twice", "Title 44", "")
    assert "  i0010  Title 10\n" in asked
    assert asked.count("i0003  Twice") == asked.count("i0008  Twice") == 1
    assert "type more of the title, or the id" in asked
    assert "no title holds 'Title 44'; did you mean 'Title 4' or " in asked
    assert "From 1 rating, folded in" in asked


def test_the_end_of_input_ends_and_nothing_rated_is_said(answer):
    assert answer("Title 5", "4")[0] == 0
    code, _, error = answer("")
    assert (code, error) == (1, "foldin: nothing was rated; give at least one item\n")


def test_without_a_terminal_a_file_is_asked_for(saved_models, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Title 5\n"))
    assert cli.main(["rate"]) == 2
    assert "no terminal to ask on: name a FILE.csv, or - for standard input" in capsys.readouterr().err


def test_titles_are_completed_by_their_start_or_else_by_a_part_in_any_case():
    known = ["The Wolf", "Wolf Hall", "wolf Park", "Dune"]
    assert prompt.completions(known, "WOLF") == ["Wolf Hall", "wolf Park"]
    assert prompt.completions(known, "the w") == ["The Wolf"]
    assert prompt.completions(known, "une") == ["Dune"]
    assert prompt.completions(known, "xyz") == []


def test_tab_offers_one_title_at_a_time_and_lists_parts(monkeypatch, capsys):
    readline = pytest.importorskip("readline")
    prompt._complete(["The Wolf", "Wolf Hall", "wolf Park", "Dune", "Dunes"])
    complete = readline.get_completer()
    assert [complete("wol", 0), complete("wol", 1), complete("wol", 2)] == ["Wolf Hall", "wolf Park", None]
    assert complete("he w", 0) == "The Wolf"
    assert complete("une", 0) is None, "Dune and Dunes both hold it, and begin with neither"
    assert capsys.readouterr().out == "\n  Dune\n  Dunes\ntitle: une"
    prompt._complete([])
    assert readline.get_completer() is None
