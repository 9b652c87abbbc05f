"""Routes of the portal, which loads its own files only and can't be framed."""

from fastapi import APIRouter, Response

from bookcore.kit.problem import ProblemError
from gateway import portal
from gateway.api.dependencies import Anonymous

router = APIRouter(dependencies=[Anonymous], include_in_schema=False)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@router.get("/")
async def show_home() -> Response:
    """The first page: search, newest books, links."""
    return Response(portal.read_home(), headers=_HEADERS, media_type="text/html; charset=utf-8")


@router.get("/portal")
async def show_portal() -> Response:
    """The page."""
    return Response(portal.read_page(), headers=_HEADERS, media_type="text/html; charset=utf-8")


@router.get("/portal/{name}")
async def show_part(name: str) -> Response:
    """A script, the style or the icon."""
    content = portal.read_part(name)
    if content is None:
        raise ProblemError("not-found", f"no file {name[:40]!r} below /portal")
    return Response(content, headers=_HEADERS, media_type=portal.MEDIA_TYPES[name])
