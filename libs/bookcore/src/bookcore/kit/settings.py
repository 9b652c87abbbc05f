"""Settings shared by all services; each service extends them.

Read once, in main, from the environment (`BOOKSTREAM_...`) and the files of `BOOKSTREAM_SECRETS_DIR`. Every
backing server has an embedded default below the data folder.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from bookcore.domain.errors import Invalid
from bookcore.kit.secret_files import read_secret_files
from bookcore.kit.tracing.options import TraceOptions
from bookcore.kit.validation import explain_error

DEVELOPMENT_SECRET = "development-only-secret-of-thirty-two-bytes"  # noqa: S105 - refused in production
_SHORTEST_SECRET = 32
_EMBEDDED = ("sqlite:", "file:", "tantivy:", "memory:")
_PREFIX = "BOOKSTREAM_"
_SERVICE_LINK = ("tcp://", "udp://", "sctp://")
"""How the address begins that Kubernetes puts into NAME_PORT for each Service called NAME."""

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


class LogFormat(StrEnum):
    """How lines are written to standard error."""

    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Confidential:
    """Marks a setting that may hold a password; `docs/settings.md` calls it secret."""


ServerUrl = Annotated[str, Confidential()]
"""Address of a server, which may hold user and password."""


def is_confidential(field: FieldInfo) -> bool:
    """Whether the setting is given as a file of BOOKSTREAM_SECRETS_DIR rather than in the environment."""
    return field.annotation is SecretStr or any(isinstance(mark, Confidential) for mark in field.metadata)


class Settings(BaseSettings):
    """Settings that two or more services share."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    environment: Environment = Field(
        Environment.DEVELOPMENT, description="`production` refuses embedded adapters and default secrets"
    )
    data: Path = Field(Path("var"), description="folder below which the embedded adapters keep their files")
    secrets_dir: str = Field("", description="folder of files, each named as the variable it stands for")
    event_log_url: ServerUrl = Field("", description="event log; default `sqlite://DATA/log.db`")
    lake_url: ServerUrl = Field("", description="lake; default `file://DATA/lake`")
    catalogue_url: ServerUrl = Field("", description="catalogue; default `sqlite:///DATA/catalogue.db`")
    search_url: ServerUrl = Field("", description="search index; default `tantivy://DATA/search`")
    internal_secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET),
        description="signs the short-lived tokens that carry the caller's identity from gateway to services",
    )
    admin_host: str = Field("127.0.0.1", description="address of the admin port")
    admin_port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="port for health checks and metrics only; 0: none, services have them on their own then",
    )
    admin_stuck_seconds: float = Field(
        120.0, gt=0, description="a loop without a turn for that long is stuck: `/health/live` says 503"
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR")
    log_format: LogFormat | None = Field(
        None, description="`json`: one object per line, or `text`; default `json` in production, else `text`"
    )
    traces_url: ServerUrl = Field(
        "",
        description="OpenTelemetry collector that spans are sent to by OTLP over HTTP, such as"
        " `http://collector:4318`; nothing: none",
    )
    traces_ratio: float = Field(
        0.1, ge=0, le=1, description="share of the traces that begin here and are sampled"
    )

    @property
    def traces(self) -> TraceOptions:
        """Whether and where spans are sent."""
        return TraceOptions(self.traces_url, self.traces_ratio)

    @property
    def is_log_json(self) -> bool:
        """The setting, or whether this is production."""
        if self.log_format is None:
            return self.environment is Environment.PRODUCTION
        return self.log_format is LogFormat.JSON

    @field_validator("traces_url")
    @classmethod
    def _check_collector(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is not a URL such as http://collector:4318")
        return value

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
    """The settings from environment and secret files; `given` values take precedence.

    Raises: Invalid with the variable and the reason.
    """
    files = read_secret_files([_PREFIX + name.upper() for name in kind.model_fields])
    secrets = {name.removeprefix(_PREFIX).lower(): value for name, value in files.items()}
    try:
        return kind(**{**secrets, **given})  # type: ignore[arg-type]  # pydantic checks values of any type
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(_explain(first), field=_PREFIX + name if name else None) from error


def _explain(error: ErrorDetails) -> str:
    reason, value = explain_error(error), error["input"]
    if not isinstance(value, str) or not value.startswith(_SERVICE_LINK):
        return reason
    return (
        f"{reason}, not {value}, which Kubernetes sets for a Service of this name;"
        " set `enableServiceLinks: false` in the pod"
    )
