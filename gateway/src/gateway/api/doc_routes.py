"""About the API: keys, the merged OpenAPI document, its page, and a page for each problem."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from bookcore.events import asyncapi
from bookcore.kit.auth import Scope
from bookcore.kit.openapi import Document
from bookcore.kit.problem import PROBLEMS, ProblemError
from gateway.accounts.caller import Credentials
from gateway.api.dependencies import Address, Anonymous, Deps
from gateway.api.openapi_merge import filter_by_scopes
from gateway.api.pages import docs_page, render_problem_page
from gateway.auth.signing_keys import Jwks

router = APIRouter(tags=["about"], dependencies=[Anonymous])
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class DocumentSource(Protocol):
    """Where the merged document comes from; at `app.state.library`."""

    async def get_document(self) -> Document:
        """The newest that can be had; services that are away are left out."""


async def _get_source(request: Request) -> DocumentSource:
    library: DocumentSource = request.app.state.library
    return library


Documents = Annotated[DocumentSource, Depends(_get_source)]


async def _get_document(
    request: Request,
    library: Documents,
    control: Deps,
    address: Address,
    scope: Annotated[list[Scope] | None, Query(max_length=6)] = None,
) -> Document:
    """All of it; with `scope`, or with a token, only what these scopes open.

    Raises: ProblemError(unauthorized) for a token that is none.
    """
    document = await library.get_document()
    shown = Credentials(
        request.headers.get("authorization"), address, api_key=request.headers.get("x-api-key")
    )
    if scope:
        return filter_by_scopes(document, frozenset(scope))
    if shown.authorization or shown.api_key:
        return filter_by_scopes(document, (await control.authenticator.identify_caller(shown)).scopes)
    return document


Asked = Annotated[Document, Depends(_get_document)]


@router.get("/.well-known/jwks.json", summary="The keys that check access tokens")
async def show_keys(control: Deps) -> Jwks:
    """All keys that may have signed a living token."""
    return control.keys.ring.build_jwks()


@router.get("/openapi.json", include_in_schema=False)
async def show_openapi(document: Asked) -> JSONResponse:
    """The gateway's and the services' operations in one OpenAPI document."""
    return JSONResponse(document)


@router.get("/asyncapi.json", include_in_schema=False)
async def show_asyncapi() -> JSONResponse:
    """The event topics, for subscribers."""
    return JSONResponse(asyncapi.build_document())


@router.get("/docs", include_in_schema=False)
async def show_docs(document: Asked) -> HTMLResponse:
    """The same for people."""
    return HTMLResponse(docs_page(document), headers=_PAGE_HEADERS)


@router.get("/problems/{slug}", include_in_schema=False)
async def show_problem(slug: str) -> HTMLResponse:
    """What the `type` of a problem means."""
    if slug not in PROBLEMS:
        raise ProblemError("not-found", f"there is no problem {slug[:40]!r}")
    return HTMLResponse(render_problem_page(PROBLEMS[slug]), headers=_PAGE_HEADERS)
