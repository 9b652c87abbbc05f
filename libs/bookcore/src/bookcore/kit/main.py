"""The main function of every HTTP service."""

import sys
from collections.abc import Callable
from typing import TypeVar

from fastapi import FastAPI

from bookcore.domain.errors import BookstreamError
from bookcore.kit.admin.server import open_admin_port
from bookcore.kit.app import add_metrics_route, remove_own_routes, serve
from bookcore.kit.listener import bind
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import Settings, read_settings

S = TypeVar("S", bound=Settings)


def run_service(
    service: str, kind: type[S], *, create: Callable[[S], FastAPI], where: Callable[[S], tuple[str, int]]
) -> int:
    """Serves until SIGTERM or SIGINT and returns the exit code.

    `where` returns host and port. 0 after a clean stop; 1 with one plain line when the service cannot start.
    """
    try:
        settings = read_settings(kind)
        configure_logging(settings, service=service)
        stop_with_parent()
        listener = bind(*where(settings))
        app = create(settings)
        if settings.admin_port:
            remove_own_routes(app)
        else:
            add_metrics_route(app)
        with open_admin_port(settings, app.state.admin.build_pages()):
            serve(app, listener)
    except BookstreamError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return 1
    return 0
