"""Request and response schemas of ml-api."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bookcore.domain.details import Details
from bookcore.events.book import Price
from bookcore.kit.openapi import NextCursor, deprecate
from bookcore.kit.query_parameters import CommasInside
from bookml.facts import BookFacts
from ml_api.routes import examples

MOST_ROWS = 10_000
Short = Annotated[str, Field(max_length=300)]
Share = Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)]
Millimetres = Annotated[int, Field(ge=1, le=5_000)]
Source = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$", examples=["books_toscrape"])]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["GBP"])]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FeaturesIn(_Strict):
    """Facts of a book. All are optional, but at least one is required."""

    title: Annotated[str, Field(max_length=1_000)] = ""
    category: Short | None = None
    description: Annotated[str, Field(max_length=100_000)] | None = None
    product_type: Short | None = None
    rating: Share | None = None
    average_rating: Share | None = None
    reviews: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    authors: Annotated[list[Short], Field(max_length=100)] = []
    publisher: Short | None = None
    year: Annotated[int, Field(ge=1_000, le=2_099)] | None = None
    pages: Annotated[int, Field(ge=1, le=99_999)] | None = None
    format: Short | None = None
    edition: Short | None = None
    language: Short | None = None
    width_mm: Millimetres | None = None
    height_mm: Millimetres | None = None
    thickness_mm: Millimetres | None = None
    weight_g: Annotated[int, Field(ge=1, le=100_000)] | None = None

    def to_facts(self) -> BookFacts:
        details = Details(
            authors=tuple(self.authors),
            publisher=self.publisher,
            year=self.year,
            pages=self.pages,
            format=self.format,
            edition=self.edition,
            language=self.language,
            width_mm=self.width_mm,
            height_mm=self.height_mm,
            thickness_mm=self.thickness_mm,
            weight_g=self.weight_g,
        )
        return BookFacts(
            title=self.title,
            category=self.category,
            description=self.description,
            product_type=self.product_type,
            rating=self.rating,
            average_rating=self.average_rating,
            reviews=self.reviews,
            details=details,
        )


class PredictIn(_Strict):
    """A request for predictions: exactly one of `features` of one book, a `batch` of them, or `book_ids` of
    known books.

    `version` selects a version instead of the one in use. An experiment assigns all requests of a `subject`
    to the same model; without it the book is the subject.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.QUESTION]})

    source: Source | None = None
    currency: Currency | None = None
    features: FeaturesIn | None = None
    batch: Annotated[list[Any], Field(min_length=1, max_length=MOST_ROWS)] | None = None
    book_ids: Annotated[list[str], Field(min_length=1, max_length=MOST_ROWS)] | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    subject: Annotated[str, Field(max_length=200)] | None = None
    explain: bool = False


class Effect(BaseModel):
    """The effect of an input as a factor of the price: 1.10 raises it by ten percent."""

    feature: str
    factor: float


class IntervalOut(BaseModel):
    """Bounds that hold the true price with the probability `coverage`."""

    low: Price
    high: Price


