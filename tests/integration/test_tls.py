"""Every port over TLS with verification, and what a wrong certificate, authority or server is answered with.

Kafka, Elasticsearch and the S3 gateway run a second time with certificates of the tests. The packages of
PostgreSQL and Valkey are built without TLS: they are behind a front that has it.
"""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import pytest
from sqlalchemy import make_url
from tests.contract.online import LAMP
from tests.integration.certificates import HOST, Authority, Pair
from tests.integration.servers import SKIPPED
from tests.integration.tls_front import serve_tls

from bookcore.cache import open_cache
from bookcore.catalogue import open_catalogue, prepare_catalogue
from bookcore.domain.errors import Unavailable
from bookcore.event_log import open_event_log
from bookcore.events.message import Message
from bookcore.events.topics import OBSERVED
from bookcore.lake import open_lake
from bookcore.search import SearchQuery, open_search_index
from bookcore.testing.builders import make_book, make_versioned_book
from bookcore.testing.contracts.catalogue import get, ingest, observe
from bookcore.testing.contracts.event_log import compute_next_positions, drain
from bookml.online import open_online_store
from devstack.home import StackHome, ensure_account, open_home
from devstack.kafka_tls import MUTUAL_PORT_OFFSET
from devstack.stack import Stack
from gateway.accounts.database import open_database
from scraper.fleet.control import open_fleet
from scraper.frontier import CrawlLimits, open_frontier

SERVERS = ("kafka", "versitygw", "elasticsearch")


@dataclass(frozen=True)
class SecureStack:
    """Addresses by setting, and the files of the authority."""

    exports: Mapping[str, str]
    authority: Authority
    client: Pair


def find_port(url: str) -> int:
    """The port of the server, or of an S3 URL's endpoint."""
    found = re.search(r":(\d+)(?=[/?&]|$)", url)
    assert found
    return int(found[1])


@pytest.fixture(scope="module")
def secure(postgresql_url: str, redis_url: str, s3_url: str) -> Iterator[SecureStack]:
    """The servers with TLS, in a folder of their own.

    `s3_url` puts its credentials into the environment for the whole session, so it runs before the
    environment is changed here and restored.
    """
    assert s3_url
    installed = open_home()
    for status in Stack(installed).list_status(SERVERS):
        if not status.is_installed:
            pytest.skip(f"{SKIPPED}{status.server.name} with TLS; run `bookstream stack up`")
    folder = Path(mkdtemp(prefix="bookstream-tls-"))
    folder.chmod(0o755)
    (folder / "programs").symlink_to(installed.path / "programs")
    for name in ("data", "logs"):
        (folder / name).mkdir()
    authority = Authority(folder / "certificates")
    server, client = authority.issue("server"), authority.issue("client")
    ensure_account().chown(authority.folder)
    stack = Stack(StackHome(folder), certificates=authority.folder)
    with ExitStack() as closing_all, pytest.MonkeyPatch.context() as environment:
        closing_all.callback(shutil.rmtree, folder, ignore_errors=True)
        closing_all.callback(stack.stop, SERVERS, now=True)
        exports = dict(stack.start(SERVERS))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, exports[name])
        for wanted, plain in (("CATALOGUE", postgresql_url), ("CACHE", redis_url), ("FRONTIER", redis_url)):
            front = serve_tls(server, target=find_port(plain), is_postgresql=wanted == "CATALOGUE")
            port = closing_all.enter_context(front)
            exports[f"BOOKSTREAM_{wanted}_URL"] = build_secure_url(plain, port, authority)
        yield SecureStack(exports, authority, client)


def build_secure_url(plain: str, port: int, authority: Authority) -> str:
    """The URL of a server that is behind a front at this port."""
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
    url = make_url(plain).set(host=HOST, port=port)
    if url.drivername == "redis":
        url, verified = url.set(drivername="rediss"), {"cafile": str(authority.file)}
    return url.update_query_dict(verified).render_as_string(hide_password=False).replace("%2F", "/")


def build_mutual_url(secure: SecureStack) -> str:
    """The listener of Kafka that asks for a certificate."""
    port = find_port(secure.exports["BOOKSTREAM_EVENT_LOG_URL"]) + MUTUAL_PORT_OFFSET
    files = f"cafile={secure.authority.file}&certfile={secure.client.certificate}&keyfile={secure.client.key}"
    return f"kafka://{HOST}:{port}?{files}"


@pytest.mark.parametrize("login", ["scram", "certificate"])
def test_event_log_over_tls_passes_messages(secure: SecureStack, login: str) -> None:
    url = secure.exports["BOOKSTREAM_EVENT_LOG_URL"] if login == "scram" else build_mutual_url(secure)
    assert "SASL_SSL" not in url, "the files alone are enough to choose TLS"
    with closing(open_event_log(f"{url}&prefix={login}.")) as log:
        log.declare_topics()
        log.append(OBSERVED.name, [Message("k", b"over TLS")])
        with closing(log.create_consumer("g", [OBSERVED.name])) as consumer:
            records = drain(consumer, want=1)
            consumer.commit(compute_next_positions(records))
        assert [record.value for record in records] == [b"over TLS"]
        assert sum(p.lag for p in log.read_progress(OBSERVED.name, "g")) == 0
        assert log.delete_group("g") is True


