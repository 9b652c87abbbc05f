"""Settings of the books API."""

from typing import Self

from pydantic import Field, model_validator

from bookcore.kit.settings import Environment, ServerUrl
from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and the books API's own."""

    books_api_host: str = Field("127.0.0.1", description="address to listen on")
    books_api_port: int = Field(8081, ge=0, le=65_535, description="port to listen on; 0 picks a free one")
    books_api_write_wait: float = Field(
        10.0, ge=0, description="seconds that a write waits for the catalogue before the response is 202"
    )
    cache_url: ServerUrl = Field(
        "memory://", description="store of the responses to POST with an Idempotency-Key"
    )

    @model_validator(mode="after")
    def _refuse_own_unsafe(self) -> Self:
        if self.environment is Environment.PRODUCTION and self.cache_url.startswith("memory:"):
            raise ValueError("BOOKSTREAM_CACHE_URL is an embedded adapter; production requires a server")
        return self
