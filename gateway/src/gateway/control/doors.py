"""What the gateway's own endpoints work with, and the FastAPI dependencies that let a request in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from bookcore.kit.auth import Role, Scope
from bookcore.kit.problem import ProblemError
from gateway.control.access import Access, Caller, Credentials
from gateway.control.accounts.sessions import Session, Sessions
from gateway.control.accounts.users import Users
from gateway.control.keys import KeyRing
from gateway.control.passwords import Passwords
from gateway.control.tokens import AccessTokens
from gateway.control.usage import Usage
from gateway.control.wire import Tokens
from gateway.core.answer import add_answer_headers

_bearer = HTTPBearer(auto_error=False, description="The `access_token` of /v1/auth/login")


@dataclass(frozen=True, slots=True)
class Control:
    """The collaborators, opened and closed by the app; at `app.state.control`."""

    users: Users
    sessions: Sessions
    passwords: Passwords
    keys: KeyRing
    tokens: AccessTokens
    access: Access
    usage: Usage

    def pair(self, session: Session, role: Role) -> Tokens:
        """What a client gets for a session."""
        return Tokens(
            access_token=self.tokens.issue(session.user_id, session=session.id, role=role),
            refresh_token=session.refresh_token,
            expires_in=self.tokens.life_seconds,
        )


async def _control(request: Request) -> Control:
    control: Control = request.app.state.control
    return control


In = Annotated[Control, Depends(_control)]


async def _address(request: Request) -> str:
    return request.client.host if request.client else ""


Address = Annotated[str, Depends(_address)]


async def _anonymous(request: Request, control: In, address: Address) -> None:
    headers = await control.access.count(control.access.quotas.anonymous, address)
    add_answer_headers(request.scope, headers)


Anonymous = Depends(_anonymous)
"""Counts against the network address; for what needs no token."""


async def _caller(
    request: Request,
    control: In,
    address: Address,
    _: Annotated[object, Depends(_bearer)],  # only so that the OpenAPI document says so
) -> Caller:
    admission = await control.access.admit(Credentials(request.headers.get("authorization"), address))
    add_answer_headers(request.scope, admission.headers)
    return admission.caller


Known = Annotated[Caller, Depends(_caller)]
"""Whoever has a good token."""


async def _admin(caller: Known) -> Caller:
    if Scope.ADMIN not in caller.scopes:
        raise ProblemError("forbidden", "this needs the scope admin")
    return caller


Admin = Annotated[Caller, Depends(_admin)]