def test_cache_over_tls_keeps_values(secure: SecureStack) -> None:
    async def pass_value() -> bytes | None:
        cache = open_cache(f"{secure.exports['BOOKSTREAM_CACHE_URL']}&prefix=tls:")
        await cache.set("k", b"over TLS", ttl=60)
        value = await cache.get("k")
        await cache.close()
        return value

    assert asyncio.run(pass_value()) == b"over TLS"


def test_frontier_fleet_and_features_over_tls_answer(secure: SecureStack) -> None:
    url = secure.exports["BOOKSTREAM_FRONTIER_URL"]
    with closing(open_frontier(f"{url}&prefix=tls:", "shop", CrawlLimits())) as frontier:
        run = frontier.begin_run(site="http://shop/", extractor="1", now=datetime.now(UTC))
        assert run.number == 1
    with closing(open_fleet(f"{url}&prefix=tls:")) as fleet:
        assert fleet.read_source("shop").source == "shop"
    with closing(open_online_store(url)) as store:
        store.put([LAMP])
        assert store.get([LAMP.id]) == {LAMP.id: LAMP}


def test_catalogue_over_tls_stores_books(secure: SecureStack) -> None:
    url = f"{secure.exports['BOOKSTREAM_CATALOGUE_URL']}&schema=t{uuid4().hex}"
    prepare_catalogue(url)
    with closing(open_catalogue(url)) as catalogue:
        ingest(catalogue, [observe(make_book(), version=5)])
        assert get(catalogue, make_book().id).version == 5


def test_accounts_over_tls_are_readable(secure: SecureStack, new_database: str) -> None:
    own = make_url(secure.exports["BOOKSTREAM_CATALOGUE_URL"]).set(database=make_url(new_database).database)
    with closing(open_database(own.render_as_string(hide_password=False))) as database:
        database.check_connection()


def test_search_index_over_tls_finds_books(secure: SecureStack) -> None:
    stored = make_versioned_book("u1", version=5)
    with closing(open_search_index(secure.exports["BOOKSTREAM_SEARCH_URL"], writable=True)) as index:
        index.put([stored])
        assert [hit.book for hit in index.search(SearchQuery("lamp")).hits] == [stored]


def test_lake_over_tls_keeps_objects(secure: SecureStack) -> None:
    with closing(open_lake(secure.exports["BOOKSTREAM_LAKE_URL"])) as lake:
        assert lake.put("tls/object", b"over TLS")
        assert lake.get("tls/object") == b"over TLS"


OPENED: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "event log": ("BOOKSTREAM_EVENT_LOG_URL", open_event_log),
    "cache": ("BOOKSTREAM_CACHE_URL", open_cache),
    "frontier": ("BOOKSTREAM_FRONTIER_URL", lambda url: open_frontier(url, "shop", CrawlLimits())),
    "catalogue": ("BOOKSTREAM_CATALOGUE_URL", open_catalogue),
    "accounts": ("BOOKSTREAM_CATALOGUE_URL", open_database),
    "search index": ("BOOKSTREAM_SEARCH_URL", open_search_index),
    "lake": ("BOOKSTREAM_LAKE_URL", open_lake),
}
EVERY_PORT = pytest.mark.parametrize(("setting", "act"), OPENED.values(), ids=OPENED)


@EVERY_PORT
def test_server_of_another_authority_is_refused(
    secure: SecureStack, setting: str, act: Callable[[str], object], tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    with pytest.raises(Unavailable, match="is not of a trusted authority"):
        act(secure.exports[setting].replace(str(secure.authority.file), str(other.file)))


@EVERY_PORT
def test_server_of_another_host_name_is_refused(
    secure: SecureStack, setting: str, act: Callable[[str], object]
) -> None:
    with pytest.raises(Unavailable, match="its certificate is of another host name"):
        act(secure.exports[setting].replace(f"{HOST}:", "localhost:"))


@EVERY_PORT
def test_server_with_an_expired_certificate_is_refused(
    secure: SecureStack, setting: str, act: Callable[[str], object]
) -> None:
    expired, url = secure.authority.issue("expired", days=-1), secure.exports[setting]
    is_postgresql = setting == "BOOKSTREAM_CATALOGUE_URL"
    with (
        serve_tls(expired, is_postgresql=is_postgresql) as port,
        pytest.raises(Unavailable, match="its certificate has expired"),
    ):
        act(url.replace(f":{find_port(url)}", f":{port}"))


PLAIN = {
    "BOOKSTREAM_EVENT_LOG_URL": "kafka_url",
    "BOOKSTREAM_CACHE_URL": "redis_url",
    "BOOKSTREAM_FRONTIER_URL": "redis_url",
    "BOOKSTREAM_CATALOGUE_URL": "postgresql_url",
    "BOOKSTREAM_SEARCH_URL": "elasticsearch_url",
    "BOOKSTREAM_LAKE_URL": "s3_url",
}


@EVERY_PORT
def test_server_without_tls_is_refused(
    secure: SecureStack, setting: str, act: Callable[[str], object], request: pytest.FixtureRequest
) -> None:
    url, port = secure.exports[setting], find_port(request.getfixturevalue(PLAIN[setting]))
    with pytest.raises(Unavailable, match=r"it does not speak TLS|it breaks off TLS"):
        act(url.replace(f":{find_port(url)}", f":{port}"))


def test_client_without_a_certificate_is_refused(secure: SecureStack) -> None:
    url = build_mutual_url(secure).partition("&")[0]
    with pytest.raises(Unavailable, match="certificate"):
        open_event_log(url)
