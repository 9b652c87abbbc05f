"""Settings from environment variables; flags override them."""

from pathlib import Path

from pydantic import Field

from bookcore.kit.settings import Settings as SharedSettings
from bookcore.kit.settings import read_settings


class Settings(SharedSettings):
    """The shared settings: the same data folder and URLs as the services use."""

    sources: Path | None = Field(None, description="folder of your own sources; default `DATA/sources`")

    schedules: bool = Field(
        default=True, description="whether `bookstream up` keeps the schedules of sources; false: none"
    )

    @property
    def sources_folder(self) -> Path:
        """Where the user's own sources are."""
        return self.sources or self.data / "sources"


def load_settings(data: Path | None) -> Settings:
    """Read the environment, with the data folder of the flag.

    Raises: Invalid naming the variable at fault.
    """
    return read_settings(Settings) if data is None else read_settings(Settings, data=data)
