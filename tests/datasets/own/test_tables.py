"""A format of the user's files that is known by name and has no reader is an error, not read as CSV."""

from pathlib import Path
from typing import get_args

import pytest
from own_data import declare, put, raw

from foldin.core.errors import FoldinError
from foldin.datasets.formats import sniffing
from foldin.datasets.own import samples, tables
from foldin.datasets.own.schema import File


def test_a_format_without_a_reader_is_refused_with_its_key(workspace, monkeypatch):
    monkeypatch.setitem(tables.EXTENSIONS, ".arrow", "arrow")
    put("a.arrow", "who,book,stars\nu1,b1,4\n")
    declare("mine: {file: own/a.arrow, user: who, item: book, rating: stars, scale: [1, 5, 1]}")
    with pytest.raises(FoldinError, match=r"sources\.mine has the format 'arrow', which has no reader; convert it"):
        raw()


def test_describe_refuses_a_format_that_it_cannot_look_into(workspace, monkeypatch):
    monkeypatch.setitem(tables.EXTENSIONS, ".arrow", "arrow")
    put("a.arrow", "user,item,rating\nu1,b1,4\n")
    with pytest.raises(FoldinError, match="cannot look into a file of the format 'arrow'; declare it by hand"):
        samples.look(Path("own/a.arrow"), "a.arrow")


def test_extensions_and_first_bytes_name_only_formats_that_a_declaration_may_have():
    (allowed, _) = get_args(File.model_fields["format"].annotation)
    assert set(tables.EXTENSIONS.values()) == set(get_args(allowed))
    assert set(sniffing.SIGNS.values()) <= set(get_args(allowed))
