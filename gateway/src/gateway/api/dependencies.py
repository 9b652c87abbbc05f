"""FastAPI dependencies of the gateway's endpoints: collaborators and authentication."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes

from bookcore.kit.auth import Role, Scope
from bookcore.kit.clock import Clock
from bookcore.kit.cursor import SignedCursors
from bookcore.kit.problem import ProblemError
from gateway.accounts import SessionOrigin
from gateway.accounts.caller import Caller, Credentials
from gateway.accounts.login_failures import LoginFailures
from gateway.accounts.sessions import Session
from gateway.accounts.stores import AccountStores
from gateway.api.schemas import Tokens
from gateway.auth.access_tokens import AccessTokens
from gateway.auth.account_mail import AccountMail
from gateway.auth.authenticator import Authenticator
from gateway.auth.login import LoginFlow
from gateway.auth.login_limits import LoginLimits
from gateway.auth.oidc_sign_in import OidcSignIn
from gateway.auth.passwords import PasswordHasher
from gateway.auth.signing_keys import SigningKeys
from gateway.http.scope import add_response_headers, set_user
from gateway.http.user_agent import summarize_device
from gateway.ratelimit.usage import UsageRecorder

_bearer = HTTPBearer(
    scheme_name="bearer", auto_error=False, description="The `access_token` of /v1/auth/login, or an API key"
)
_api_key = APIKeyHeader(
    name="X-API-Key", scheme_name="apiKey", auto_error=False, description="A key of POST /v1/keys"
)


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """Collaborators that the app opens and closes; at `app.state.control`.

    `confirms_emails`: new accounts confirm their address first; `is_public`: clients speak TLS with it.
    """

    stores: AccountStores
    passwords: PasswordHasher
    keys: SigningKeys
    tokens: AccessTokens
    authenticator: Authenticator
    usage: UsageRecorder
    failures: LoginFailures
    login_limits: LoginLimits
    logins: LoginFlow
    mail: AccountMail
    oidc: OidcSignIn | None
    confirms_emails: bool
    is_public: bool
    clock: Clock
    cursors: SignedCursors

    def create_tokens(self, session: Session, role: Role) -> Tokens:
        """Token pair of a session."""
        return Tokens(
            access_token=self.tokens.issue(session.user_id, session=session.id, role=role),
            refresh_token=session.refresh_token,
            expires_in=self.tokens.life_seconds,
        )


async def _get_dependencies(request: Request) -> ApiDependencies:
    control: ApiDependencies = request.app.state.control
    return control


Deps = Annotated[ApiDependencies, Depends(_get_dependencies)]


async def _get_address(request: Request) -> str:
    return request.client.host if request.client else ""


Address = Annotated[str, Depends(_get_address)]


async def _get_origin(request: Request, control: Deps, address: Address) -> SessionOrigin:
    device = summarize_device(request.headers.get("user-agent", ""))
    return SessionOrigin(device, control.authenticator.find_network(address))


Origin = Annotated[SessionOrigin, Depends(_get_origin)]


async def _count_anonymous(request: Request, control: Deps, address: Address) -> None:
    headers = await control.authenticator.count_address(control.authenticator.quotas.anonymous, address)
    add_response_headers(request.scope, headers)


async def count_address(control: Deps, address: Address) -> None:
    """Counts the request against the network's quota of logins; for whatever proves or changes who somebody
    is."""
    await control.login_limits.count_address(address)


Anonymous = Depends(_count_anonymous)
"""Counts the request against the network address; for endpoints without authentication."""


async def _read_credentials(
    request: Request,
    address: Address,
    _: Annotated[object, Security(_bearer)],  # only so that the OpenAPI document says so
    api_key: Annotated[str | None, Security(_api_key)],
) -> Credentials:
    return Credentials(request.headers.get("authorization"), address, api_key)


async def _authenticate(
    request: Request,
    control: Deps,
    needed: SecurityScopes,
    credentials: Annotated[Credentials, Security(_read_credentials)],
) -> Caller:
    admission = await control.authenticator.authenticate(credentials)
    set_user(request.scope, admission.caller.user_id)
    add_response_headers(request.scope, admission.headers)
    missing = [scope for scope in needed.scopes if scope not in admission.caller.scopes]
    if missing and admission.caller.role is Role.ADMIN and admission.caller.key_id is None:
        raise ProblemError("forbidden", "administrators need a second factor here; add one in the portal")
    if missing:
        raise ProblemError("forbidden", f"requires the scope {missing[0]}")
    return admission.caller


AnyCaller = Annotated[Caller, Security(_authenticate)]
"""A caller with a valid token or key."""
Admin = Annotated[Caller, Security(_authenticate, scopes=[Scope.ADMIN.value])]
"""A caller with the scope admin."""


async def _require_session(caller: AnyCaller) -> Caller:
    if caller.key_id is not None:
        raise ProblemError("forbidden", "not permitted for API keys; log in")
    return caller


SessionCaller = Annotated[Caller, Depends(_require_session)]
"""A caller with a session, for endpoints that are closed to API keys."""
UserPath = Annotated[str, Path(description="id of a user", examples=["5f2b8c0e9a7d4c31b6f0e2d1a4c3b2a1"])]
SessionPath = Annotated[
    str, Path(description="id of a session", examples=["7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d"])
]
KeyPath = Annotated[str, Path(description="id of an API key", examples=["0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f"])]
NEEDS_LOGIN = {"x-needs-login": True}
"""`openapi_extra` of such an operation."""


def format_actor(caller: Caller) -> str:
    """Actor of a caller in the audit log."""
    return caller.user_id if caller.key_id is None else f"{caller.user_id}/{caller.key_id}"
