"""Settings shared by all services; each service extends them.

Read once, in main, from the environment (`BOOKSTREAM_...`). Every backing server has an embedded default
below the data folder.
"""

from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bookcore.domain.errors import Invalid
from bookcore.kit.validation import explain_error

DEVELOPMENT_SECRET = "development-only-secret-of-thirty-two-bytes"  # noqa: S105 - refused in production
_SHORTEST_SECRET = 32
_EMBEDDED = ("sqlite:", "file:", "tantivy:", "memory:")

S = TypeVar("S", bound=BaseSettings)


class Environment(StrEnum):
    """Production rejects unsafe defaults."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Settings(BaseSettings):
    """Settings that two or more services share."""

    model_config = SettingsConfigDict(env_prefix="BOOKSTREAM_", frozen=True, extra="ignore")

    environment: Environment = Field(
        Environment.DEVELOPMENT, description="`production` refuses embedded adapters and default secrets"
    )
    data: Path = Field(Path("var"), description="folder below which the embedded adapters keep their files")
    event_log_url: str = Field("", description="event log; default `sqlite://DATA/log.db`")
    lake_url: str = Field("", description="lake; default `file://DATA/lake`")
    catalogue_url: str = Field("", description="catalogue; default `sqlite:///DATA/catalogue.db`")
    search_url: str = Field("", description="search index; default `tantivy://DATA/search`")
    internal_secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET),
        description="signs the short-lived tokens that carry the caller's identity from gateway to services",
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR")

    @model_validator(mode="after")
    def _set_embedded_defaults(self) -> Self:
        data = self.data.absolute()
        defaults = {
            "event_log_url": f"sqlite://{data}/log.db",
            "lake_url": f"file://{data}/lake",
            "catalogue_url": f"sqlite:///{data}/catalogue.db",
            "search_url": f"tantivy://{data}/search",
        }
        for name, url in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, url)
        if self.environment is Environment.PRODUCTION:
            self._refuse_unsafe()
        return self

    def _refuse_unsafe(self) -> None:
        for name in ("event_log_url", "lake_url", "catalogue_url", "search_url"):
            if str(getattr(self, name)).startswith(_EMBEDDED):
                raise ValueError(
                    f"BOOKSTREAM_{name.upper()} is an embedded adapter; production requires a server"
                )
        secret = self.internal_secret.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret.encode()) < _SHORTEST_SECRET:
            raise ValueError("BOOKSTREAM_INTERNAL_SECRET must be random and of 32 bytes or more")


def read_settings(kind: type[S], **given: object) -> S:
    """The settings from the environment; `given` values take precedence.

    Raises: Invalid with the variable and the reason.
    """
    try:
        return kind(**given)  # type: ignore[arg-type]  # pydantic checks the values, which may be of any type
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(explain_error(first), field=f"BOOKSTREAM_{name}" if name else None) from error
