"""The gateway in front of the real services, each a real server on loopback."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from tests.unit.bookml.books import make_books, publish_books
from tests.unit.gateway.servers import ADMIN, create_server, run_server, serve_app
from tests.unit.ml_api.conftest import World, silent

import books_api.app
import books_api.settings
import ml_api.app
import ml_api.settings
import search_api.app
import search_api.settings
from bookcore.catalogue import IngestBatch, Observation, open_catalogue
from bookcore.kit.auth import Role
from bookcore.search import open_search_index
from bookcore.testing.builders import make_book, make_versioned_book
from gateway.accounts import AccountChange
from gateway.accounts.api_keys import NewKey
from gateway.api.dependencies import ApiDependencies
from gateway.app import create_app
from gateway.settings import Settings
from trainer.job import run_job

Headers = dict[str, str]
BOOKS = 25


@dataclass(frozen=True)
class Platform:
    """`address` is the gateway's; accounts are made behind its back, since logging in takes its time."""

    address: str
    settings: Settings
    control: ApiDependencies
    services: dict[str, FastAPI]

    def register_user(self, email: str, role: Role) -> str:
        """The id of a new user."""
        account = self.control.stores.users.create_user(email, "no password", role=role)
        return account.id

    def log_in(self, user_id: str) -> Headers:
        """Headers of a new session."""
        session = self.control.stores.sessions.create_session(user_id)
        role = self.control.stores.users.get_user(user_id).role
        return {"Authorization": f"Bearer {self.control.create_tokens(session, role).access_token}"}

    def create_key(self, user_id: str, *scopes: str) -> tuple[str, Headers]:
        """The id of a new API key, and its headers."""
        key, secret = self.control.stores.api_keys.create_key(
            user_id, NewKey("k", frozenset(scopes), None), max_keys=1_000
        )
        return key.id, {"X-API-Key": secret}

    def promote(self, user_id: str, role: Role) -> None:
        """Give it another role."""
        self.control.stores.users.update_user(user_id, AccountChange(role=role), by="test")


@contextmanager
def run_platform(data: Path) -> Iterator[Platform]:
    """With 25 books u00 to u24 of the source shop, a model of its prices, and the bootstrap administrator."""
    books = books_api.settings.Settings(data=data, books_api_write_wait=0)
    search = search_api.settings.Settings(data=data)
    fill(books.catalogue_url, search.search_url)
    ml = ml_api.settings.Settings(data=data)
    train(ml)
    services = {
        "books-api": books_api.app.create_app(books),
        "search-api": search_api.app.create_app(search),
        "ml-api": ml_api.app.create_app(ml),
    }
    for app in services.values():
        app.openapi()  # FastAPI makes its models when first asked, which several threads must not do at once
    with ExitStack() as stack:
        addresses = {name: stack.enter_context(serve_app(app)) for name, app in services.items()}
        settings = Settings(
            data=data,
            books_api_urls=(addresses["books-api"],),
            search_api_urls=(addresses["search-api"],),
            ml_api_urls=(addresses["ml-api"],),
            bootstrap_admin_email=ADMIN["email"],
            bootstrap_admin_password=ADMIN["password"],
            gateway_requests_per_minute=1_000_000,
            gateway_anonymous_per_minute=1_000_000,
            gateway_logins_per_address=1_000,
        )
        app = create_app(settings)
        app.openapi()
        address = stack.enter_context(run_server(create_server(app)))
        yield Platform(address, settings, app.state.control, services)


def train(settings: ml_api.settings.Settings) -> None:
    """A price model of the source shop."""
    stores = World(settings).stores()
    publish_books(stores.log, make_books(260, signal=True, source="shop"))
    run_job(stores, "shop", on_progress=silent)
    stores.lake.close()
    stores.log.close()


def fill(catalogue_url: str, search_url: str) -> None:
    """25 books into catalogue and index."""
    catalogue = open_catalogue(catalogue_url)
    books = [make_book(f"u{n:02d}", price=f"{10 + n}.00", title=f"Book {n % 7}") for n in range(BOOKS)]
    seen = [Observation(book.id, book, n + 1, "e") for n, book in enumerate(books)]
    catalogue.apply_batch(IngestBatch("elsewhere", 0, 0, BOOKS, "lake/0", seen))
    catalogue.close()
    index = open_search_index(search_url, writable=True)
    index.put([make_versioned_book(f"u{n:02d}") for n in range(BOOKS)])
    index.close()
