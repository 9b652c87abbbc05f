"""Headers of requests to a source: the crawler's name, and those that the source declares."""

from bookcore.domain.errors import Invalid
from scraper.settings import Settings
from scraper.sources import Source

KEY = "${key}"
"""Stands for the source's key of SCRAPER_KEYS in a header of its source.toml."""


def build_headers(settings: Settings, source: Source) -> dict[str, str]:
    """Raises: Invalid when a header needs a key and there is none."""
    own = {name: _insert_key(settings, source.name, text) for name, text in source.headers.items()}
    return {"User-Agent": settings.user_agent, "Accept": "text/html, */*;q=0.5", **own}


def _insert_key(settings: Settings, source: str, text: str) -> str:
    if KEY not in text:
        return text
    key = settings.scraper_keys.get(source)
    if key is None:
        raise Invalid(
            f'the headers of {source} need a key; set BOOKSTREAM_SCRAPER_KEYS={{"{source}": "..."}}',
            field="scraper_keys",
        )
    return text.replace(KEY, key.get_secret_value())
