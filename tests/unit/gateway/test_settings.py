from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from bookcore.kit.settings import Settings as SharedSettings
from bookcore.kit.settings import read_settings
from gateway.settings import Settings


def test_default_files_are_below_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert settings.accounts_url == f"sqlite:///{tmp_path}/accounts.db"
    assert settings.gateway_keys == tmp_path / "keys"


def test_addresses_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSTREAM_BOOKS_API_URLS", "http://a:1/, http://b:2")
    assert read_settings(Settings).books_api_urls == ("http://a:1", "http://b:2")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOOKSTREAM_BOOKS_API_URLS", "nowhere"),
        ("BOOKSTREAM_BOOKS_API_URLS", ""),
        ("BOOKSTREAM_GATEWAY_PORT", "70000"),
        ("BOOKSTREAM_GATEWAY_INSTANCE", "a/b"),
        ("BOOKSTREAM_GATEWAY_REQUESTS_PER_MINUTE", "0"),
    ],
)
def test_invalid_setting_is_named_in_the_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=name):
        read_settings(Settings)


def test_bootstrap_admin_requires_email_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL", "a@b.c")
    with pytest.raises(Invalid, match="or neither"):
        read_settings(Settings)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_setting_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[3] / "gateway" / "README.md").read_text()
    own = Settings.model_fields.keys() - SharedSettings.model_fields.keys()
    assert [name for name in sorted(own) if f"| `{name}` |" not in readme] == []
