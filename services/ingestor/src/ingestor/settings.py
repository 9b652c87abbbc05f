"""Settings of the ingestor."""

from pydantic import Field

from bookcore.event_log.dead_letters import DeadLetterLimits
from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and the ingestor's own."""

    ingestor_batch: int = Field(1_000, ge=1, le=50_000, description="most records in one transaction")
    dead_letter_consecutive: int = Field(
        100, ge=1, description="the ingestor stops after more rejected records in a row than this"
    )
    dead_letter_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="the ingestor stops when a larger share of the last 200 records is rejected",
    )

    @property
    def dead_letter_limits(self) -> DeadLetterLimits:
        """Limits of rejected records; beyond them the ingestor stops."""
        return DeadLetterLimits(consecutive=self.dead_letter_consecutive, ratio=self.dead_letter_ratio)