class PredictionOut(BaseModel):
    """A predicted price. `kind` is `model`, or `baseline` with the `reason` why no model may be used: price
    and interval are then the same for every book of the source. The interval contains the true price with
    probability `coverage`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PREDICTION]})

    id: str
    kind: Literal["model", "baseline"]
    price: Price
    interval: IntervalOut
    low: Annotated[str, deprecate("interval.low.amount")]
    high: Annotated[str, deprecate("interval.high.amount")]
    coverage: float
    source: str
    book_id: str | None
    model: str
    version: int
    digest: str
    features: str
    snapshot: str
    variant: str
    reason: str | None
    notes: list[str]
    explanation: list[Effect] | None


class RowError(BaseModel):
    """Why a row of a batch was not predicted; rows count from 0."""

    row: int
    field: str | None
    detail: str


class BatchOut(BaseModel):
    """Predictions in the order of the rows; a rejected row is null here and listed in `errors`."""

    items: list[PredictionOut | None]
    errors: list[RowError]


class ModelOut(BaseModel):
    """A version of a model; `id` is the path parameter of `/ml/models/{version}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MODEL]})

    id: str
    name: str
    version: int
    role: Literal["champion", "challenger", "rejected", "candidate"]
    source: str
    currency: str
    verdict: str
    passed: bool
    reason: str
    digest: str
    features: str
    snapshot: str
    created_at: AwareDatetime
    metrics: dict[str, float]


class DecisionOut(BaseModel):
    """A decision about a version, from the promotions table."""

    version: int
    act: str
    reason: str
    by: str
    at: AwareDatetime


class ModelWhole(ModelOut):
    """A version with its card and all decisions about its model."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WHOLE]})

    card: dict[str, Any]  # Any: the card's own JSON
    digests: dict[str, str]
    decisions: list[DecisionOut]


class SnapshotOut(BaseModel):
    """The snapshot that a model was trained on; `training_data` is the path of its rows."""

    id: str
    source: str
    currency: str
    rows: int
    sha256: list[str]
    training_data: str


class AmountsOut(BaseModel):
    """The predicted price with its bounds, and the observed price if a crawl has seen one since."""

    price: Price
    low: Price
    high: Price
    observed: Price | None


class LineageOut(BaseModel):
    """A prediction, its observed price if there is one, its model version and snapshot."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LINEAGE]})

    prediction: dict[str, Any]  # Any: the row's columns
    amounts: AmountsOut
    model: ModelOut | None
    snapshot: SnapshotOut | None


class RowSelection(BaseModel):
    """Rows of training data."""

    source: Annotated[Source, Field(description="the source whose books are the rows")]
    currency: Annotated[
        Currency | None, Field(description="needed where the source has models in several currencies")
    ] = None
    snapshot: Annotated[
        str | None,
        Field(max_length=64, description="a snapshot's id; by default that of the newest model"),
    ] = None
    category: Annotated[
        list[Short],
        Field(
            max_length=50,
            description="exact names; a row matches any of them. Repeat the parameter for several: a comma is"
            " part of a name",
            examples=[["Poetry", "Travel"]],
        ),
        CommasInside,
    ] = []
    limit: Annotated[int | None, Field(ge=1, description="most rows; all by default")] = None


class ModelsOut(BaseModel):
    """All versions of all models."""

    items: list[ModelOut]
    next: NextCursor


class FeaturesOut(BaseModel):
    """Features of a book by name; null for a missing value.

    `words` counts the distinct words that are read.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FEATURES]})

    book_id: str
    view: str
    version: int
    numbers: dict[str, float | None]
    names: dict[str, str]
    words: int


class ViewOut(BaseModel):
    """Names of all features."""

    view: str
    numbers: list[str]
    names: list[str]


class ArmOut(BaseModel):
    """One arm: predictions, observed prices, and error and coverage on those."""

    variant: str
    version: int
    predictions: int
    subjects: int
    observed: int
    rmsle: float | None
    coverage: float | None


class EvidenceOut(BaseModel):
    """Paired errors on observed prices that champion and challenger both predicted. `difference` is the mean
    of the challenger's squared log error minus the champion's; `low` and `high` are a 95 % confidence
    sequence, valid at every sample size."""

    prices: int
    difference: float | None
    low: float | None
    high: float | None
    coverage: float | None


class ExperimentOut(BaseModel):
    """The experiment of a model: `trial` is off, shadow, split or canary, `percent` the share of subjects
    that the challenger predicts for; `verdict` is a sentence; the newest decisions with their reasons."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EXPERIMENT]})

    name: str
    trial: str
    percent: int
    champion: int | None
    challenger: int | None
    arms: list[ArmOut]
    verdict: str
    evidence: EvidenceOut | None
    decisions: list[DecisionOut]


class ExperimentsOut(BaseModel):
    """The experiments of all models."""

    items: list[ExperimentOut]
    next: NextCursor
