"""The main function that all HTTP services share."""

import sys
from collections.abc import Callable
from typing import TypeVar

from fastapi import FastAPI

from bookcore.domain.errors import BookstreamError
from bookcore.kit.app import bind, serve
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import Settings, read_settings

S = TypeVar("S", bound=Settings)


def run_service(
    service: str, kind: type[S], *, create: Callable[[S], FastAPI], where: Callable[[S], tuple[str, int]]
) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    `where` names host and port. 0 after a clean stop; 1 with one plain line when it can't start.
    """
    try:
        settings = read_settings(kind)
        configure_logging(settings, service=service)
        stop_with_parent()
        listener = bind(*where(settings))
        serve(create(settings), listener)
    except BookstreamError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return 1
    return 0
