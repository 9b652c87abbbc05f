"""source.toml: what it declares, and what is said about one at fault."""

from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from booksources.readers import READERS
from booksources.reading import SourceProfile
from booksources.sources.registry import get_builtin_folder, scan_sources

_GOOD = """title = "A shop"
reader = "schema_org"
start = ["https://shop.example/", "https://shop.example/sitemap.xml"]
paths = ["/books/"]
query = ["page"]
identified_by = ["isbn"]
sells_only_books = true
required = ["title", "price"]
language = "de-DE"
territory = "DE"
currency = "EUR"
decimal = ","

[politeness]
rate = 2.0
"""


def write(folder: Path, text: str, name: str = "my_shop") -> Path:
    (folder / name).mkdir()
    (folder / name / "source.toml").write_text(text)
    return folder


def test_folder_declares_a_source(tmp_path: Path) -> None:
    source = scan_sources([write(tmp_path, _GOOD)]).find("my_shop")
    assert (source.start[1], source.paths, source.query) == (
        "https://shop.example/sitemap.xml",
        ("/books/",),
        ("page",),
    )
    assert (source.version, source.politeness.rate) == ("my_shop/1", 2.0)
    assert source.profile == SourceProfile("de-DE", ",", "EUR", "DE", ("isbn",), sells_only_books=True)


def test_built_in_sources_are_without_fault() -> None:
    registry = scan_sources()
    names = {path.name for path in get_builtin_folder().iterdir() if path.is_dir()}
    assert (set(registry.definitions), registry.faults) == (names, {})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("currency", "curency"), "there is no key 'curency'; the nearest is 'currency'"),
        (("rate", "rat"), "there is no key 'politeness.rat'; the nearest is 'rate'"),
        (("start", "starts"), "the key 'start' is missing"),
        (('"EUR"', '"EURO"'), "'currency' must be three capital letters of ISO 4217"),
        (('"EUR"', '"ZZZ"'), "currency must be a code of ISO 4217, not 'ZZZ'"),
        (
            ('"schema_org"', '"shema_org"'),
            f"reader must be page.py, or one of {', '.join(sorted(READERS))}, not 'shema_org'",
        ),
        (('reader = "schema_org"', ""), "needs either reader or page_objects"),
        (("true", '"yes"'), "'sells_only_books' must be true or false"),
        (("2.0", '"fast"'), "'politeness.rate' must be a number of requests a second"),
        (('"https://shop.example/"', '"ftp://x/"'), "'start' must be a list of http(s) addresses"),
        (('"https://shop.example/"', '"https://me:pw@shop.example/"'), "without a password"),
        (('["title", "price"]', '["titel"]'), "required must be of "),
        (('"A shop"', '"A shop'), "is no TOML"),
    ],
)
def test_typo_is_one_line_that_names_file_and_key(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    registry = scan_sources([write(tmp_path, _GOOD.replace(*change))])
    with pytest.raises(Invalid) as refused:
        registry.find("my_shop")
    assert complaint in str(refused.value)
    assert str(tmp_path / "my_shop" / "source.toml") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_source_at_fault_affects_no_other(tmp_path: Path) -> None:
    write(tmp_path, "x", "broken")
    registry = scan_sources([write(tmp_path, _GOOD)])
    assert registry.find("my_shop").name == "my_shop"
    assert list(registry.faults) == ["broken"]


def test_unknown_source_is_told_the_nearest_name() -> None:
    with pytest.raises(Invalid, match=r"no source 'sample_shp'; .*; the nearest is 'sample_shop'"):
        scan_sources().find("sample_shp")


def test_name_is_taken_once(tmp_path: Path) -> None:
    registry = scan_sources([write(tmp_path, _GOOD, "sample_shop")])
    assert registry.find("sample_shop").page_objects == "books_toscrape"
    assert "is taken" in next(iter(registry.faults.values()))
