"""Serves `/docs`: Swagger UI (vendored, see swagger_ui/vendored.json) over the merged OpenAPI document.

The page may load its own files only and can't be framed. Swagger UI's style sheet embeds icons as data URLs.
"""

from importlib.resources import files

from fastapi import APIRouter, Response

from bookcore.kit.problem import ProblemError
from gateway.api.dependencies import Anonymous

router = APIRouter(dependencies=[Anonymous], include_in_schema=False)
DOCS_FILES = {
    "docs.css": ("docs.css", "text/css; charset=utf-8"),
    "docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "swagger-ui.css": ("swagger_ui/swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("swagger_ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "swagger-ui.LICENSE.txt": ("swagger_ui/LICENSE", "text/plain; charset=utf-8"),
}
"""Name below /docs -> file in this folder and media type."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_CACHED = {"Cache-Control": "public, max-age=86400"}
"""For the vendored files, whose URLs carry the version."""


@router.get("/docs")
async def show_docs() -> Response:
    """The page."""
    return Response(_read_file("docs.html"), headers=_HEADERS, media_type="text/html; charset=utf-8")


@router.get("/docs/{name}")
async def show_docs_file(name: str) -> Response:
    """A script or style sheet of the page. Raises: ProblemError(not-found)."""
    if name not in DOCS_FILES:
        raise ProblemError("not-found", f"no file {name[:40]!r} below /docs")
    path, media_type = DOCS_FILES[name]
    headers = {**_HEADERS, **_CACHED} if path.startswith("swagger_ui/") else _HEADERS
    return Response(_read_file(path), headers=headers, media_type=media_type)


def _read_file(path: str) -> bytes:
    return files("gateway.api").joinpath(path).read_bytes()
