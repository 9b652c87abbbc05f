"""Routes of the sign-in with an organisation's provider. The first two are opened by browsers."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.kit.logger import get_logger
from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from gateway.api.account_schemas import ProviderSignIn
from gateway.api.dependencies import Anonymous, ApiDependencies, Deps, Origin
from gateway.api.schemas import Tokens
from gateway.auth.oidc_sign_in import SIGN_IN_LIFE, OidcSignIn

router = APIRouter(prefix="/v1/auth/oidc", tags=["auth"], dependencies=[Anonymous])
_COOKIE = "__Secure-bookstream-sign-in"
_COOKIE_NEAR = "bookstream-sign-in"
"""On a laptop, which has no TLS."""
_FOREIGN = ("cross-site", "same-site")
"""What browsers say in Sec-Fetch-Site when a page of another origin leads here."""
_log = get_logger(__name__)


@router.get("", include_in_schema=False)
async def begin_sign_in(request: Request, control: Deps) -> Response:
    """Send the browser to the provider; from a page of another origin to the portal, where a click begins."""
    if request.headers.get("sec-fetch-site") in _FOREIGN:
        return RedirectResponse("/portal", status_code=303)
    try:
        url, cookie = await _get_provider(control).begin()
    except BookstreamError as error:
        return _return_to_portal("problem", _get_problem_name(error))
    response = RedirectResponse(url, status_code=303)
    _set_cookie(control, response, cookie)
    return response


@router.get("/callback", include_in_schema=False)
async def finish_sign_in(request: Request, control: Deps) -> Response:
    """The provider sends the browser back, also with parameters of its own."""
    provider, given = _get_provider(control), request.query_params
    if not given.get("code"):
        return _return_to_portal("problem", "provider-refused")
    try:
        token, cookie = await provider.finish(given["code"], given.get("state", ""), _read_cookie(request))
    except BookstreamError as error:
        _log.warning("sign-in refused", reason=str(error))
        return _return_to_portal("problem", _get_problem_name(error))
    response = _return_to_portal("sign-in", token)
    _set_cookie(control, response, cookie)
    return response


@router.post(
    "/session",
    summary="Begin a session after the provider",
    responses=describe_problems("unauthorized", "forbidden", "not-found"),
)
async def begin_provider_session(
    given: ProviderSignIn, request: Request, control: Deps, origin: Origin
) -> Tokens:
    """Exchange the secret that came back to the portal; it works once, in a minute, in the same browser."""
    _get_provider(control).check_browser(given.token, _read_cookie(request))
    session, role = await control.logins.sign_in(given.token, given.code, origin)
    return control.create_tokens(session, role)


def _get_provider(control: ApiDependencies) -> OidcSignIn:
    if control.oidc is None:
        raise ProblemError("not-found", "this gateway has no sign-in provider; log in with a password")
    return control.oidc


def _set_cookie(control: ApiDependencies, response: Response, value: str) -> None:
    name = _COOKIE if control.is_public else _COOKIE_NEAR
    response.set_cookie(
        name,
        value,
        max_age=SIGN_IN_LIFE,
        path=router.prefix,
        secure=control.is_public,
        httponly=True,
        samesite="lax",
    )


def _read_cookie(request: Request) -> str:
    return request.cookies.get(_COOKIE) or request.cookies.get(_COOKIE_NEAR) or ""


def _get_problem_name(error: BookstreamError) -> str:
    return "provider-away" if isinstance(error, Unavailable) else "provider-refused"


def _return_to_portal(name: str, value: str) -> RedirectResponse:
    return RedirectResponse(f"/portal#{name}={quote(value)}", status_code=303)
