"""Checks the start page of another site before the pages of the last one are discarded."""

import urllib.request
from urllib.error import HTTPError, URLError

from scraper.settings import Settings


def find_fault(url: str, settings: Settings) -> str | None:
    """Why the page can't be fetched; None when it can."""
    headers = {"User-Agent": settings.user_agent}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - a Site has an http or https URL
    try:
        with urllib.request.urlopen(request, timeout=settings.scraper_timeout):  # noqa: S310 - the same
            return None
    except HTTPError as error:
        with error:
            return f"it responds with {error.code}"
    except URLError as error:
        return str(getattr(error.reason, "strerror", None) or error.reason)
    except OSError as error:
        return error.strerror or str(error)
