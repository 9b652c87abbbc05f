"""Progress lines: JSON Lines that a job prints on standard output for the program that started it.

Every line is one frozen model with an `event` field that names it; both ends import the model from here. The
last line of a job that ended in order is its summary.
"""

import json
import sys
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter


class ProgressLine(BaseModel):
    """Base of all lines. Unknown fields are ignored, so that an older reader accepts a newer job."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CrawlProgress(ProgressLine):
    """State of a crawl. `queued`: pages known and not yet fetched; `total_books`: as the site prints it, None
    until a listing was read; `seconds` since this process started."""

    pages: int
    books: int
    queued: int
    failed: int
    total_books: int | None
    seconds: float
    event: Literal["progress"] = "progress"


class CrawlSummary(ProgressLine):
    """Result of a whole crawl run over all its processes; `seconds` are those of this process.

    `published`: new or changed books. `limited`: pages were skipped because of scraper_max_pages or
    scraper_max_depth. `gone`: books that were withdrawn; `withheld`: books that were not, because the run saw
    too little of the source. `remarks`: values that could not be read; `refused`: records that became dead
    letters. `fault`: why the run is not complete, None when it is.
    """

    run: str
    pages: int
    books: int
    published: int
    unchanged: int
    failed: int
    seconds: float
    resumed: bool
    limited: bool
    gone: int = 0
    withheld: int = 0
    remarks: int = 0
    refused: int = 0
    fault: str | None = None
    event: Literal["summary"] = "summary"


class TrainingProgress(ProgressLine):
    """Phase of a training (`reading` or `folds`), and its `done` of `of` steps."""

    what: str
    done: int
    of: int
    event: Literal["progress"] = "progress"


class RetrainLine(ProgressLine):
    """Whether a source is due for training, and why."""

    source: str
    needed: bool
    reason: str
    event: Literal["need"] = "need"


class TrainingResult(ProgressLine):
    """A trained model; `decision` is promoted, refused, kept or unchanged, and `sentence` explains it."""

    decision: str
    sentence: str
    name: str
    version: int
    digest: str
    snapshot: str
    metrics: dict[str, float]
    event: Literal["trained"] = "trained"


class ModelLine(ProgressLine):
    """One version of a model. Errors are out of fold; None for a model without them."""

    name: str
    version: int
    role: str
    verdict: str
    rmsle: float | None
    gain: float | None
    coverage: float | None
    books: int
    created_at: AwareDatetime
    reason: str


class DecisionLine(ProgressLine):
    """A decision that was made about a version; `champion` serves from now on, None: the baseline."""

    name: str
    version: int
    act: str
    at: AwareDatetime
    champion: int | None = None


CrawlLine: TypeAlias = Annotated[CrawlProgress | CrawlSummary, Field(discriminator="event")]
_CRAWL_LINES: TypeAdapter[CrawlLine] = TypeAdapter(CrawlLine)
TrainingLine: TypeAlias = Annotated[
    TrainingProgress | RetrainLine | TrainingResult, Field(discriminator="event")
]
_TRAINING_LINES: TypeAdapter[TrainingLine] = TypeAdapter(TrainingLine)


def parse_crawl_line(line: str) -> CrawlLine:
    """Raises: ValueError for anything but a crawl's progress or summary line."""
    return _CRAWL_LINES.validate_json(line)


def parse_training_line(line: str) -> TrainingLine:
    """Raises: ValueError for anything but a line of a training."""
    return _TRAINING_LINES.validate_json(line)


def write_line(line: ProgressLine) -> None:
    """Write one line to standard output. A reader that has gone is ignored: the job goes on without it."""
    try:
        sys.stdout.write(json.dumps(line.model_dump(mode="json")) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return
