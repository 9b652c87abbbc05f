"""The readers by the name that a source gives in its source.toml."""

from collections.abc import Mapping
from functools import partial

from booksources.json_paths.reader import read_bundled
from booksources.marc.reader import read as read_marc
from booksources.merchant.reader import read as read_merchant
from booksources.onix.reader import read as read_onix
from booksources.opds.reader import read as read_opds
from booksources.reading import Reader
from booksources.schema_org.reader import read_page
from booksources.sitemap.reader import read_sitemap

_JSON = ("google_books", "open_library", "shopify", "woocommerce")

READERS: Mapping[str, Reader] = {
    "schema_org": read_page,
    "sitemap": read_sitemap,
    "onix": read_onix,
    "opds": read_opds,
    "marc": read_marc,
    "merchant": read_merchant,
    **{name: partial(read_bundled, name=name) for name in _JSON},
}
