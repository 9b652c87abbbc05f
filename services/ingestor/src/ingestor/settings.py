"""Settings of the ingestor."""

from pathlib import Path

from pydantic import Field

from bookcore.event_log.dead_letters import DeadLetterLimits
from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and the ingestor's own."""

    ingestor_batch: int = Field(1_000, ge=1, le=50_000, description="most records in one transaction")
    dead_letter_consecutive: int = Field(
        100,
        ge=1,
        description="more rejected records in a row than this pause a source, and stop the index",
    )
    dead_letter_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="a larger share of the last 200 records rejected pauses a source, and stops the index",
    )
    changes_days: int = Field(90, ge=1, le=3_650, description="days that the feed of changes keeps a change")
    search_golden_file: Path | None = Field(
        None, description="a line per query that a rebuilt search index must answer like the live one"
    )
    search_least_agreement: float = Field(
        0.9, ge=0, le=1, description="a rebuilt index with a smaller share of the live one's hits is refused"
    )
    search_least_books: float = Field(
        0.98,
        ge=0,
        le=1,
        description="a rebuilt index with a smaller share of the live one's books is refused",
    )

    @property
    def dead_letter_limits(self) -> DeadLetterLimits:
        """Limits of rejected records, for each source and for the index."""
        return DeadLetterLimits(consecutive=self.dead_letter_consecutive, ratio=self.dead_letter_ratio)
