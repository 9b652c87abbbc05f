"""Settings of accounts: mail, second factors, and sign-in with an organisation's provider."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from bookcore.kit.settings import Environment
from bookcore.kit.settings import Settings as SharedSettings
from gateway.mail.smtp import parse_mail_url

Domains = Annotated[tuple[str, ...], NoDecode]
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class AccountSettings(SharedSettings):
    """Each is read from the environment variable BOOKSTREAM_ and the name in capitals."""

    gateway_public_url: str = Field(
        "",
        description="address of the gateway in links and redirects; default `http://127.0.0.1:PORT`. "
        "Required with mail or a provider in production",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="mail server, `smtps://user:password@host` or `smtp://...` (STARTTLS); empty: no mail",
    )
    mail_from: str = Field("bookstream@localhost", description="sender of mails")
    gateway_confirm_emails: bool = Field(
        default=False, description="new accounts confirm their e-mail address before the first login"
    )
    gateway_admin_second_factor: bool | None = Field(
        default=None,
        description="administrators have only a reader's rights until they have a second factor; "
        "default: true in production",
    )
    oidc_issuer: str = Field(
        "", description="issuer of the OpenID Connect provider to sign in with; empty: none"
    )
    oidc_client_id: str = Field("", description="client id at that provider")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="client secret at that provider")
    oidc_client_secret_file: Path = Field(
        Path(), description="file with the client secret, in place of the setting"
    )
    oidc_domains: Domains = Field(
        (), description="domains of the verified e-mail addresses that may sign in, separated by commas"
    )

    @property
    def admins_need_factor(self) -> bool:
        """The setting, or whether this is production."""
        if self.gateway_admin_second_factor is None:
            return self.environment is Environment.PRODUCTION
        return self.gateway_admin_second_factor

    def read_oidc_secret(self) -> str:
        """The client secret; empty for a public client. Raises: OSError, never after the validation."""
        if self.oidc_client_secret_file == Path():
            return self.oidc_client_secret.get_secret_value()
        return self.oidc_client_secret_file.read_text().strip()

    @field_validator("oidc_domains", mode="before")
    @classmethod
    def _split_domains(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().lower().lstrip("@") for part in value.split(",") if part.strip())

    @field_validator("gateway_public_url", "oidc_issuer")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parts = urlsplit(value)
        is_near = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if value and not (parts.hostname and (parts.scheme == "https" or is_near)):
            raise ValueError(f"{value!r} is not a URL such as https://books.example.org")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_mail_url(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            parse_mail_url(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        has_mail = bool(self.smtp_url.get_secret_value())
        if self.gateway_confirm_emails and not has_mail:
            raise ValueError("BOOKSTREAM_GATEWAY_CONFIRM_EMAILS requires BOOKSTREAM_SMTP_URL")
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_domains):
            raise ValueError("BOOKSTREAM_OIDC_ISSUER requires _OIDC_CLIENT_ID and _OIDC_DOMAINS")
        try:
            self.read_oidc_secret()
        except OSError as error:
            raise ValueError(f"BOOKSTREAM_OIDC_CLIENT_SECRET_FILE can't be read ({error})") from error
        is_public = self.environment is Environment.PRODUCTION and (has_mail or self.oidc_issuer)
        if is_public and not self.gateway_public_url.startswith("https:"):
            raise ValueError(
                "BOOKSTREAM_GATEWAY_PUBLIC_URL must be https for mail or a provider in production"
            )
        return self
