"""What the ingestor can be told from outside."""

from pydantic import Field

from bookcore.event_log.dead_letters import DeadLetterLimits
from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and the ingestor's own."""

    ingestor_batch: int = Field(1_000, ge=1, le=50_000, description="records per transaction at the most")
    dead_letter_consecutive: int = Field(
        100, ge=1, description="the ingestor stops when more records in a row than this can't be accepted"
    )
    dead_letter_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="it stops, too, when a larger share of the last 200 can't be accepted",
    )

    @property
    def dead_letter_limits(self) -> DeadLetterLimits:
        """When to stop."""
        return DeadLetterLimits(consecutive=self.dead_letter_consecutive, ratio=self.dead_letter_ratio)
