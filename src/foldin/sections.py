"""What the sections of params.yaml must hold, as frozen models; what each number means stands there, beside it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A frozen part of params.yaml; unknown keys are refused, and so are NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Clean(Section):
    """Section `clean`: how raw ratings become canonical ones."""

    duplicates: str = Field(pattern="^(last|first)$")
    bad_lines: float = Field(ge=0, lt=1)
    youngest: int = Field(ge=0)
    oldest: int = Field(ge=1)
    earliest_year: int
    latest_year: int = Field(ge=1970, le=9998)


class Split(Section):
    """Section `split`: which ratings are held out, by one of `foldin.splits.PROTOCOLS`."""

    protocol: str
    seed: int = Field(ge=0)
    test: Share
    validation: Share
    folds: int = Field(ge=2)
    fold: int = Field(ge=1)
    fold_in: Share


class Subset(Section):
    """Section `subset`: makes the problem smaller after the split."""

    users: float = Field(gt=0, le=1)
    seed: int = Field(ge=0)
    k_core: int = Field(ge=0)


class Evaluation(Section):
    """Section `evaluation`: how saved models are judged on the test part."""

    k: int = Field(ge=1)
    ks: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    liked_share: Share
    block_megabytes: float = Field(gt=0)
    resamples: int = Field(ge=200)
    confidence: Share
    seeds: dict[str, Annotated[int, Field(ge=1)]]
    oracle_z: float = Field(gt=0)
    explained: dict[str, str]


class Report(Section):
    """Section `report`: what the report shows."""

    users: int = Field(ge=1)
    recommendations: int = Field(ge=1)
    predictions: int = Field(ge=1)
    calibration_bins: int = Field(ge=2)


class Emulated(Section):
    """Key `verify.emulated`: how small the pipeline is that runs as another processor."""

    users: int = Field(ge=10, le=10**6)
    items: int = Field(ge=12, le=10**6)
    ratings: int = Field(ge=100, le=10**9)
    share: float = Field(gt=0, le=1)
    epochs: int = Field(ge=1)
    seeds: int = Field(ge=1)


class Verify(Section):
    """Section `verify`: what `foldin verify` accepts where bytes cannot be the same, and what it runs elsewhere."""

    tolerance: float = Field(ge=0)
    emulated: Emulated


class Traps(Section):
    """Section `traps`: how large the gallery of traps is; what each number means stands in params.yaml."""

    users: int = Field(ge=20)
    test: Share
    damping: float = Field(ge=0)
    factors: int = Field(ge=1)
    epochs: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    regularization: float = Field(gt=0)
    initial_spread: float = Field(gt=0)
    unobserved_weight: float = Field(gt=0)
    implicit_regularization: float = Field(gt=0)
    frequency_exponent: float = Field(ge=0)
    k: int = Field(ge=1)
    candidates: int = Field(ge=2)
    domain_rows: int = Field(ge=20)
    rows: int = Field(ge=20)
    row_factors: int = Field(ge=1)
    most_popular: int = Field(ge=1)
    cells: Share
    sweeps: int = Field(ge=1)
    network_steps: int = Field(ge=1)
    network_batch: int = Field(ge=1)
    network_units: int = Field(ge=1)
    network_l2: float = Field(ge=0)
    network_learning_rate: float = Field(gt=0)
    batch: int = Field(ge=1)
    draws: int = Field(ge=1)
    repeats: int = Field(ge=1)
    small_part: int = Field(ge=2)
    flips: int = Field(ge=2)
    flip_noise: float = Field(gt=0)
    copied: Share
    example_held: int = Field(ge=1, le=11)
    example_factors: int = Field(ge=1)
    example_epochs: int = Field(ge=0)
    example_learning_rate: float = Field(gt=0)
    example_published_l2: float = Field(ge=0)
    example_l2: float = Field(ge=0)


class Demo(Section):
    """Section `demo`: the generator of the embedded data set; what each number means stands in params.yaml."""

    seed: int = Field(ge=0)
    users: int = Field(ge=10)
    items: int = Field(ge=12)
    ratings: int = Field(ge=100)
    mean_rating: float = Field(ge=0.5, le=5)
    user_bias: float = Field(ge=0, le=5)
    item_bias: float = Field(ge=0, le=5)
    taste: float = Field(ge=0, le=5)
    noise: float = Field(gt=0, le=5)
    taste_factors: int = Field(ge=1, le=1000)
    genre_share: float = Field(ge=0, le=1)
    creator_share: float = Field(ge=0, le=1)
    background_share: float = Field(ge=0, le=1)
    drift: float = Field(ge=0, le=3.2)
    activity: float = Field(ge=0, le=5)
    fewest_ratings: int = Field(ge=1)
    popularity: float = Field(ge=0, le=5)
    quality_share: float = Field(ge=0, le=1)
    domain_interest: float = Field(ge=0, le=5)
    exposure_taste: float = Field(ge=0, le=5)
    second_genre: float = Field(ge=0, le=1)
    items_per_creator: float = Field(ge=1)
    age_missing: float = Field(ge=0, le=1)

    @field_validator("creator_share")
    @classmethod
    def _fits_genre_share(cls, share: float, others: ValidationInfo) -> float:
        if share + others.data.get("genre_share", 0) > 1:
            raise ValueError("together with genre_share it must not exceed 1")
        return share


SECTIONS: dict[str, type[Section]] = {
    "clean": Clean,
    "split": Split,
    "subset": Subset,
    "evaluation": Evaluation,
    "report": Report,
    "verify": Verify,
    "traps": Traps,
    "demo": Demo,
}
