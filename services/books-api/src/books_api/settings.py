"""What the books API can be told from outside."""

from pydantic import Field

from bookcore.kit.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared settings and the books API's own."""

    books_api_host: str = Field("127.0.0.1", description="address to listen on")
    books_api_port: int = Field(8081, ge=0, le=65_535, description="port to listen on; 0 picks a free one")
    books_api_write_wait: float = Field(
        10.0, ge=0, description="seconds that a write waits for the catalogue before it answers 202"
    )
