"""Opens the components of accounts: stores, tokens, logins, mail and the provider."""

from bookcore.cache import Cache
from bookcore.kit.clock import Clock, make_seconds_clock
from bookcore.kit.cursor import SignedCursors
from gateway.accounts.database import Database
from gateway.accounts.login_failures import LoginFailures
from gateway.accounts.periods import DAY, DAY_SECONDS, LONGEST_MONTH_SECONDS, MONTH
from gateway.accounts.quota import Quota
from gateway.accounts.stores import AccountStores
from gateway.api.dependencies import ApiDependencies
from gateway.auth.access_tokens import AccessTokens
from gateway.auth.account_mail import AccountMail
from gateway.auth.authenticator import Authenticator, Quotas
from gateway.auth.login import LoginFlow
from gateway.auth.login_limits import LoginLimits, LoginQuotas
from gateway.auth.oidc_provider import OidcClient, OidcProvider
from gateway.auth.oidc_sign_in import OidcSignIn
from gateway.auth.passwords import PasswordHasher
from gateway.auth.signing_keys import SigningKeys
from gateway.mail.smtp import parse_mail_url
from gateway.ratelimit.usage import UsageRecorder
from gateway.settings import Settings

_DAY_SECONDS = 86_400


def create_control(
    settings: Settings, database: Database, cache: Cache, *, clock: Clock, keys: SigningKeys
) -> ApiDependencies:
    """Raises: Unavailable without the database."""
    stores = create_stores(settings, database, clock)
    tokens = AccessTokens(keys, clock=clock, life_seconds=settings.gateway_token_seconds)
    authenticator = Authenticator(
        tokens,
        stores,
        cache,
        quotas=_build_quotas(settings),
        admins_need_factor=settings.admins_need_factor,
    )
    failures = LoginFailures(stores)
    limits = LoginLimits(authenticator, stores.networks, failures, quotas=_build_login_quotas(settings))
    passwords, mail = PasswordHasher(), _create_mail(settings, stores)
    return ApiDependencies(
        stores=stores,
        passwords=passwords,
        keys=keys,
        tokens=tokens,
        authenticator=authenticator,
        usage=UsageRecorder(stores.usage, clock=clock),
        failures=failures,
        login_limits=limits,
        logins=LoginFlow(stores, passwords=passwords, limits=limits, authenticator=authenticator, mail=mail),
        mail=mail,
        oidc=_create_oidc(settings, stores, authenticator, clock) if settings.oidc_issuer else None,
        confirms_emails=settings.gateway_confirm_emails,
        is_public=settings.gateway_public_url.startswith("https:"),
        clock=clock,
        cursors=SignedCursors(settings.internal_secret.get_secret_value()),
    )


def create_stores(settings: Settings, database: Database, clock: Clock) -> AccountStores:
    """Also gives sessions of before their details. Raises: Unavailable."""
    stores = AccountStores.create(
        database,
        clock=clock,
        session_seconds=settings.gateway_refresh_days * _DAY_SECONDS,
        longest_seconds=settings.gateway_session_days * _DAY_SECONDS,
        secret=settings.internal_secret.get_secret_value(),
    )
    stores.sessions.describe_older_sessions()
    return stores


def _create_mail(settings: Settings, stores: AccountStores) -> AccountMail:
    url = settings.smtp_url.get_secret_value()
    server = parse_mail_url(url) if url else None
    return AccountMail(stores, server, sender=settings.mail_from, public_url=settings.public_url)


def _create_oidc(
    settings: Settings, stores: AccountStores, authenticator: Authenticator, clock: Clock
) -> OidcSignIn:
    client = OidcClient(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=settings.read_oidc_secret(),
        redirect_uri=f"{settings.public_url}/v1/auth/oidc/callback",
        domains=settings.oidc_domains,
    )
    now = make_seconds_clock(clock)
    return OidcSignIn(
        OidcProvider(client, now=now),
        stores,
        authenticator=authenticator,
        secret=settings.internal_secret.get_secret_value(),
        now=now,
    )


def _build_quotas(settings: Settings) -> Quotas:
    return Quotas(
        user=_build_user_quota(settings),
        anonymous=Quota("anonymous", settings.gateway_anonymous_per_minute),
        ipv6_prefix=settings.gateway_ipv6_prefix,
    )


def _build_login_quotas(settings: Settings) -> LoginQuotas:
    per_address, per_email = settings.gateway_logins_per_address, settings.gateway_logins_per_email
    per_minute = settings.gateway_logins_per_minute
    return LoginQuotas(
        address=Quota("login-address", per_address),
        email=Quota("login-email", per_email),
        elsewhere=Quota("login-elsewhere", settings.gateway_logins_elsewhere_per_hour, 3_600.0),
        everyone=Quota("login-everyone", per_minute),
        known_email=Quota("login-known-email", 3 * per_email),
        known_address=Quota("login-known-address", per_address),
        known_everyone=Quota("login-known-everyone", 5 * per_minute),
    )


def _build_user_quota(settings: Settings) -> Quota:
    by_day = Quota(DAY, settings.requests_per_day, DAY_SECONDS)
    by_month = Quota(MONTH, settings.requests_per_month, LONGEST_MONTH_SECONDS)
    return Quota("user", settings.gateway_requests_per_minute, beside=(by_day, by_month))
