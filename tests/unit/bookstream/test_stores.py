"""Stores are made ready before the services start."""

from pathlib import Path

import pytest

from bookcore.search import open_search_index
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.index_access import fill, search_ids
from bookstream.settings import load_settings
from bookstream.stores import prepare_stores, renew_index


def test_an_index_of_another_version_is_rebuilt_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings(tmp_path / "data")
    prepare_stores(settings)
    with monkeypatch.context() as before:
        before.setattr("bookcore.search.tantivy.documents.ANALYSIS_VERSION", 1)
        fill(settings.search_url, make_versioned_book("u1"))
    renew_index(settings)
    assert "rebuilt from the catalogue before the start" in capfd.readouterr().err
    reader = open_search_index(settings.search_url)
    assert search_ids(reader, "") == []
    reader.close()
    renew_index(settings)
    assert capfd.readouterr().err == ""
