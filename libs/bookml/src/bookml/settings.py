"""Settings shared by trainer and ml-api."""

from typing import Self

from pydantic import Field, model_validator

from bookcore.kit.settings import Environment, ServerUrl
from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and where models are kept."""

    registry_url: ServerUrl = Field("", description="registry of models; default `file://DATA/ml/models`")

    @model_validator(mode="after")
    def _set_defaults(self) -> Self:
        if not self.registry_url:
            object.__setattr__(self, "registry_url", f"file://{self.data.absolute()}/ml/models")
        if self.environment is Environment.PRODUCTION and self.registry_url.startswith("file:"):
            raise ValueError("BOOKSTREAM_REGISTRY_URL is an embedded adapter; production requires a server")
        return self
