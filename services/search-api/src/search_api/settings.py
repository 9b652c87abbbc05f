"""Settings of the search API."""

from pydantic import Field

from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and the search API's own."""

    search_api_host: str = Field("127.0.0.1", description="address to listen on")
    search_api_port: int = Field(8082, ge=0, le=65_535, description="port to listen on; 0 picks a free one")
