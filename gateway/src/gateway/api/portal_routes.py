"""The portal's addresses; scripts and styles only from here, and nobody may frame it."""

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


@router.get("/portal")
async def show_portal() -> Response:
    """The page."""
    return Response(portal.read_page(), headers=_HEADERS, media_type="text/html; charset=utf-8")


@router.get("/portal/{name}")
async def show_part(name: str) -> Response:
    """A script, the style or the icon."""
    content = portal.read_part(name)
    if content is None:
        raise ProblemError("not-found", f"the portal has no part {name[:40]!r}")
    return Response(content, headers=_HEADERS, media_type=portal.MEDIA_TYPES[name])
