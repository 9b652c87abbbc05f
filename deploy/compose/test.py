"""`make test-compose`: builds the images, runs docker-compose.yml, crawls through it and compares the books.

`python -m deploy.compose.test [--keep]`. All files are below .stack/compose and in a Compose project of its
own, so that it runs beside other projects and again after a failure. One line per step; on failure the last
log lines of every unhealthy container.
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

from deploy.compose.compared import compare_books, load_site_truth, parse_shop_truth
from deploy.compose.demo import build_demo, run_demo
from deploy.compose.engine import Engine, open_engine
from deploy.compose.project import ComposeProject
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
    """Returns 0, or 1 with one line about the failure."""
    parser = ArgumentParser(description="Run docker-compose.yml for real.")
    parser.add_argument(
        "--keep", action="store_true", help="leave the development platform up, with its engine"
    )
    options = parser.parse_args()
    began = time.monotonic()
    try:
        with open_engine(_FOLDER / "docker") as found:
            provide(found, _print)
            test_development(found, keep=options.keep)
            test_production(found)
            _run_step("demo image built", lambda: build_demo(found))
            _print(run_demo(found))
    except BookstreamError as error:
        _print(f"FAILED: {error}")
        return 1
    _print(f"passed in {time.monotonic() - began:.0f} s")
    return 0


def test_development(found: Engine, *, keep: bool) -> None:
    """Starts the core, then the profile `full`, then crawls the saved site.

    Raises: Unavailable when a container does not start or a book differs.
    """
    site = _unpack_site(_FOLDER / "site")
    given = {
        "SAMPLE_SHOP_BOOKS": _BOOKS,
        "BOOKSTREAM_SCRAPER_HOST_RATE": "200",
        "BOOKSTREAM_REGISTRY_URL": "mlflow+http://mlflow:5000",
        "MIRROR_FOLDER": str(site or _FOLDER),
    }
    files = ("docker-compose.yml", *(["deploy/compose/mirror.yml"] if site else []))
    with _start_project(
        ComposeProject(found, "bookstream-test", _build_settings(given), files), keep=keep
    ) as platform:
        _run_step(
            "images of every service built",
            lambda: platform.compose("--profile", "full", "--profile", "tools", "build"),
        )
        _run_step("core and MLflow up and healthy", lambda: platform.start("--profile", "ml"))
        platform.check_limits()
        _run_step("full up and healthy", lambda: platform.start("--profile", "ml", "--profile", "full"))
        _run_step("the sample shop crawled by the fleet", lambda: platform.await_books(int(_BOOKS)))
        _compare(
            "sample_shop",
            platform,
            parse_shop_truth(platform.compose("exec", "-T", "sample-shop", *_build_fetch_command(_SHOP))),
        )
        _print(platform.train("sample_shop"))
        if site:
            _crawl_site(platform)
        else:
            _print("the whole site is SKIPPED: BOOKSTREAM_TEST_DATA names no folder with it")
        _print(platform.audit())
        before = platform.list_containers()
        _run_step("brought up again", lambda: platform.start("--profile", "ml"))
        if platform.list_containers() != before:
            raise Unavailable("a second `up` made other containers, with nothing changed")


def _crawl_site(platform: ComposeProject) -> None:
    command = ["run", "--rm", "-T", "scraper", "crawl", "books_toscrape", "--url", "http://mirror:8000/"]
    _run_step("the whole site crawled", lambda: platform.compose(*command))
    _run_step("all of it searchable", lambda: platform.await_books(int(_BOOKS) + 1_000))
    _compare("books_toscrape", platform, load_site_truth(Path(os.environ["BOOKSTREAM_TEST_DATA"])))


def test_production(found: Engine) -> None:
    """Production requires every secret and starts with them.

    Raises: Unavailable otherwise.
    """
    files = ("docker-compose.yml", "deploy/compose/production.yml")
    given = {name: secrets.token_hex(32) for name in _SECRETS}
    given["BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL"] = "keeper@bookstream.example"
    for name in given:
        lacking = {**_build_settings(given), name: ""}
        if not ComposeProject(found, "bookstream-lacking", lacking, files).is_rejected_by(name):
            raise Unavailable(f"production starts without {name}")
    _print(f"production refuses to start without any of {len(given)} settings")
    with _start_project(
        ComposeProject(found, "bookstream-production", _build_settings(given), files), keep=False
    ) as platform:
        _run_step("production up and healthy", platform.start)
        platform.export()
        _print("production answers its administrator")
        _run_step("models and MLflow up and healthy", lambda: platform.start("--profile", "ml"))


@contextmanager
def _start_project(platform: ComposeProject, *, keep: bool) -> Iterator[ComposeProject]:
    platform.remove()
    try:
        yield platform
    except BookstreamError:
        _print(platform.read_failed_logs())
        raise
    finally:
        if not keep:
            platform.remove()


def _build_settings(given: dict[str, str]) -> dict[str, str]:
    """The given settings and a free port for the gateway."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return {**given, "GATEWAY_PORT": str(probe.getsockname()[1])}


def _unpack_site(folder: Path) -> Path | None:
    """The saved pages of the real site, unpacked; None without them."""
    packed = (
        Path(os.environ.get("BOOKSTREAM_TEST_DATA") or ".")
        / "books_toscrape_site/site_mirror_1181_pages.tar.gz"
    )
    if not packed.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(packed) as mirror:
        mirror.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 or newer
        mirror.extractall(folder)  # noqa: S202 - our own archive, filtered
    return folder


def _build_fetch_command(url: str) -> list[str]:
    return ["python3", "-c", f"import urllib.request as r; print(r.urlopen('{url}').read().decode())"]


def _compare(source: str, platform: ComposeProject, truth: dict[str, dict[str, object]]) -> None:
    books = [book for book in map(json.loads, platform.export()) if book["source"] == source]
    wrong = compare_books(books, truth)
    _print(
        f"{source}: {len(books)} of {len(truth)} books by the gateway, 12 fields, {len(wrong)} differences"
    )
    if wrong:
        raise Unavailable(f"{source} differs from the truth: {wrong[:5]}")


def _run_step(what: str, act: Callable[[], object]) -> None:
    began = time.monotonic()
    act()
    _print(f"{what} in {time.monotonic() - began:.0f} s")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
