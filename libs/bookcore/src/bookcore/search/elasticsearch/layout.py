"""The alias, the index behind it, and its mapping.

`ALIAS` -> `ALIAS-<fingerprint of the mapping>-<millisecond>`. The alias marks its index as the write index:
the server allows one per alias, so that of two concurrent creations one fails.
"""

import time
from hashlib import sha256
from typing import Any

import orjson
from elasticsearch import ApiError, BadRequestError, NotFoundError

from bookcore.domain.errors import Conflict, Unavailable
from bookcore.search import OutdatedIndex
from bookcore.search.elasticsearch.connection import Connection, read_error
from bookcore.search.text import ANALYSIS_VERSION

Dsl = dict[str, Any]  # JSON as the server's language has it

_TRIES = 5
_READY = "9s"  # less than the client waits
_LONGEST = 8_191  # characters, in UTF-8 at most what one term may have; longer values aren't searchable

_WORDS = {"type": "text", "analyzer": "whitespace", "index_options": "freqs"}
_VALUE = {"type": "keyword", "ignore_above": _LONGEST}
_MAPPINGS: Dsl = {
    "dynamic": "strict",
    "_source": {"includes": ["state"]},  # the words are derived from it
    "properties": {
        "version": {"type": "long", "index": False},
        "tie": {"type": "long", "index": False},
        "deleted": {"type": "boolean"},
        **dict.fromkeys(("title", "authors", "series", "category_words", "description"), _WORDS),
        **dict.fromkeys(("title_grams", "author_grams"), _WORDS),
        **dict.fromkeys(("identifier", "title_key", "popularity", "author", "publisher", "language"), _VALUE),
        **dict.fromkeys(("source", "category", "currency", "availability"), _VALUE),
        "rating": {"type": "byte"},
        "price": {"type": "long"},
        "year": {"type": "integer"},
        "first_seen": {"type": "long"},
        "card": {"type": "keyword", "index": False, "doc_values": False, "store": True},
        "state": {"type": "object", "enabled": False},
    },
}
_SETTINGS: Dsl = {
    "number_of_shards": 1,  # one shard: scores depend on the word frequencies of a shard
    "auto_expand_replicas": "0-1",
    "refresh_interval": "1s",  # explicit: the default stops refreshing an index without searches
}
_MADE_OF = [ANALYSIS_VERSION, _MAPPINGS]
FINGERPRINT = sha256(orjson.dumps(_MADE_OF, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]
"""Changes when documents of this version can't stand in an index of the other."""


def ensure_index(connection: Connection) -> None:
    """Creates index and alias if absent and waits until the index can be searched.

    Raises: Conflict when another version created it, or an index has the alias's name; Unavailable, Invalid.
    """
    alias = connection.address.alias
    with connection.translate_errors():
        if get_index_name(connection, alias) is None:
            create_index(connection, alias)
        _await_shard(connection)
        check_fingerprint(connection, alias)


def get_index_name(connection: Connection, alias: str) -> str | None:
    """The index behind the alias; None without one.

    Raises: Conflict when an index has that name itself, or several share the alias.
    """
    try:
        found = list(connection.client.indices.get(index=alias, filter_path="*.settings.index.uuid"))
    except NotFoundError:
        return None
    if found == [alias] or len(found) > 1:
        raise Conflict(
            f"{alias} must be an alias of one index, but is {', '.join(found)};"
            " name another alias in BOOKSTREAM_SEARCH_URL or delete what isn't Bookstream's"
        )
    return str(found[0]) if found else None


def create_index(connection: Connection, alias: str) -> bool:
    """Creates an index and its alias, both or none; False when the alias exists.

    Raises: the client's errors.
    """
    for _ in range(_TRIES):
        try:
            connection.client.indices.create(
                index=_make_index_name(connection),
                aliases={alias: {"is_write_index": True}},
                mappings={**_MAPPINGS, "_meta": {"bookstream": FINGERPRINT}},
                settings=_SETTINGS,
            )
        except BadRequestError as error:
            if read_error(error)[0] != "resource_already_exists_exception":
                raise
        except ApiError as error:
            if "more than one write index" in read_error(error)[1]:
                return False
            raise
        else:
            return True
    return False


def _await_shard(connection: Connection) -> None:
    """The status alone is not enough: a new index is yellow before its shard has started."""
    ready = connection.client.options(ignore_status=408).cluster.health(
        index=connection.address.alias, wait_for_active_shards=1, timeout=_READY
    )
    if ready["timed_out"]:
        raise Unavailable(f"the shard of {connection.address.display} isn't started ({ready['status']})")


def _make_index_name(connection: Connection) -> str:
    """Unique by millisecond, so that no process mistakes a later index for its own."""
    return f"{connection.address.alias}-{FINGERPRINT}-{time.time_ns() // 1_000_000}"


def check_fingerprint(connection: Connection, alias: str) -> None:
    """Raises: OutdatedIndex when another version made the index behind the alias."""
    found = connection.client.indices.get_mapping(index=alias, filter_path="*.mappings._meta")
    fingerprints = {mapping["mappings"]["_meta"].get("bookstream") for mapping in found.values()}
    if fingerprints != {FINGERPRINT}:
        raise OutdatedIndex(
            f"the search index {connection.address.display} was made by another version;"
            " rebuild it with `bookstream replay --index`"
        )
