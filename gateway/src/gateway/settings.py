"""The gateway's settings; read once, in main."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from bookcore.kit.settings import Environment
from bookcore.kit.settings import Settings as SharedSettings
from gateway.http.client_address import TrustedProxies

Addresses = Annotated[tuple[str, ...], NoDecode]
"""`http://host:port`, several separated by commas."""


class Settings(SharedSettings):
    """Each is read from the environment variable BOOKSTREAM_ and the name in capitals."""

    gateway_host: str = Field("127.0.0.1", description="address to listen on")
    gateway_port: int = Field(8080, ge=0, le=65_535, description="port to listen on; 0 picks a free one")
    gateway_instance: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,60}$",
        description="name of this process when several gateways run; each then hears of every change",
    )
    gateway_keys: Path = Field(Path(), description="folder of the token signing keys; default DATA/keys")
    gateway_token_seconds: int = Field(600, ge=1, le=86_400, description="life of an access token")
    gateway_refresh_days: int = Field(30, ge=1, le=365, description="life of an unused refresh token")
    gateway_requests_per_minute: int = Field(600, ge=1, description="quota of one user")
    gateway_requests_per_day: int = Field(
        0, ge=0, description="quota of one user a day, by UTC; 0: sixty times that of a minute"
    )
    gateway_requests_per_month: int = Field(
        0, ge=0, description="quota of one user a month, by UTC; 0: twenty times that of a day"
    )
    gateway_anonymous_per_minute: int = Field(
        120, ge=1, description="quota of one network address for requests without a valid token"
    )
    gateway_address_requests_per_minute: int = Field(
        30_000, ge=0, description="requests a minute from one network address, in each process; 0: no limit"
    )
    gateway_trusted_proxies: Addresses = Field(
        (), description="networks of the proxies before the gateway, whose X-Forwarded-For is believed"
    )
    gateway_logins_per_address: int = Field(
        30, ge=1, description="logins and registrations a minute from one network address"
    )
    gateway_logins_per_email: int = Field(10, ge=1, description="logins a minute for one e-mail address")
    gateway_logins_per_minute: int = Field(
        600,
        ge=1,
        description="logins and registrations a minute for everybody; the last line for the processor",
    )
    gateway_cache_seconds: float = Field(60.0, ge=0, description="longest life of a cached response; 0: none")
    gateway_cache_entry_bytes: int = Field(1_048_576, ge=0, description="largest response that is cached")
    gateway_stale_seconds: float = Field(
        30.0, ge=0, description="how long after its time an answer is still given while a new one is fetched"
    )
    gateway_stale_error_seconds: float = Field(
        3_600.0, ge=0, description="how long after its time an answer is given when no service can answer"
    )
    gateway_cache_bytes: int = Field(
        67_108_864, ge=0, description="memory for responses in each process, before the cache server is asked"
    )
    gateway_body_bytes: int = Field(1_048_576, ge=1, description="largest request body that is accepted")
    gateway_connect_seconds: float = Field(2.0, gt=0, description="longest wait for a service to accept")
    gateway_read_seconds: float = Field(30.0, gt=0, description="longest silence of a service")
    gateway_idle_seconds: float = Field(
        75.0, gt=0, description="longest silence of a client between two requests on a connection"
    )
    gateway_workers: int = Field(
        1, ge=1, le=64, description="processes that share the port; more than one need a cache server"
    )
    gateway_takes_over: bool = Field(
        default=False,
        description="share the port of an older gateway, which is stopped once this one answers",
    )
    gateway_access_log: bool = Field(
        default=True, description="one line of JSON for each request on standard error"
    )
    gateway_trace_percent: float = Field(
        10.0, ge=0, le=100, description="share of the traces begun here that are marked as sampled"
    )
    books_api_urls: Addresses = Field(
        ("http://127.0.0.1:8081",), description="addresses of books-api, separated by commas"
    )
    search_api_urls: Addresses = Field(
        ("http://127.0.0.1:8082",), description="addresses of search-api, separated by commas"
    )
    ml_api_urls: Addresses = Field(
        ("http://127.0.0.1:8083",), description="addresses of ml-api, separated by commas"
    )
    accounts_url: str = Field(
        "", description="database of the accounts; default `sqlite:///DATA/accounts.db`"
    )
    cache_url: str = Field("memory://", description="cache of responses, limits and generations")
    bootstrap_admin_email: str = Field("", description="makes sure at start that this administrator exists")
    bootstrap_admin_password: SecretStr = Field(
        SecretStr(""), description="that administrator's password, at least 12 characters"
    )

    @property
    def requests_per_day(self) -> int:
        """The setting, or sixty times the quota of a minute."""
        return self.gateway_requests_per_day or 60 * self.gateway_requests_per_minute

    @property
    def requests_per_month(self) -> int:
        """The setting, or twenty times the quota of a day."""
        return self.gateway_requests_per_month or 20 * self.requests_per_day

    @field_validator(
        "books_api_urls", "search_api_urls", "ml_api_urls", "gateway_trusted_proxies", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip() or "," in value)

    @field_validator("gateway_trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        TrustedProxies(value)
        return value

    @field_validator("books_api_urls", "search_api_urls", "ml_api_urls")
    @classmethod
    def _check_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value or ("",):
            if not address.startswith(("http://", "https://")):
                raise ValueError(f"{address!r} is no address such as http://127.0.0.1:8081")
        return tuple(address.rstrip("/") for address in value)

    @model_validator(mode="after")
    def _apply_defaults(self) -> Self:
        data = self.data.absolute()
        if self.gateway_keys == Path():
            object.__setattr__(self, "gateway_keys", data / "keys")
        if not self.accounts_url:
            object.__setattr__(self, "accounts_url", f"sqlite:///{data}/accounts.db")
        if bool(self.bootstrap_admin_email) != bool(self.bootstrap_admin_password.get_secret_value()):
            raise ValueError("give both BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL and _PASSWORD, or neither")
        if self.gateway_workers > 1 and self.cache_url.startswith("memory:"):
            raise ValueError("more than one BOOKSTREAM_GATEWAY_WORKERS need a BOOKSTREAM_CACHE_URL to share")
        if self.gateway_takes_over and (self.gateway_workers > 1 or self.gateway_port == 0):
            raise ValueError("BOOKSTREAM_GATEWAY_TAKES_OVER is for one worker on a given port")
        if self.environment is Environment.PRODUCTION:
            self._refuse_own_unsafe()
        return self

    def _refuse_own_unsafe(self) -> None:
        if self.accounts_url.startswith("sqlite:"):
            raise ValueError("BOOKSTREAM_ACCOUNTS_URL is an embedded adapter; production requires a server")
        if self.cache_url.startswith("memory:"):
            raise ValueError("BOOKSTREAM_CACHE_URL is an embedded adapter; production requires a server")
