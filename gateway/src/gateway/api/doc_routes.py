"""Routes about the API: signing keys, the merged OpenAPI document, and a page for each problem type."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from bookcore.events import asyncapi
from bookcore.kit.auth import Scope
from bookcore.kit.openapi import Document
from bookcore.kit.problem import PROBLEMS, ProblemError
from bookcore.kit.query_parameters import NO_PARAMETERS, CommaSeparated, check_names
from gateway.accounts.caller import Credentials
from gateway.api.dependencies import Address, Anonymous, Deps
from gateway.api.openapi_merge import filter_by_scopes
from gateway.api.pages import render_problem_page
from gateway.auth.signing_keys import Jwks

router = APIRouter(tags=["about"], dependencies=[Anonymous])
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}


class DocumentSource(Protocol):
    """Source of the merged document; at `app.state.library`."""

    async def get_document(self) -> Document:
        """The merged document; unavailable services are left out."""


async def _get_source(request: Request) -> DocumentSource:
    library: DocumentSource = request.app.state.library
    return library


Documents = Annotated[DocumentSource, Depends(_get_source)]


async def _get_document(
    request: Request,
    library: Documents,
    control: Deps,
    address: Address,
    scope: Annotated[list[Scope] | None, Query(max_length=6), CommaSeparated] = None,
) -> Document:
    """The whole document; with `scope` or credentials, only the operations that these scopes permit.

    Raises: ProblemError(unauthorized) for invalid credentials.
    """
    document = await library.get_document()
    credentials = Credentials(
        request.headers.get("authorization"), address, api_key=request.headers.get("x-api-key")
    )
    if scope:
        return filter_by_scopes(document, frozenset(scope))
    if credentials.authorization or credentials.api_key:
        return filter_by_scopes(document, (await control.authenticator.identify_caller(credentials)).scopes)
    return document


Asked = Annotated[Document, Depends(_get_document)]


@router.get("/.well-known/jwks.json", summary="Public keys that verify access tokens")
async def show_keys(control: Deps) -> Jwks:
    """All keys that can have signed a valid token."""
    return control.keys.ring.build_jwks()


@router.get("/openapi.json", include_in_schema=False)
async def show_openapi(document: Asked) -> JSONResponse:
    """OpenAPI document of the gateway and all services."""
    return JSONResponse(document)


@router.get("/asyncapi.json", include_in_schema=False)
async def show_asyncapi(request: Request) -> JSONResponse:
    """AsyncAPI document of the event topics."""
    check_names(list(request.query_params), NO_PARAMETERS)
    return JSONResponse(asyncapi.build_document())


@router.get("/problems/{slug}", include_in_schema=False)
async def show_problem(slug: str) -> HTMLResponse:
    """Page of a problem type, which the `type` of a problem names."""
    if slug not in PROBLEMS:
        raise ProblemError("not-found", f"no problem type {slug[:40]!r}")
    return HTMLResponse(render_problem_page(PROBLEMS[slug]), headers=_PAGE_HEADERS)
