"""`make test-compose`: docker-compose.yml run for real, from images to answers, and taken down again.

`python -m deploy.compose.test [--keep]`. Everything that it makes stays in .stack/compose and in a Compose
project of its own, so that it can be run beside another and again after a failure. One line per step; on
failure the last words of every container that isn't well.
"""

import json
import os
import secrets
import socket
import sys
import tarfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.compose.compared import differences, shop_truth, site_truth
from deploy.compose.engine import Engine, engine
from deploy.compose.project import Platform
from deploy.compose.standins import provide

from bookcore.domain.errors import BookstreamError, Unavailable

_FOLDER = Path(".stack/compose").absolute()
_BOOKS = "200"
_SHOP = "http://127.0.0.1:8090/_shop/truth"
_SECRETS = (
    "BOOKSTREAM_INTERNAL_SECRET",
    "POSTGRES_PASSWORD",
    "S3_SECRET_KEY",
    "VALKEY_PASSWORD",
    "BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD",
)


def main() -> int:
    """0 when all is as it should be; 1 with one line that says what isn't."""
    parser = ArgumentParser(description="Run docker-compose.yml for real.")
    parser.add_argument(
        "--keep", action="store_true", help="leave the development platform up, with its engine"
    )
    options = parser.parse_args()
    began = time.monotonic()
    try:
        with engine(_FOLDER / "docker") as found:
            provide(found, _say)
            development(found, keep=options.keep)
            production(found)
    except BookstreamError as error:
        _say(f"FAILED: {error}")
        return 1
    _say(f"passed in {time.monotonic() - began:.0f} s")
    return 0


def development(found: Engine, *, keep: bool) -> None:
    """What `docker compose up` starts, then the profile `full`, then a crawl of the whole saved site.

    Raises: Unavailable when something doesn't come up, or a book differs from the truth.
    """
    site = _site(_FOLDER / "site")
    given = {
        "SAMPLE_SHOP_BOOKS": _BOOKS,
        "BOOKSTREAM_SCRAPER_HOST_RATE": "200",
        "BOOKSTREAM_REGISTRY_URL": "mlflow+http://mlflow:5000",
        "MIRROR_FOLDER": str(site or _FOLDER),
    }
    files = ("docker-compose.yml", *(["deploy/compose/mirror.yml"] if site else []))
    with _running(Platform(found, "bookstream-test", _settings(given), files), keep=keep) as platform:
        _step(
            "images of every service built",
            lambda: platform.compose("--profile", "full", "--profile", "tools", "build"),
        )
        _step("core and MLflow up and healthy", lambda: platform.up("--profile", "ml"))
        platform.check_accounts()
        _step("full up and healthy", lambda: platform.up("--profile", "ml", "--profile", "full"))
        _step("the sample shop crawled by the fleet", lambda: platform.settle(int(_BOOKS)))
        _compare(
            "sample_shop", platform, shop_truth(platform.compose("exec", "-T", "sample-shop", *_fetch(_SHOP)))
        )
        _say(platform.train("sample_shop"))
        if site:
            crawl = [
                "run",
                "--rm",
                "-T",
                "scraper",
                "crawl",
                "books_toscrape",
                "--url",
                "http://mirror:8000/",
            ]
            _step("the whole site crawled", lambda: platform.compose(*crawl))
            _step("all of it searchable", lambda: platform.settle(int(_BOOKS) + 1_000))
            _compare("books_toscrape", platform, site_truth(Path(os.environ["BOOKSTREAM_TEST_DATA"])))
        else:
            _say("the whole site is SKIPPED: BOOKSTREAM_TEST_DATA names no folder with it")
        _say(platform.audit())
        before = platform.containers()
        _step("brought up again", lambda: platform.up("--profile", "ml"))
        if platform.containers() != before:
            raise Unavailable("a second `up` made other containers, with nothing changed")


def production(found: Engine) -> None:
    """The production file asks for every secret, and the core comes up with them.

    Raises: Unavailable when it does the one but not the other.
    """
    files = ("docker-compose.yml", "deploy/compose/production.yml")
    given = {name: secrets.token_hex(32) for name in _SECRETS}
    given["BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL"] = "keeper@bookstream.example"
    for name in given:
        lacking = {**_settings(given), name: ""}
        if not Platform(found, "bookstream-lacking", lacking, files).refuses(name):
            raise Unavailable(f"production starts without {name}")
    _say(f"production refuses to start without any of {len(given)} settings")
    with _running(Platform(found, "bookstream-production", _settings(given), files), keep=False) as platform:
        _step("production up and healthy", platform.up)
        platform.export()
        _say("production answers its administrator")
        _step("models and MLflow up and healthy", lambda: platform.up("--profile", "ml"))


@contextmanager
def _running(platform: Platform, *, keep: bool) -> Iterator[Platform]:
    platform.down()
    try:
        yield platform
    except BookstreamError:
        _say(platform.last_words())
        raise
    finally:
        if not keep:
            platform.down()


def _settings(given: dict[str, str]) -> dict[str, str]:
    """Beside what is given: a free port, so that it can run beside another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return {**given, "GATEWAY_PORT": str(probe.getsockname()[1])}


def _site(folder: Path) -> Path | None:
    """The saved pages of the real site, unpacked; None without them."""
    packed = (
        Path(os.environ.get("BOOKSTREAM_TEST_DATA") or ".")
        / "books_toscrape_site/site_mirror_1181_pages.tar.gz"
    )
    if not packed.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(packed) as mirror:
        mirror.extractall(folder, filter="data")
    return folder


def _fetch(url: str) -> list[str]:
    return ["python3", "-c", f"import urllib.request as r; print(r.urlopen('{url}').read().decode())"]


def _compare(source: str, platform: Platform, truth: dict[str, dict[str, object]]) -> None:
    books = [book for book in map(json.loads, platform.export()) if book["source"] == source]
    wrong = differences(books, truth)
    _say(f"{source}: {len(books)} of {len(truth)} books by the gateway, 12 fields, {len(wrong)} differences")
    if wrong:
        raise Unavailable(f"{source} differs from the truth: {wrong[:5]}")


def _step(what: str, act: Callable[[], object]) -> None:
    began = time.monotonic()
    act()
    _say(f"{what} in {time.monotonic() - began:.0f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
