"""Adapters are chosen by the scheme of a URL."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bookcore.cache import open_cache
from bookcore.domain.errors import Invalid
from bookcore.event_log import open_event_log
from bookcore.kit.adapters import load_adapter
from bookcore.lake import open_lake
from bookcore.search import open_search_index


@pytest.mark.parametrize(
    ("open_port", "text"),
    [
        (open_cache, "cache_url: no cache for gopher://; use one of memory, redis, rediss"),
        (open_event_log, "event_log_url: no event log for gopher://; use one of sqlite, kafka"),
        (open_lake, "lake_url: no lake for gopher://; use one of file, s3, gs"),
        (
            open_search_index,
            "search_url: no search index for gopher://;"
            " use one of tantivy, elasticsearch, elasticsearch+https",
        ),
    ],
)
def test_an_unknown_scheme_is_refused_with_the_setting_and_the_choices(
    open_port: Callable[[str], object], text: str
) -> None:
    with pytest.raises(Invalid) as caught:
        open_port("gopher://host")
    assert str(caught.value) == text


def test_a_client_that_is_not_installed_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gopher_adapter.py").write_text("import gopherlib\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Invalid) as caught:
        load_adapter("gopher://host", {"gopher": "gopher_adapter"}, port="cache", field="cache_url")
    assert "needs the package gopherlib, which is not installed; run `make servers`" in str(caught.value)
