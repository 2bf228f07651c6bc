"""Numbers as they are written elsewhere, and rows and columns that sum up others, are no ratings gone wrong."""

import numpy as np
import pandas as pd
import pytest
from own_data import put, raw
from ruamel.yaml import YAML

from foldin.core.errors import FoldinError
from foldin.datasets.formats import marks
from foldin.datasets.own import printed, proposal, values

RNG = np.random.default_rng(5)
N = 400
PAIRS = RNG.choice(40 * 30, N, replace=False)
USERS, ITEMS = PAIRS // 30, PAIRS % 30
COUNTS = np.maximum(1, np.round(np.exp(RNG.normal(5, 2, N)))).astype(int)


def examined(quick, path):
    """Return a proposal, and the ratings that `clean` would read by it."""
    found = proposal.examine(path)
    quick["sources"] = YAML(typ="safe").load(printed.block(found.declared, "mine"))
    return found, raw().ratings


def grouped(number, thousands, decimal="."):
    whole, _, part = f"{number:,}".partition(".")
    return whole.replace(",", thousands) + (decimal + part if part else "")


def listing(thousands, decimal, *, total=(), separator="\t", prices=True):
    price = np.round(COUNTS * 1.25, 2)
    rows = [f"Käufer{separator}Artikelnummer{separator}Menge{separator}Umsatz"]
    rows += [
        separator.join(
            [f"Müller {user:02d}", str(1000 + item), grouped(count, thousands), grouped(of, thousands, decimal)][
                : 4 if prices else 3
            ]
        )
        for user, item, count, of in zip(USERS, ITEMS, COUNTS, price.tolist(), strict=True)
    ]
    rows[0] = rows[0] if prices else rows[0].rsplit(separator, 1)[0]
    return "\r\n".join([*rows, "", *(separator.join(one) for one in total), ""])


@pytest.mark.parametrize(("thousands", "decimal"), [(".", ","), (",", "."), ("'", "."), ("\u00a0", ",")])
def test_thousands_are_read_as_they_are_written(quick, thousands, decimal):
    path = put("shop.tsv", listing(thousands, decimal))
    found, read = examined(quick, path)
    assert read["rating"].tolist() == COUNTS.tolist()
    assert read["user_id"].tolist() == [f"Müller {user:02d}" for user in USERS]
    assert found.declared["rating"] == "Menge"
    assert not found.unsure


def test_three_digits_after_a_mark_are_unsure_where_nothing_else_tells(quick):
    path = put("shop.tsv", listing(".", ",", prices=False))
    found, read = examined(quick, path)
    assert read["rating"].tolist() == COUNTS.tolist()
    assert any("is taken to separate thousands" in what for what in found.unsure)


@pytest.mark.parametrize(
    ("texts", "how"),
    [
        (["4.500", "3.250", "5.000"], None),
        (["0.250", "12", "1.500"], None),
        (["56", "1.250", "7.5"], None),
        (["56", "1.250", "7"], marks.Marks(",", ".", sure=False)),
        (["1.234.567", "7"], marks.Marks(",", ".")),
        (["7,5", "1"], marks.Marks(",")),
        (["7,5", "1.5"], None),
        (["Emma", "1.250"], None),
    ],
)
def test_marks_are_guessed_only_where_all_numbers_agree(texts, how):
    assert marks.guess(pd.Series(texts, dtype="str"), comma=True) == how


@pytest.mark.parametrize(("odd", "said"), [(1, True), (3, True), (400, False)])
def test_few_counts_that_are_no_whole_numbers_put_their_mark_in_question(odd, said):
    counts = pd.Series([*range(1, 900), *[1.234] * odd], dtype="float64")
    unsure = values.examine(counts, "count").unsure
    assert any("declare it as thousands" in what for what in unsure) == said


@pytest.mark.parametrize("value", ["1.23", "1.2345", "12.34,5", "1234.567"])
def test_misplaced_marks_are_no_number(quick, value):
    put("a.csv", f"user;item;n\n1;a;1.234,5\n1;b;{value}\n2;a;3\n")
    quick["sources"] = YAML(typ="safe").load(
        'mine: {file: own/a.csv, separator: ";", decimal: ",", thousands: ".", user: user, item: item, rating: n,'
        " feedback: implicit}"
    )
    with pytest.raises(FoldinError, match=f"rating is '{value}', no number"):
        raw()


