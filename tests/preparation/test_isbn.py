"""ISBNs: one spelling for each book, mended only where the check digit proves it."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.preparation import isbn


@pytest.mark.parametrize(
    ("text", "right", "reason"),
    [
        ("0306406152", "0306406152", ""),
        ("0-306-40615-2", "0306406152", "isbn_separators"),
        (" 0306 40615 2 ", "0306406152", "isbn_separators"),
        ("080442957x", "080442957X", "isbn_separators"),
        ("306406152", "0306406152", "isbn_lost_zeros"),
        ("O3O64O6152", "0306406152", "isbn_letter_o"),
        ("9780306406157", "0306406152", "isbn_13"),
        ("978-0-306-40615-7", "0306406152", "isbn_13"),
        ("9791090636071", "9791090636071", ""),
        ("0306406153", "0306406153", "no_valid_isbn"),
        ("9780306406158", "9780306406158", "no_valid_isbn"),
        ("1234567890128", "1234567890128", ""),
        ("b0000bldx", "B0000BLDX", "no_valid_isbn"),
        ("12345", "12345", "no_valid_isbn"),
        ("٠٣٠٦٤٠٦١٥٢", "٠٣٠٦٤٠٦١٥٢", "no_valid_isbn"),
    ],
)
def test_a_spelling_and_what_was_done_to_it(text, right, reason):
    assert isbn.normalized(text) == (right, reason)


@given(st.text("0123456789XxOo- B", max_size=15))
@settings(derandomize=True, deadline=None)
def test_a_normalized_spelling_stays(text):
    right, _ = isbn.normalized(text)
    assert isbn.normalized(right)[0] == right


@given(st.integers(0, 10**9 - 1), st.booleans(), st.booleans(), st.booleans())
@settings(derandomize=True, deadline=None)
def test_every_spelling_of_a_book_is_one_id(nine, hyphens, zeros_lost, thirteen):
    digits = f"{nine:09d}"
    # ISO 2108: the digits times 10, 9, …, 1 sum to a multiple of 11.
    check = -sum(weight * int(c) for weight, c in zip(range(10, 1, -1), digits, strict=True)) % 11
    book = digits + "0123456789X"[check]
    assert isbn.valid(book)
    text = book
    if thirteen:
        body = "978" + book[:9]
        text = body + str(-sum(int(c) * (3 if n % 2 else 1) for n, c in enumerate(body)) % 10)
    elif zeros_lost and nine >= 10**6:
        text = book.lstrip("0")
    text = "-".join(text) if hyphens else text
    assert isbn.normalized(text)[0] == book


def test_a_column_is_normalized_by_category_and_counted_by_row():
    ids = pd.Categorical(["306406152", "0306406152", None, "--", "306406152", "x"])
    found, changed, wrong = isbn.normalize(ids)
    assert found.tolist()[:2] == ["0306406152"] * 2
    assert pd.isna(found).tolist() == [False, False, True, True, False, False]
    assert (changed["isbn_lost_zeros"], wrong) == (2, 2)


@pytest.mark.parametrize("text", ["0306406152", "080442957X", "0345451040"])
def test_one_wrong_digit_is_never_valid(text):
    for place in range(10):
        for digit in "0123456789":
            if digit != text[place] and isbn.valid(text):
                assert not isbn.valid(text[:place] + digit + text[place + 1 :])


def test_most_of_the_real_ids_are_mended(archives):
    text = (archives / "book-crossing" / "BX-Book-Ratings.csv").read_text("latin-1").splitlines()[1:]
    ids = pd.Categorical([line.split(";")[1] for line in text])
    found, changed, wrong = isbn.normalize(ids)
    assert len(found) == len(ids)
    assert changed["isbn_lost_zeros"] > 0.6 * len(ids)
    assert wrong < 0.03 * len(ids)
