"""The readers by the name that a source gives in its source.toml."""

from collections.abc import Mapping

from booksources.reading import Reader
from booksources.schema_org.reader import read_page
from booksources.sitemap.reader import read_sitemap

READERS: Mapping[str, Reader] = {
    "schema_org": read_page,
    "sitemap": read_sitemap,
}