def test_a_decimal_comma_beside_words_for_missing(quick):
    put("a.csv", "user;item;stars\n1;a;4,5\n1;b;n/a\n2;a;3\n")
    quick["sources"] = YAML(typ="safe").load(
        'mine: {file: own/a.csv, separator: ";", decimal: ",", missing: ["n/a"], user: user, item: item,'
        " rating: stars, scale: [0.5, 5, 0.5]}"
    )
    assert raw().ratings["rating"].fillna(0).tolist() == [4.5, 0, 3]


@pytest.mark.parametrize(
    "total",
    [
        ("Summe", "", grouped(int(COUNTS.sum()), "."), ""),
        ("Total", "Total", grouped(int(COUNTS.sum()), "."), ""),
        ("", "Gesamt", grouped(int(COUNTS.sum()), "."), ""),
    ],
)
def test_a_row_of_totals_is_left_out_and_counted(quick, total):
    found, read = examined(quick, put("shop.tsv", listing(".", ",", total=[total])))
    assert read["rating"].tolist() == COUNTS.tolist()
    assert found.declared["totals"] == [name for name in dict.fromkeys(total[:2]) if name]
    assert not found.unsure


def test_an_item_that_is_called_total_and_sums_up_nothing_is_unsure(quick):
    found, read = examined(quick, put("shop.tsv", listing(".", ",", total=[("Müller 01", "Total", "7", "8,75")])))
    assert any("'Total' is taken to be no item but a total" in what for what in found.unsure)
    assert len(read) == N


def test_an_item_called_total_that_many_rated_stays(quick):
    rows = [(f"Müller {user:02d}", "Total", str(user + 1), "1,25") for user in range(30)]
    found, read = examined(quick, put("shop.tsv", listing(".", ",", total=rows)))
    assert "totals" not in found.declared
    assert len(read) == N + 30


def stars(code, rows=80, columns=25):
    table = RNG.integers(1, 6, (rows, columns)).astype(float)
    table[RNG.random(table.shape) < 0.5] = np.nan
    known = pd.DataFrame(table, columns=[f"film_{place}" for place in range(columns)])
    return known, known.astype("Int64").astype("object").where(known.notna(), code)


@pytest.mark.parametrize("code", ["", 99])
@pytest.mark.parametrize(
    ("before", "after"), [(["n_rated"], []), ([], ["mean", "sum"]), (["n_rated", "mean"], ["sum"])]
)
def test_columns_that_sum_up_rows_are_no_items(quick, code, before, after):
    known, written = stars(code)
    sums = {"n_rated": known.count(axis=1), "mean": known.mean(axis=1).round(2), "sum": known.sum(axis=1).astype(int)}
    table = pd.concat(
        [pd.Series(RNG.permutation(900)[:80], name="panelist")]
        + [sums[name].rename(f"col_{name}") for name in before]
        + [written]
        + [sums[name].rename(f"col_{name}") for name in after],
        axis=1,
    )
    found, read = examined(quick, put("panel.csv", table.to_csv(index=False)))
    assert sorted(set(read["item_id"])) == sorted(known.columns)
    assert len(read) == known.notna().sum().sum()
    assert read["rating"].sum() == known.sum().sum()
    assert found.declared["scale"] == [1, 5, 1]


@pytest.mark.parametrize("codes", [(98, 99), (97, 98, 99), (-9, -8)])
@pytest.mark.parametrize("counted", [False, True])
def test_a_matrix_may_have_several_codes_for_missing(quick, codes, counted):
    known, _ = stars("")
    written = known.copy()
    for place, code in enumerate(codes):
        written = written.mask(known.isna() & (np.arange(25) % len(codes) == place)[None, :], code)
    written = written.astype(int)
    if counted:
        written["answered"] = known.count(axis=1)
    found, read = examined(quick, put("panel.csv", written.rename_axis("panelist").to_csv()))
    assert found.declared["missing"] == sorted(codes)
    assert found.declared["scale"] == [1, 5, 1]
    assert found.declared.get("skip", []) == (["answered"] if counted else [])
    assert read["rating"].count() == known.notna().sum().sum()
    assert not [what for what in found.unsure if "code" in what]


