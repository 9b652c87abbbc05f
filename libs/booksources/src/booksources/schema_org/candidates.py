"""Which things of a page are its books, and which are only mentioned or listed on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bookcore.domain.errors import Invalid
from booksources.cleaning.isbn import read_isbn
from booksources.schema_org.node import Node, shorten_term

_BOOKS = frozenset({"Book", "Audiobook", "ComicIssue", "ComicStory"})
_PRODUCTS = frozenset({"Product", "IndividualProduct", "ProductModel", "ProductGroup", "SomeProducts"})
_LISTS = frozenset({"ItemList", "OfferCatalog"})
_PAGES = frozenset(
    {
        "WebPage",
        "ItemPage",
        "ProductPage",
        "CollectionPage",
        "SearchResultsPage",
        "WebSite",
        "Store",
        "BookStore",
        "OnlineStore",
    }
)
_EDITIONS = ("workExample", "hasVariant")
_IDENTITY = ("isbn", "gtin13", "gtin", "sku", "productID", "url", "@id")
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Candidates:
    """`books`: books and products of the page itself; `listed`: those of its lists."""

    books: tuple[Node, ...] = ()
    listed: tuple[Node, ...] = ()


def find_candidates(nodes: Iterable[Node]) -> Candidates:
    """Things at the top of the page and in its main entity; several that state one book are joined."""
    books: list[Node] = []
    listed: list[Node] = []
    for node in nodes:
        _collect(node, books, listed, 0)
    return Candidates(tuple(_join_same(books)), tuple(listed))


def _collect(node: Node, books: list[Node], listed: list[Node], depth: int) -> None:
    if depth > _DEEPEST:
        return
    if node.has_type(_BOOKS | _PRODUCTS):
        books.append(node)
    elif node.has_type(_LISTS) or "itemListElement" in node.properties:
        if "BreadcrumbList" not in node.types:
            listed += _list_elements(node)
    elif node.has_type(_PAGES):
        for inner in node.iterate_nodes("mainEntity", "hasOfferCatalog"):
            _collect(inner, books, listed, depth + 1)
    elif not node.types and ("offers" in node.properties or "isbn" in node.properties):
        books.append(node)


def _list_elements(node: Node) -> Iterator[Node]:
    """Things of a list; one that is only an address becomes a thing with that address."""
    for value in node.properties.get("itemListElement", ()):
        if isinstance(value, str):
            yield Node((), {"url": (value,)})
            continue
        items = list(value.iterate_nodes("item", "itemOffered"))
        if items:
            yield from (item.complete(Node((), _keep_address(value))) for item in items)
        elif address := value.get_text("item", "url", "@id"):
            yield value.complete(Node((), {"url": (address,)}))
        else:
            yield value


def _keep_address(node: Node) -> dict[str, tuple[str | Node, ...]]:
    return {"url": node.properties["url"]} if "url" in node.properties else {}


def _join_same(books: list[Node]) -> Iterator[Node]:
    """A book and a product of one name or ISBN are one."""
    joined: list[Node] = []
    for node in books:
        for place, other in enumerate(joined):
            if _is_same(node, other):
                joined[place] = other.complete(node)
                break
        else:
            joined.append(node)
    yield from joined


def _is_same(one: Node, other: Node) -> bool:
    for name in ("isbn", "sku", "@id"):
        first, second = one.get_text(name), other.get_text(name)
        if first and second:
            return first == second
    first, second = one.get_text("name"), other.get_text("name")
    return bool(first and second and first.casefold() == second.casefold())


def iterate_editions(node: Node) -> Iterator[Node]:
    """The editions or variants of a work or product group, each with what the whole states; a thing without
    any is its own."""
    editions = list(node.iterate_nodes(*_EDITIONS))
    if not editions:
        yield node
        return
    properties = {name: values for name, values in node.properties.items() if name not in _EDITIONS}
    if len(editions) > 1:
        properties = {name: values for name, values in properties.items() if name not in _IDENTITY}
    for edition in editions:
        yield edition.complete(Node(node.types, properties))


def is_book(node: Node, *, sells_only_books: bool) -> bool:
    """Whether a thing is a book: by its type, by an ISBN, or because the source sells nothing else."""
    kinds = {*node.types, *(shorten_term(text) for text in node.iterate_texts("additionalType"))}
    if kinds & _BOOKS or any(kind.lower() in ("book", "books") for kind in kinds):
        return True
    return find_isbn(node) is not None or sells_only_books


def find_isbn(node: Node) -> str | None:
    """The ISBN of a thing: its own property, a GTIN of books, or a product id that says so."""
    for text in node.iterate_texts("isbn", "isbn13", "isbn10"):
        if (isbn := _read(text)) is not None:
            return isbn
    for text in node.iterate_texts("gtin13", "gtin", "gtin14", "ean", "productID", "mpn", "sku"):
        bare = text.lower().removeprefix("urn:").removeprefix("isbn:").removeprefix("ean:").strip()
        is_named = "isbn" in text.lower()
        if (is_named or bare.replace("-", "").startswith(("978", "979"))) and (isbn := _read(bare)):
            return isbn
    return None


def _read(text: str) -> str | None:
    try:
        return read_isbn(text)
    except Invalid:
        return None
