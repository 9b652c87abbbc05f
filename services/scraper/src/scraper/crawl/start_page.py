"""Checks the start page of another site before the pages of the last one are discarded."""

import urllib.request
from urllib.error import HTTPError, URLError

from scraper.fetch.headers import build_headers
from scraper.settings import Settings
from scraper.sources.site import Site


def find_fault(site: Site, settings: Settings) -> str | None:
    """Why the page can't be fetched; None when it can."""
    headers = build_headers(settings, site.source)
    request = urllib.request.Request(site.start, headers=headers)  # noqa: S310 - a Site has an http or https URL
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
