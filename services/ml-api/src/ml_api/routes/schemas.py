"""What goes in and out of ml-api."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bookcore.domain.details import Details
from bookcore.events.book import Price
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
    """What is known of a book; whatever is missing counts as unknown, but something must be told."""

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
        """As features are made of."""
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
    """A question: `features` of one book, a `batch` of them, or `book_ids` that are known; one of these.

    `version` asks a certain version instead of the one in use. `subject` names who is asked for, so that an
    experiment treats them alike; without it the book decides.
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
    """How much an input moves the price: a factor, so 1.10 is ten percent up."""

    feature: str
    factor: float


class PredictionOut(BaseModel):
    """`kind` is `model`, or `baseline` with the `reason` why no model may be used: then price and interval
    are those of any book of the source. The interval holds the true price with probability `coverage`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PREDICTION]})

    id: str
    kind: Literal["model", "baseline"]
    price: Price
    low: str
    high: str
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
    """Why a row of a batch has no answer."""

    row: int
    field: str | None
    detail: str


class BatchOut(BaseModel):
    """Answers in the order of the rows; a row without an answer is null here and told in `errors`."""

    items: list[PredictionOut | None]
    errors: list[RowError]


class ModelOut(BaseModel):
    """A version; `id` is what /ml/models/{version} takes."""

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
    """A line of the promotions table."""

    version: int
    act: str
    reason: str
    by: str
    at: AwareDatetime


class ModelWhole(ModelOut):
    """A version with its card and all decisions about its line."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WHOLE]})

    card: dict[str, Any]  # Any: the card's own JSON
    digests: dict[str, str]
    decisions: list[DecisionOut]


class SnapshotOut(BaseModel):
    """The rows that a model was trained on; `training_data` leads to them."""

    id: str
    source: str
    currency: str
    rows: int
    sha256: list[str]
    training_data: str


class LineageOut(BaseModel):
    """A prediction, the true price if it was seen since, and where it all comes from."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LINEAGE]})

    prediction: dict[str, Any]  # Any: the row's columns
    model: ModelOut | None
    snapshot: SnapshotOut | None


class FeaturesOut(BaseModel):
    """The features of a book, by name; null where nothing is known. `words` counts those that are read."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FEATURES]})

    book_id: str
    view: str
    version: int
    numbers: dict[str, float | None]
    names: dict[str, str]
    words: int


class ViewOut(BaseModel):
    """The features that there are."""

    view: str
    numbers: list[str]
    names: list[str]


class ArmOut(BaseModel):
    """One arm: predictions, how many true prices are known, and how the arm does on those."""

    variant: str
    version: int
    predictions: int
    subjects: int
    observed: int
    rmsle: float | None
    coverage: float | None


class EvidenceOut(BaseModel):
    """True prices of which champion and challenger both told theirs. `difference` is the mean of the
    challenger's squared log error less the champion's; `low` and `high` hold at all looks together (95 %)."""

    prices: int
    difference: float | None
    low: float | None
    high: float | None
    coverage: float | None


class ExperimentOut(BaseModel):
    """What is tried on a model: `trial` is off, shadow, split or canary, `percent` the share of subjects
    that the challenger answers now; `verdict` is a sentence; the newest decisions with their reasons."""

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
