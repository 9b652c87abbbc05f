"""Settings as files: what a mounted Secret holds, and what may be wrong with it."""

import subprocess
import sys
from pathlib import Path

import pytest
from docs.generate import SETTINGS
from pydantic_settings import BaseSettings

from bookcore.domain.errors import Invalid
from bookcore.kit.settings import Settings, is_confidential, read_settings
from gateway.settings import Settings as GatewaySettings

URL = "postgresql+psycopg2://bookstream:p%40ss@db:5432/books"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of BOOKSTREAM_SECRETS_DIR, laid out as Kubernetes does: links into ..data."""
    (tmp_path / "..2026_11_26").mkdir()
    (tmp_path / "..data").symlink_to("..2026_11_26")
    monkeypatch.setenv("BOOKSTREAM_SECRETS_DIR", str(tmp_path))
    return tmp_path


def mount(folder: Path, name: str, content: bytes) -> None:
    (folder / "..2026_11_26" / name).write_bytes(content)
    (folder / name).symlink_to(f"..data/{name}")


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_secret_file_is_the_setting_of_its_name(folder: Path, ending: bytes) -> None:
    mount(folder, "BOOKSTREAM_CATALOGUE_URL", URL.encode() + ending)
    assert read_settings(Settings).catalogue_url == URL


def test_secret_file_holds_numbers_switches_and_lists_too(folder: Path) -> None:
    mount(folder, "BOOKSTREAM_GATEWAY_PORT", b"1234\n")
    mount(folder, "BOOKSTREAM_GATEWAY_ACCESS_LOG", b"false\n")
    mount(folder, "BOOKSTREAM_BOOKS_API_URLS", b"http://a:1, http://b:2\n")
    mount(folder, "BOOKSTREAM_INTERNAL_SECRET", b"x" * 40)
    settings = read_settings(GatewaySettings)
    assert (settings.gateway_port, settings.gateway_access_log) == (1234, False)
    assert settings.books_api_urls == ("http://a:1", "http://b:2")
    assert settings.internal_secret.get_secret_value() == "x" * 40


def test_environment_wins_over_a_secret_file_and_the_log_says_so_once(folder: Path) -> None:
    mount(folder, "BOOKSTREAM_LOG_LEVEL", b"DEBUG")
    mount(folder, "BOOKSTREAM_INTERNAL_SECRET", b"of the file, not of the environment")
    code = (
        "from bookcore.kit.logging import configure_logging\n"
        "from bookcore.kit.settings import Settings, read_settings\n"
        "settings = read_settings(Settings)\n"
        "configure_logging(settings, service='test')\n"
        "print(settings.log_level, settings.internal_secret.get_secret_value())\n"
    )
    environment = {"BOOKSTREAM_SECRETS_DIR": str(folder), "BOOKSTREAM_LOG_LEVEL": "WARNING"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "WARNING of the file, not of the environment\n"
    assert done.stderr.count("BOOKSTREAM_LOG_LEVEL") == 1
    assert "BOOKSTREAM_INTERNAL_SECRET" not in done.stderr


def test_secret_files_of_other_services_and_other_names_are_ignored(folder: Path) -> None:
    mount(folder, "BOOKSTREAM_FRONTIER_URL", b"")
    (folder / "README").write_bytes(b"\xff")
    (folder / ".hidden").mkdir()
    assert read_settings(Settings) == Settings(secrets_dir=str(folder))


def test_given_settings_win_over_secret_files(folder: Path) -> None:
    mount(folder, "BOOKSTREAM_CATALOGUE_URL", URL.encode())
    assert read_settings(Settings, catalogue_url="sqlite:////x").catalogue_url == "sqlite:////x"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is empty; write the value, or remove the file"),
        (b" \n\n", "is empty"),
        (b"postgresql://a\npostgresql://b\n", "has a line break .* inside; write the value on one line"),
        (b"a\x00b", "has .* control character inside"),
        (b"\x89PNG\r\n\xff\xfe", "is not UTF-8 text; write the value itself"),
        (b"x" * 70_000, "is longer than 65536 bytes"),
    ],
)
def test_wrong_secret_file_is_refused_with_its_path_and_the_remedy(
    folder: Path, content: bytes, wrong: str
) -> None:
    mount(folder, "BOOKSTREAM_CATALOGUE_URL", content)
    with pytest.raises(
        Invalid, match=rf"^BOOKSTREAM_CATALOGUE_URL: the file {folder}/BOOKSTREAM_CATALOGUE_URL {wrong}"
    ):
        read_settings(Settings)


def test_secret_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / "BOOKSTREAM_LAKE_URL").symlink_to("..data/gone")
    with pytest.raises(Invalid, match=r"BOOKSTREAM_LAKE_URL can't be read .*mode 0440"):
        read_settings(Settings)
    (folder / "BOOKSTREAM_LAKE_URL").unlink()
    (folder / "BOOKSTREAM_LAKE_URL").mkdir()  # as Docker makes it for a file that is missing on the host
    with pytest.raises(Invalid, match=r"BOOKSTREAM_LAKE_URL can't be read \(Is a directory\)"):
        read_settings(Settings)


def test_missing_folder_of_secrets_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKSTREAM_SECRETS_DIR", str(tmp_path / "gone"))
    with pytest.raises(Invalid, match=r"^BOOKSTREAM_SECRETS_DIR: the folder .*/gone can't be read .*mount"):
        read_settings(Settings)
    monkeypatch.setenv("BOOKSTREAM_SECRETS_DIR", __file__)
    with pytest.raises(Invalid, match="Not a directory"):
        read_settings(Settings)
    monkeypatch.setenv("BOOKSTREAM_SECRETS_DIR", "")
    assert read_settings(Settings).secrets_dir == ""


def test_invalid_value_of_a_secret_file_is_not_repeated(folder: Path) -> None:
    mount(folder, "BOOKSTREAM_GATEWAY_PORT", b"s3cret-in-the-wrong-file")
    with pytest.raises(Invalid, match=r"BOOKSTREAM_GATEWAY_PORT: must be a whole number$"):
        read_settings(GatewaySettings)


@pytest.mark.parametrize("kind", SETTINGS.values(), ids=SETTINGS)
def test_every_setting_that_may_hold_a_password_is_marked_secret(kind: type[BaseSettings]) -> None:
    public = {
        "toscrape_url",
        "gateway_public_url",
        "books_api_urls",
        "search_api_urls",
        "ml_api_urls",
        "secrets_dir",
        "oidc_client_secret_file",
    }
    suspects = {
        name
        for name in kind.model_fields
        if any(word in name for word in ("url", "secret", "password", "scraper_keys")) and name not in public
    }
    assert {name for name, field in kind.model_fields.items() if is_confidential(field)} == suspects


@pytest.mark.parametrize("value", ["tcp://10.96.4.4:8080", "udp://10.96.4.4:53"])
def test_port_of_a_kubernetes_service_link_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BOOKSTREAM_GATEWAY_PORT", value)
    with pytest.raises(Invalid, match=rf"^BOOKSTREAM_GATEWAY_PORT: .*{value}.*`enableServiceLinks: false`"):
        read_settings(GatewaySettings)