@pytest.mark.parametrize("codes", [(98, 99), (97, 98, 99), (-9, -8)])
def test_a_list_may_have_several_codes_for_missing(quick, codes):
    ratings = RNG.choice([1, 2, 3, 4, 5, *codes], N)
    table = pd.DataFrame({"user": USERS, "item": ITEMS, "rating": ratings})
    found, read = examined(quick, put("a.csv", table.to_csv(index=False)))
    assert found.declared["missing"] == sorted(codes)
    assert found.declared["scale"] == [1, 5, 1]
    assert read["rating"].count() == (~np.isin(ratings, codes)).sum()


@pytest.mark.parametrize("distinct", [[0, 1, 20, 21, 22, 23, 24], [1, 2, 3, 4, 5, 6, 7], [10, 20, 30, 80, 90]])
def test_ratings_that_are_no_codes_stay(distinct):
    found = values.examine(pd.Series(distinct * 40, dtype="float64"), "rating")
    assert "missing" not in found.declared


def test_counts_of_which_most_are_a_usual_code_are_unsure():
    counts = pd.Series([*range(1, 200), *[99] * 150], dtype="float64")
    assert any("99, in 43% of the rows, is often a code" in what for what in values.examine(counts, "").unsure)


@pytest.mark.parametrize("name", ["Gesamtergebnis", "Summe"])
@pytest.mark.parametrize("between", ["Summe {}", "{} gesamt", "Zwischensumme"])
def test_totals_of_each_user_without_an_item_are_no_part_of_the_total(quick, name, between):
    """A report as accounting prints it: each customer's rows, their sum, and the sum of all at the end."""
    rows = ["Käufer;Artikelnummer;Menge"]
    for user in range(40):
        mine = [(item, int(count)) for item, count, one in zip(ITEMS, COUNTS, USERS, strict=True) if one == user]
        rows += [f"Müller {user};{1000 + item};{grouped(count, '.')}" for item, count in mine]
        rows.append(f"{between.format(f'Müller {user}')};;{grouped(sum(count for _, count in mine), '.')}")
    text = "\r\n".join([*rows, f"{name};;{grouped(int(COUNTS.sum()), '.')}", ""])
    found, read = examined(quick, put("shop.csv", text.encode("cp1252")))
    assert not [what for what in found.unsure if "total" in what]
    assert any("Käufer: user" in note and "40 distinct values" in note for note in found.notes)
    read = read.dropna(subset=["user_id", "item_id"])
    assert sorted(read["rating"]) == sorted(COUNTS)


def test_totals_of_a_pivot_table_are_no_users_and_no_items(quick):
    known, written = stars("")
    written.insert(0, "member", [f"m{place}" for place in range(80)])
    written["Grand Total"] = known.sum(axis=1)
    written.loc[80] = ["Grand Total", *known.sum(), known.sum().sum()]
    found, read = examined(quick, put("pivot.csv", written.to_csv(index=False)))
    assert found.declared["totals"] == ["Grand Total"]
    assert found.declared["skip"] == ["Grand Total"]
    assert len(read) == known.notna().sum().sum()
    assert set(read["user_id"]) == set(written["member"][:80])
    assert found.declared["scale"] == [1, 5, 1]


@pytest.mark.parametrize(("text", "encoding"), [("Müller – 5 €", "cp1252"), ("Müller", "latin-1"), ("Mūller", "utf-8")])
def test_the_encoding_is_told_by_its_bytes(quick, text, encoding):
    found, read = examined(
        quick, put("a.csv", f"user,item,stars\n{text},a,1\n{text},b,2\nu,a,3\nu,b,5\n".encode(encoding))
    )
    assert found.declared.get("encoding", "utf-8") == encoding
    assert read["user_id"].tolist()[0] == text


def test_as_read_names_no_declaration_that_does_not_exist(quick):
    path = put("a.jsonl", '{"user": [1], "item": 2, "stars": 3}\n' * 5)
    with pytest.raises(FoldinError) as said:
        proposal.examine(path)
    assert "declare it by hand" in said.value.remedy
    assert "params.yaml" not in said.value.remedy
