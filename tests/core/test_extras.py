"""A library of an extra is asked for before it is imported."""

import pytest

from foldin.core import extras
from foldin.core.errors import FoldinError


def test_what_is_installed_is_no_error():
    extras.require("json", "this needs JSON", "none")


def test_what_is_not_installed_says_how_to_install_it():
    with pytest.raises(FoldinError, match=r"^this needs it, which is an extra; install it: make install EXTRA=app$"):
        extras.require("no_such_library", "this needs it", "app")
