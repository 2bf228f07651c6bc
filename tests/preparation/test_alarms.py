"""Cleaned ratings that are odd raise an alarm, on the terminal and in the account, or stop the stage where asked to."""

import pytest
from conftest import edit_params
from own_data import cleaned, declare, put

from foldin.core.errors import FoldinError

STARS = "file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1]"


def write(*rows, header="who,book,stars"):
    put("a.csv", header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))


def fine(n=200):
    return [(f"u{k % 20}", f"b{k // 20}", k % 5 + 1) for k in range(n)]


@pytest.mark.parametrize(
    ("rows", "name", "count"),
    [
        ([(f"u{k}", f"b{k % 7}", k % 5 + 1) for k in range(60)], "one_user_a_row", 60),
        ([(f"u{k % 7}", f"b{k}", k % 5 + 1) for k in range(60)], "one_item_a_row", 60),
        (
            [(f"u{k}", "b1", k % 5 + 1) for k in range(40)] + [(f"u{k}", "b2", 1) for k in range(9)],
            "one_item_has_most",
            40,
        ),
        (fine(60) + fine(60)[:30], "many_dropped", 30),
        (fine(60) + [(f"u{k}", "b9", 99) for k in range(30)], "many_dropped", 30),
        ([(user, book, stars if stars != 3 else 4) for user, book, stars in fine()], "unused_gap", 1),
    ],
)
def test_an_odd_file_raises_an_alarm_that_the_account_and_the_terminal_have(workspace, capsys, rows, name, count):
    write(*rows)
    declare(f"mine: {{{STARS}}}")
    _, account = cleaned()
    assert account["ratings"]["alarms"][name] == count
    assert f"mine: ALARM {name}: " in capsys.readouterr().err
    edit_params(workspace, lambda values: values["clean"].update(stop_on=[name]))
    with pytest.raises(FoldinError, match=rf"clean\.stop_on: {name}.*sources\.mine"):
        cleaned()


@pytest.mark.parametrize(("unit", "factor", "shift"), [("s", 1, 2_000), ("ms", 1, 1_500_000_000), ("date", 0, 1975)])
def test_times_outside_their_unit_raise_an_alarm(workspace, unit, factor, shift):
    rows = [(*row, f"{shift}-01-01" if unit == "date" else shift + factor * place) for place, row in enumerate(fine())]
    write(*rows, header="who,book,stars,when")
    declare(f"mine: {{{STARS}, time: when, time_unit: {unit}}}")
    assert cleaned()[1]["ratings"]["alarms"] == {"times_outside_unit": 200}


def test_what_is_as_declared_raises_none(workspace, capsys):
    write(*fine(), *[(f"u{k}", f"c{k % 3}", 0) for k in range(90)])
    declare(f"mine: {{{STARS}, zero_is_implicit: true}}")
    assert "alarms" not in cleaned()[1]["ratings"]
    write(*fine(60), *fine(60), *fine(60))
    declare("mine: {file: own/a.csv, user: who, item: book, feedback: implicit}")
    assert "alarms" not in cleaned()[1]["ratings"]
    assert "ALARM" not in capsys.readouterr().err


def test_an_alarm_that_is_none_is_refused(workspace):
    write(*fine())
    declare(f"mine: {{{STARS}}}")
    edit_params(workspace, lambda values: values["clean"].update(stop_on=["many_droped"]))
    with pytest.raises(
        FoldinError, match=r"clean\.stop_on is .*'many_droped' is no alarm; the alarms are: one_user_a_row"
    ):
        cleaned()
