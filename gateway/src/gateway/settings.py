"""The gateway's settings; read once, in main."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from bookcore.kit.settings import Environment, ServerUrl
from gateway.account_settings import AccountSettings
from gateway.http.browser_headers import ANY_ORIGIN
from gateway.http.client_address import TrustedProxies

Addresses = Annotated[tuple[str, ...], NoDecode]
"""`http://host:port`, several separated by commas."""
_ORIGIN = re.compile(r"https?://[a-z0-9.\[\]:-]+")


class Settings(AccountSettings):
    """Each is read from the environment variable BOOKSTREAM_ and the name in capitals."""

    gateway_host: str = Field("127.0.0.1", description="address to listen on")
    gateway_port: int = Field(8080, ge=0, le=65_535, description="port to listen on; 0 picks a free one")
    gateway_instance: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]*$",
        max_length=253,
        description="instance name when several gateways run, so that each receives every change event; "
        "in Kubernetes the pod's name",
    )
    gateway_keys: Path = Field(
        Path(),
        description="folder of the signing keys, one for all gateways; default DATA/keys; may be read-only. "
        "Production makes no key: `python -m gateway make-key`",
    )
    gateway_token_seconds: int = Field(
        600, ge=1, le=86_400, description="lifetime of an access token, in seconds"
    )
    gateway_refresh_days: int = Field(
        30, ge=1, le=365, description="lifetime of an unused refresh token, in days"
    )
    gateway_session_days: int = Field(
        30, ge=1, le=365, description="longest life of a session, however often it is used, in days"
    )
    gateway_requests_per_minute: int = Field(600, ge=1, description="requests of one user per minute")
    gateway_requests_per_day: int = Field(
        0, ge=0, description="requests of one user per day, by UTC; 0: sixty times the quota of a minute"
    )
    gateway_requests_per_month: int = Field(
        0, ge=0, description="requests of one user per month, by UTC; 0: twenty times the quota of a day"
    )
    gateway_anonymous_per_minute: int = Field(
        120, ge=1, description="requests per minute and network address without a valid token"
    )
    gateway_address_requests_per_minute: int = Field(
        30_000, ge=0, description="requests per minute and network address, in each process; 0: no limit"
    )
    gateway_trusted_proxies: Addresses = Field(
        (), description="networks of trusted proxies, whose X-Forwarded-For or Forwarded is used"
    )
    gateway_ipv6_prefix: int = Field(
        64, ge=16, le=128, description="bits of an IPv6 address that limits count as one network"
    )
    gateway_cors_origins: Addresses = Field(
        (),
        description="origins whose pages may call the API from a browser, such as `https://app.example`; "
        "`*` for all, nothing for none",
    )
    gateway_logins_per_address: int = Field(
        30, ge=1, description="logins and registrations per minute and network (IPv4 address, IPv6 /64)"
    )
    gateway_logins_per_email: int = Field(
        10,
        ge=1,
        description="logins per minute, account and network; owners have three times as many in reserve",
    )
    gateway_logins_elsewhere_per_hour: int = Field(
        100, ge=1, description="logins per hour and account from all networks that it doesn't know, together"
    )
    gateway_logins_per_minute: int = Field(
        600,
        ge=1,
        description="logins and registrations per minute in total; protects the processor",
    )
    gateway_cache_seconds: float = Field(
        60.0, ge=0, description="longest lifetime of a cached response, in seconds; 0 disables the cache"
    )
    gateway_cache_entry_bytes: int = Field(1_048_576, ge=0, description="largest cached response, in bytes")
    gateway_stale_seconds: float = Field(
        30.0, ge=0, description="how long a stale response is served while it is revalidated, in seconds"
    )
    gateway_stale_error_seconds: float = Field(
        3_600.0, ge=0, description="how long a stale response is served while the service fails, in seconds"
    )
    gateway_cache_bytes: int = Field(
        67_108_864, ge=0, description="memory for cached responses in each process, in bytes"
    )
    gateway_body_bytes: int = Field(1_048_576, ge=1, description="largest accepted request body, in bytes")
    gateway_connect_seconds: float = Field(2.0, gt=0, description="connect timeout of services, in seconds")
    gateway_read_seconds: float = Field(30.0, gt=0, description="read timeout of services, in seconds")
    gateway_wait_seconds: float = Field(
        5.0, gt=0, description="how long a request waits for a connection to a service, in seconds; then 503"
    )
    gateway_slow_reader_seconds: float = Field(
        30.0,
        gt=0,
        description="a client that reads less than 1 kB/s of its response for that long is disconnected",
    )
    gateway_exports_per_caller: int = Field(
        4, ge=1, description="exports that one user may have open in each process"
    )
    gateway_exports_per_address: int = Field(
        16, ge=1, description="exports that one network address may have open in each process"
    )
    gateway_websockets_per_caller: int = Field(
        20, ge=1, description="WebSockets that one user may have open in each process"
    )
    gateway_websockets_per_address: int = Field(
        100, ge=1, description="WebSockets that one network address may have open in each process"
    )
    gateway_websocket_paths: Addresses = Field(
        (), description="public paths at which a service accepts WebSockets, separated by commas"
    )
    gateway_idle_seconds: float = Field(
        75.0, gt=0, description="idle timeout of client connections, in seconds"
    )
    gateway_workers: int = Field(
        1, ge=1, le=64, description="worker processes on the port; more than one require a cache server"
    )
    gateway_takes_over: bool = Field(
        default=False,
        description="take over the port of a running gateway, which is stopped once this one serves",
    )
    gateway_access_log: bool = Field(
        default=True, description="log each request as one line of JSON on standard error"
    )
    gateway_trace_percent: float | None = Field(
        None, ge=0, le=100, description="deprecated: BOOKSTREAM_TRACES_RATIO for the gateway, as a percentage"
    )
    books_api_urls: Addresses = Field(
        ("http://127.0.0.1:8081",),
        description="addresses of books-api, separated by commas;"
        " `dns+http://name:port` is every address of the name",
    )
    search_api_urls: Addresses = Field(
        ("http://127.0.0.1:8082",), description="addresses of search-api, like those of books-api"
    )
    ml_api_urls: Addresses = Field(
        ("http://127.0.0.1:8083",), description="addresses of ml-api, like those of books-api"
    )
    accounts_url: ServerUrl = Field(
        "", description="database of the accounts; default `sqlite:///DATA/accounts.db`"
    )
    cache_url: ServerUrl = Field("memory://", description="cache of responses, limits and generations")
    bootstrap_admin_email: str = Field(
        "", description="e-mail address of an administrator that is created at start"
    )
    bootstrap_admin_password: SecretStr = Field(
        SecretStr(""), description="that administrator's password, at least 12 characters"
    )

    @property
    def trace_percent(self) -> float:
        """Percentage of traces started here that are sampled."""
        percent = self.gateway_trace_percent
        return 100 * self.traces_ratio if percent is None else percent

    @property
    def public_url(self) -> str:
        """The setting, or the address on this machine."""
        return self.gateway_public_url.rstrip("/") or f"http://127.0.0.1:{self.gateway_port}"

    @property
    def requests_per_day(self) -> int:
        """The setting, or sixty times the quota of a minute."""
        return self.gateway_requests_per_day or 60 * self.gateway_requests_per_minute

    @property
    def requests_per_month(self) -> int:
        """The setting, or twenty times the quota of a day."""
        return self.gateway_requests_per_month or 20 * self.requests_per_day

    @field_validator(
        "books_api_urls",
        "search_api_urls",
        "ml_api_urls",
        "gateway_trusted_proxies",
        "gateway_cors_origins",
        "gateway_websocket_paths",
        mode="before",
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

    @field_validator("gateway_cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(origin.rstrip("/").lower() for origin in value)
        for origin in origins:
            if origin != ANY_ORIGIN and _ORIGIN.fullmatch(origin) is None:
                raise ValueError(f"{origin!r} is not an origin such as https://app.example, nor *")
        return origins

    @field_validator("books_api_urls", "search_api_urls", "ml_api_urls")
    @classmethod
    def _check_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value or ("",):
            if not address.startswith(("http://", "https://", "dns+http://")):
                raise ValueError(
                    f"{address!r} is not a URL such as http://127.0.0.1:8081 or dns+http://books-api:8081"
                )
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
            raise ValueError("several BOOKSTREAM_GATEWAY_WORKERS require a shared BOOKSTREAM_CACHE_URL")
        if self.admin_port and self.admin_port == self.gateway_port:
            raise ValueError("BOOKSTREAM_ADMIN_PORT must be another port than the public one")
        if self.gateway_takes_over and (self.gateway_workers > 1 or self.gateway_port == 0):
            raise ValueError("BOOKSTREAM_GATEWAY_TAKES_OVER requires one worker and a fixed port")
        if self.environment is Environment.PRODUCTION:
            self._refuse_own_unsafe()
        return self

    def _refuse_own_unsafe(self) -> None:
        if self.accounts_url.startswith("sqlite:"):
            raise ValueError("BOOKSTREAM_ACCOUNTS_URL is an embedded adapter; production requires a server")
        if self.cache_url.startswith("memory:"):
            raise ValueError("BOOKSTREAM_CACHE_URL is an embedded adapter; production requires a server")
