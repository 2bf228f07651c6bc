"""`foldin rate` without a file: asks for titles, which Tab completes, and ratings, until an empty line."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.text import one_line
from foldin.recommend import names
from foldin.recommend.new_user import Ratings

CANDIDATES = 12
"""Titles shown of those that a text may mean, at most."""
Ask = Callable[[str], str]


def ask(ratings: Ratings, read: Ask = input) -> None:
    """Ask for ratings until an empty line or the end of input.

    Parameters
    ----------
    ratings : Ratings
        Gets the answers.
    read : callable, optional
        From a question to the answer.
    """
    items = ratings.training.items
    known = [str(title) for title in names.titles(items).dropna().unique()] or items["item_id"].to_list()
    _complete(known)
    print("Name something you know: a title, part of one, or an id. Tab completes; an empty line ends.")
    try:
        while text := read("title: ").strip():
            found = meant(items, text)
            if len(found) == 1:
                _rate(ratings, found[0], read)
            else:
                print(_not_one(items, text, found, known))
    except EOFError:
        print()
    finally:
        _complete([])


def meant(items: pd.DataFrame, text: str) -> list[int]:
    """Return the items that a text may mean: by id or title, else by the start of the title, else by a part of it."""
    if exact := names.matching(items, text):
        return exact
    folded = names.titles(items).fillna("").str.casefold()
    for fits in (folded.str.startswith(text.casefold()), folded.str.contains(text.casefold(), regex=False)):
        if fits.any():
            return [int(place) for place in np.flatnonzero(fits)]
    return []


def completions(known: Sequence[str], text: str) -> list[str]:
    """Return the names that begin with a text, in any case; if there are none, those that hold it."""
    asked = text.casefold()
    begun = [each for each in known if each.casefold().startswith(asked)]
    return begun or [each for each in known if asked in each.casefold()]


def _rate(ratings: Ratings, item: int, read: Ask) -> None:
    about = ratings.training.items
    title = names.titles(about).iloc[item]
    title = one_line(str(about["item_id"].iloc[item] if pd.isna(title) else title))
    if ratings.liked_only:
        ratings.add(item, "")
        print(f"  liked: {title}")
        return
    _complete([])
    known = [str(each) for each in names.titles(about).dropna().unique()]
    again = " again" if item in ratings else ""
    while True:
        answer = read(f"  {title}{again}, rating ({ratings.shown(item)}): ").strip()
        if not answer and not ratings.implicit:
            print("  not rated")
            break
        try:
            ratings.add(item, answer)
            break
        except FoldinError as error:
            print(f"  {one_line(str(error))}")
    _complete(known)


def _not_one(items: pd.DataFrame, text: str, found: Sequence[int], known: Sequence[str]) -> str:
    if not found:
        close = names.near(text, known)
        return f"  no title holds '{text}'" + (f"; did you mean {' or '.join(map(repr, close))}?" if close else "")
    named = [f"{items['item_id'].iloc[place]}  {names.titles(items).iloc[place]}" for place in found[:CANDIDATES]]
    shown = [f"  {one_line(each)}" for each in named]
    more = [f"  and {len(found) - CANDIDATES:,} more"] if len(found) > CANDIDATES else []
    return "\n".join([*shown, *more, "  type more of the title, or the id"])


def _complete(known: Sequence[str]) -> None:
    """Let Tab complete these names, whole lines at a time; none turns it off."""
    try:
        import readline
    except ModuleNotFoundError:  # a Python built without it asks all the same
        return

    found: list[str] = []

    def completer(text: str, state: int) -> str | None:
        if state == 0:
            found[:] = completions(known, text) if text.strip() else []
            if len(found) > 1 and not found[0].casefold().startswith(text.casefold()):
                # readline would replace the text by what these begin with in common.
                more = f"\n  and {len(found) - CANDIDATES:,} more" if len(found) > CANDIDATES else ""
                print("\n  " + "\n  ".join(found[:CANDIDATES]) + f"{more}\ntitle: {text}", end="", flush=True)
                found.clear()
        return found[state] if state < len(found) else None

    readline.set_completer(completer if known else None)
    readline.set_completer_delims("")
    if "libedit" in (readline.__doc__ or ""):
        readline.parse_and_bind("bind ^I rl_complete")
    else:
        readline.parse_and_bind("set completion-ignore-case on")
        readline.parse_and_bind("tab: complete")
