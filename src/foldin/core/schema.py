"""The schema of the sections of params.yaml, as frozen models; params.yaml explains each parameter.

Every parameter has a smallest and a largest valid value; `foldin.core.bounds` explains those that several keys share.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from foldin.core.bounds import (
    Epochs,
    Fits,
    ListLength,
    Patience,
    Seed,
    Share,
    SomeShare,
)

PAIRS = 50_000_000
"""Users × items of demo: several tables of all pairs are held at once, of 8 bytes each."""


class Section(BaseModel):
    """A frozen part of params.yaml; unknown keys are refused, and so are NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


ALARMS = ("one_user_a_row", "one_item_a_row", "one_item_has_most", "many_dropped", "unused_gap", "times_outside_unit")
"""What foldin.preparation.alarms finds odd about cleaned ratings."""


class Clean(Section):
    """Section `clean`: how raw ratings become canonical ones."""

    duplicates: str = Field(pattern="^(last|first)$")
    bad_lines: float = Field(ge=0, lt=1)
    youngest: int = Field(ge=0, le=200)
    oldest: int = Field(ge=1, le=200)
    earliest_year: int = Field(ge=-9998, le=9998)
    latest_year: int = Field(ge=1970, le=9998)
    stop_on: list[str] = Field(default=[])

    @field_validator("stop_on")
    @classmethod
    def _names_alarms(cls, names: list[str]) -> list[str]:
        if unknown := [name for name in names if name not in ALARMS]:
            raise ValueError(f"'{unknown[0]}' is no alarm; the alarms are: {', '.join(ALARMS)}")
        return names

    @field_validator("oldest", "latest_year")
    @classmethod
    def _not_below_the_first(cls, last: int, others: ValidationInfo) -> int:
        name = {"oldest": "youngest", "latest_year": "earliest_year"}[str(others.field_name)]
        if last < others.data.get(name, last):
            raise ValueError(f"it must not be below {name}: every one would be made missing")
        return last


class Split(Section):
    """Section `split`: which ratings are held out, by one of `foldin.preparation.protocols.PROTOCOLS`."""

    protocol: str
    seed: Seed
    test: Share
    validation: Share
    folds: int = Field(ge=2, le=1000)
    fold: int = Field(ge=1, le=1000)
    fold_in: Share
    liked_only: bool


class Subset(Section):
    """Section `subset`: makes the problem smaller after the split."""

    users: float = Field(gt=0, le=1)
    seed: Seed
    k_core: int = Field(ge=0, le=1_000_000)


class Evaluation(Section):
    """Section `evaluation`: how saved models are judged on the test part."""

    k: ListLength
    ks: list[ListLength] = Field(min_length=1)
    liked_share: Share
    block_megabytes: float = Field(ge=0.1, le=1_000_000)
    resamples: int = Field(ge=200, le=1_000_000)
    confidence: float = Field(ge=0.5, le=0.999)  # beyond, the draws of a bootstrap that tell of it fill memory
    seeds: dict[str, Fits]
    oracle_z: float = Field(gt=0, le=1000)
    explained: dict[str, str]


class Report(Section):
    """Section `report`: what the report shows."""

    users: int = Field(ge=1, le=1000)
    recommendations: ListLength
    predictions: int = Field(ge=1, le=1000)
    calibration_bins: int = Field(ge=2, le=1000)


class Emulated(Section):
    """Key `verify.emulated`: how small the pipeline is that runs as another processor."""

    users: int = Field(ge=10, le=10**6)
    items: int = Field(ge=12, le=10**6)
    ratings: int = Field(ge=100, le=PAIRS)
    share: float = Field(gt=0, le=1)
    epochs: Epochs
    seeds: Fits


class Spark(Section):
    """Section `spark`: where the engine spark runs; what each key means stands in params.yaml."""

    master: str = Field(pattern=r"^(local\[[1-9][0-9]*\]|spark://[^\s/,:]+:[0-9]{1,5}|yarn|k8s://\S+)$")
    cores: int = Field(ge=1, le=100_000)
    driver_gigabytes: float = Field(ge=0.5, le=10_000)
    executor_gigabytes: float = Field(ge=0.5, le=10_000)
    options: dict[str, str]


class Verify(Section):
    """Section `verify`: what `foldin verify` accepts where bytes cannot be the same, and what it runs elsewhere."""

    tolerance: float = Field(ge=0, le=1)
    emulated: Emulated


class Traps(Section):
    """Section `traps`: how large the gallery of traps is; what each number means stands in params.yaml."""

    users: int = Field(ge=20, le=10_000)
    test: SomeShare
    k: ListLength
    candidates: int = Field(ge=2, le=100_000)
    epochs: int = Field(ge=2, le=1000)
    small_part: int = Field(ge=2, le=1_000_000)


class Demo(Section):
    """Section `demo`: the generator of the embedded data set; what each number means stands in params.yaml."""

    seed: Seed
    users: int = Field(ge=10, le=1_000_000)
    items: int = Field(ge=12, le=1_000_000)
    ratings: int = Field(ge=100, le=PAIRS)
    noise: float = Field(ge=0.01, le=5)
    taste: float = Field(ge=0, le=5)
    drift: float = Field(ge=0, le=3.2)
    activity: float = Field(ge=0, le=5)
    fewest_ratings: int = Field(ge=1, le=1_000_000)
    popularity: float = Field(ge=0, le=5)
    exposure_taste: float = Field(ge=0, le=5)

    @field_validator("items")
    @classmethod
    def _fits_memory(cls, items: int, others: ValidationInfo) -> int:
        if items * others.data.get("users", 0) > PAIRS:
            raise ValueError(f"times demo.users it must not exceed {PAIRS:,} pairs")
        return items


Method = Literal["grid", "random", "tpe"]
Trials = Annotated[int, Field(ge=1, le=10_000)]
SideBySide = Annotated[int, Field(ge=1, le=64)]
Folds = Annotated[int, Field(ge=0, le=100)]


class Search(Section):
    """Key `tune.search`: how settings are searched where a model says nothing else."""

    method: Method
    trials: Trials
    parallel: SideBySide
    folds: Folds
    prune_after: Patience

    @field_validator("folds")
    @classmethod
    def _two_or_none(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold leaves nothing to learn from: 0 for the validation part, or 2 and more")
        return folds


class ModelSearch(Section):
    """What `tune.models` says of a model: the settings to try, and what of `tune.search` is otherwise for it."""

    space: dict[str, Any] = Field(min_length=1)
    method: Method | None = None
    trials: Trials | None = None
    parallel: SideBySide | None = None
    folds: Folds | None = None
    prune_after: Patience | None = None


class Tune(Section):
    """Section `tune`: which families' settings are searched on training data, and how."""

    families: list[str]
    search: Search
    models: dict[str, dict[str, ModelSearch]]


SECTIONS: dict[str, type[Section]] = {
    "clean": Clean,
    "split": Split,
    "subset": Subset,
    "evaluation": Evaluation,
    "report": Report,
    "tune": Tune,
    "spark": Spark,
    "verify": Verify,
    "traps": Traps,
    "demo": Demo,
}
