"""Sessions in place of users, or within them."""

import pytest
from own_data import declare, put, raw, triples

from foldin.core.errors import FoldinError
from foldin.datasets.own import proposal

DECLARED = "mine: {file: own/log.csv, session: s, item: what, feedback: implicit%s}"


def test_a_session_stands_for_a_user(workspace):
    put("log.csv", "s,what\n1,a\n1,b\n2,a\n")
    declare(DECLARED % "")
    assert triples(raw()) == [("1", "a", 1.0), ("1", "b", 1.0), ("2", "a", 1.0)]


@pytest.mark.parametrize("separator", [",", "::"])
def test_sessions_are_told_apart_by_user(workspace, separator):
    rows = ["who,s,what", "u,1,a", "v,1,a", "u,2,a", "u,1,b", "w,,c"]
    put("log.csv", "\n".join(row.replace(",", separator) for row in rows) + "\n")
    declare(DECLARED % f', user: who, separator: "{separator}"')
    found = raw().ratings
    assert found["user_id"].astype("str").tolist()[:4] == ["u/1", "v/1", "u/2", "u/1"]
    # Neither a user nor a session alone is taken where one is missing.
    assert found["user_id"].isna().tolist() == [False] * 4 + [True]


def test_ids_with_a_slash_stay_apart(workspace):
    put("log.csv", "who,s,what\na/b,c,x\na,b/c,x\na%2Fb,c,x\n")
    declare(DECLARED % ", user: who")
    assert raw().ratings["user_id"].nunique() == 3


def test_a_session_is_no_user_of_a_table_of_users(workspace):
    put("log.csv", "s,what\n1,a\n")
    for more in (", users: {file: own/log.csv, id: s}", ", people: members"):
        declare(DECLARED % more)
        with pytest.raises(FoldinError, match="a session is no user: leave out users and people, or session"):
            raw()


def rows_of(names, sessions=8):
    rows = [",".join(names)]
    for place in range(5 * sessions):
        values = {"session_id": f"s{place % sessions}", "item_id": f"i{place % 7}", "user_id": f"u{place % 3}"}
        rows.append(",".join(values.get(name, f"x{place % 4}") for name in names))
    return "\n".join(rows) + "\n"


def test_describe_proposes_sessions_where_there_are_no_users(workspace):
    found = proposal.examine(put("clicks.csv", rows_of(["session_id", "item_id"])))
    assert (found.declared["session"], found.declared["item"], found.unsure) == ("session_id", "item_id", [])
    found = proposal.examine(put("clicks.csv", rows_of(["user_id", "session_id", "item_id"])))
    assert found.declared["user"] == "user_id"
    assert "session" not in found.declared
    assert any("declare session: session_id" in note for note in found.notes)
    found = proposal.examine(put("clicks.csv", rows_of(["shopper", "session_id", "item_id"])))
    assert any("if shopper is, declare it as user" in what for what in found.unsure)
