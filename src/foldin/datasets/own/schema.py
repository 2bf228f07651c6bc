"""What a declaration under `sources` in params.yaml may say; own/README.md explains it."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from foldin.core.params import Section

OFF_STEP = 1e-6
"""Steps by which a float may miss a whole number of them."""
MOST_STEPS = 1_000_000
"""Steps of a scale, at most: beyond, ratings in single precision lie on no step."""
NARROW = 1e-4
"""A scale's length beside its ends, at least: below, single precision tells too few ratings apart."""
ScaleNumber = Annotated[float, Field(ge=-1e9, le=1e9)]
"""Ratings are squared and added up; beyond, digits that matter are lost."""
Weight = Annotated[float, Field(gt=0, le=1e6)]
"""What an event of one kind counts."""
Totals = Annotated[
    dict[Literal["user", "item"], list[str]],
    BeforeValidator(lambda names: {"user": names, "item": names} if isinstance(names, list) else names),
]
"""Ids of totals: a list names them whether they stand as users or as items."""
Value = bool | int | float | str
Format = Literal["csv", "parquet", "feather", "sqlite", "jsonl", "npy", "npz", "mat", "excel"]


class File(Section):
    """How to read a file of your own; what a file's ending says need not be said."""

    file: str = Field(default="", min_length=1)
    files: str = Field(default="", min_length=1)
    member: str | None = None
    format: Format | None = None
    separator: str | None = Field(default=None, min_length=1)
    encoding: str = "utf-8"
    header: bool = True
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", "'", " "] = ""
    table: str | None = None
    query: str | None = None

    @property
    def name(self) -> str:
        """The file, or the pattern of several, as declared."""
        return self.file or self.files

    @model_validator(mode="after")
    def _names_a_file(self) -> Self:
        if bool(self.file) == bool(self.files):
            raise ValueError("name its file as file, or several alike by a pattern as files: own/part-*.csv")
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same mark: mend one of them")
        return self


class OwnItems(File):
    """The table of items of your own: names of its columns, or their places from 1 where there is no header."""

    id: str | int
    title: str | int | None = None
    genres: str | int | None = None
    genre_separator: str = "|"
    creator: str | int | None = None
    year: str | int | None = None
    domain: str | int | None = None


class OwnUsers(File):
    """The table of users of your own; columns as in `OwnItems`."""

    id: str | int
    age: str | int | None = None
    gender: str | int | None = None
    country: str | int | None = None
    occupation: str | int | None = None


class OwnData(File):
    """A data set of your own, in the section `sources`: `file` holds its ratings, or its counts of interactions."""

    shape: Literal["list", "matrix"] = "list"
    user: str | int | None = None
    session: str | int | None = None
    item: str | int | None = None
    pair: str | int | None = None
    pair_separator: str = Field(default=":", min_length=1)
    pair_order: Literal["user-item", "item-user"] = "user-item"
    rows: Literal["users", "items"] = "users"
    row_id: str | int | None = None
    skip: list[str | int] = Field(default=[])
    rating: str | int | None = None
    missing: list[Value] = Field(default=[])
    totals: Totals = Field(default={})
    renamed: dict[str, str] = Field(default={})
    event: str | int | None = None
    events: dict[str, Weight] = Field(default={})
    events_per_pair: Literal["sum", "highest"] = "sum"
    repeats: Literal["merge", "keep"] = "merge"
    where: dict[str, Value | list[Value]] = Field(default={})
    time: str | int | None = None
    time_unit: Literal["s", "ms", "us", "ns", "date"] | None = None
    date_format: str = ""
    feedback: Literal["explicit", "implicit"] = "explicit"
    scale: list[ScaleNumber] = Field(default=[], max_length=3)
    zero_is_implicit: bool = False
    isbn_items: bool = False
    domain: str = Field(default="items", min_length=1)
    people: str = ""
    items: OwnItems | None = None
    users: OwnUsers | None = None
    about: str = ""
    licence: str = ""

    @model_validator(mode="after")
    def _says_where_users_and_items_are(self) -> Self:
        if self.shape == "matrix":
            given = [
                key
                for key in ("user", "session", "item", "pair", "rating", "event", "time")
                if getattr(self, key) is not None
            ]
            if given or self.where:
                raise ValueError(
                    f"a matrix has no column of its own for {(given or ['where'])[0]}: say rows: users or rows: items, "
                    "and name the column of their ids, if there is one, as row_id"
                )
            if self.renamed:
                raise ValueError("renamed is for a list: the columns of a matrix are ids")
        elif self.row_id is not None or self.skip:
            raise ValueError("row_id and skip are for shape: matrix")
        elif self.pair is not None:
            if not self.user is self.session is self.item is None:
                raise ValueError("pair is one column with both ids: leave out user, session and item")
        elif (self.user is None and self.session is None) or self.item is None:
            absent = "item" if self.item is None else "user"
            raise ValueError(
                f"name the column of {absent}s as {absent}; a column with both ids is a pair, and a table with a row "
                "for each user a shape: matrix"
            )
        if self.session is not None and (self.users is not None or self.people):
            raise ValueError("a session is no user: leave out users and people, or session")
        return self

    @model_validator(mode="after")
    def _has_what_its_events_need(self) -> Self:
        if (self.event is None) != (not self.events):
            raise ValueError("event names the column, and events what each of its values counts: {view: 1, buy: 5}")
        if self.events and self.feedback != "implicit":
            raise ValueError("events are no ratings: add feedback: implicit")
        if self.events and self.rating is not None:
            raise ValueError("events say what a row counts: leave out rating")
        if self.date_format and self.time_unit not in (None, "date"):
            raise ValueError("date_format is for dates: leave out time_unit")
        if self.date_format and self.time is None:
            raise ValueError("date_format is for a column of times: name it as time")
        if self.repeats == "keep" and self.time is None:
            raise ValueError("repeats: keep keeps the order of interactions: name the column of their times as time")
        return self

    @model_validator(mode="after")
    def _has_what_its_feedback_needs(self) -> Self:
        if self.feedback == "implicit":
            if self.scale or self.zero_is_implicit:
                raise ValueError("counts have no scale: leave out scale and zero_is_implicit")
            return self
        if self.rating is None and self.shape == "list":
            raise ValueError("name the column of ratings as rating, or say feedback: implicit")
        if len(self.scale) > 1 and 0 < self.scale[1] - self.scale[0] < NARROW * max(map(abs, self.scale[:2])):
            raise ValueError("lowest and highest of scale are too near for single precision: rescale the ratings")
        if len(self.scale) > 2 and self.scale[2] > 0 and self.scale[0] < self.scale[1]:
            # Asked first, because a quotient by next to nothing is no number.
            if (self.scale[1] - self.scale[0]) > MOST_STEPS * self.scale[2]:
                raise ValueError(f"scale has more than {MOST_STEPS:,} steps: write a step of 0 for any value")
            steps = (self.scale[1] - self.scale[0]) / self.scale[2]
            if abs(steps - round(steps)) > OFF_STEP:
                raise ValueError(
                    "scale is [lowest, highest, step], and no whole number of steps leads from lowest to highest: "
                    "mend the step, or write 0 for any value"
                )
        if len(self.scale) < 2 or not self.scale[0] < self.scale[1] or (len(self.scale) > 2 and self.scale[2] < 0):
            raise ValueError("scale must be [lowest, highest, step], such as [1, 5, 1]; a step of 0 allows any value")
        return self


class OwnComposition(Section):
    """A data set composed of declared ones, in the section `sources`: domain → name of a data set."""

    parts: dict[str, str] = Field(min_length=2)
    about: str = ""
