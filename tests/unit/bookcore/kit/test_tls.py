"""Options of TLS in URLs: what is refused before any server is asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bookcore.cache import open_cache
from bookcore.domain.errors import Invalid
from bookcore.event_log import open_event_log
from bookcore.event_log.kafka.address import parse_address
from bookcore.lake import open_lake
from bookcore.search import open_search_index
from bookml.online import open_online_store
from scraper.fleet.control import open_fleet
from scraper.frontier import CrawlLimits, open_frontier

Open = Callable[[str], object]
SECURE: dict[str, tuple[Open, str]] = {
    "event log": (open_event_log, "kafka://127.0.0.1:1?security=SSL&"),
    "cache": (open_cache, "rediss://127.0.0.1:1/0?"),
    "frontier": (lambda url: open_frontier(url, "shop", CrawlLimits()), "rediss://127.0.0.1:1/0?"),
    "fleet": (open_fleet, "rediss://127.0.0.1:1/0?"),
    "features": (open_online_store, "rediss://127.0.0.1:1/0?"),
    "search index": (open_search_index, "elasticsearch+https://127.0.0.1:1/books?"),
    "lake": (open_lake, "s3://bucket?endpoint=https://127.0.0.1:1&"),
    "lake of Google": (open_lake, "gs://bucket?endpoint=https://127.0.0.1:1&"),
}
PLAIN = {
    "event log": "kafka://127.0.0.1:1?security=PLAINTEXT&",
    "search index": "elasticsearch://127.0.0.1:1/books?",
    "lake": "s3://bucket?endpoint=http://127.0.0.1:1&",
    "lake of Google": "gs://bucket?endpoint=http://127.0.0.1:1&",
}


@pytest.mark.parametrize(("act", "url"), SECURE.values(), ids=SECURE)
def test_authority_that_is_no_certificate_is_refused_by_its_path(act: Open, url: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=rf"cafile {tmp_path}/gone can't be used \(No such file or directory\)"):
        act(f"{url}cafile={tmp_path}/gone")
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(Invalid, match=r"ca\.pem can't be used .*give a certificate in PEM"):
        act(f"{url}cafile={tmp_path}/ca.pem")


@pytest.mark.parametrize(("name", "act"), [(name, act) for name, (act, _) in SECURE.items()], ids=SECURE)
def test_authority_without_tls_is_refused(name: str, act: Open) -> None:
    with pytest.raises(Invalid, match="has cafile but no TLS"):
        act(f"{PLAIN.get(name, 'redis://127.0.0.1:1/0?')}cafile=/ca.pem")


def test_client_key_needs_its_certificate(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="has a keyfile but no certfile; give both"):
        open_cache("rediss://127.0.0.1:1/0?keyfile=/key.pem")
    with pytest.raises(Invalid, match=r"certfile .*/gone and keyfile /key\.pem can't be used"):
        open_cache(f"rediss://127.0.0.1:1/0?certfile={tmp_path}/gone&keyfile=/key.pem")


@pytest.mark.parametrize(
    ("url", "security"),
    [
        ("kafka://h:9092", "PLAINTEXT"),
        ("kafka://u:p@h:9092", "SASL_PLAINTEXT"),
        ("kafka://u:p@h:9092?cafile=/ca", "SASL_SSL"),
        ("kafka://h:9092?cafile=/ca&certfile=/c&keyfile=/k", "SSL"),
        ("kafka://h:9092?security=SSL", "SSL"),
    ],
)
def test_kafka_uses_tls_where_its_files_are_named(url: str, security: str) -> None:
    assert parse_address(url).security == security


def test_unknown_security_of_kafka_is_refused() -> None:
    with pytest.raises(Invalid, match="knows no security 'TLS'; use one of PLAINTEXT, SASL_PLAINTEXT, SSL"):
        parse_address("kafka://h:9092?security=TLS")
