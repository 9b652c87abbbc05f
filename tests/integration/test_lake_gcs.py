"""The lake's suite on Google Cloud Storage, and what only that can do wrong."""

from uuid import uuid4

import pytest

from bookcore.domain.errors import Invalid
from bookcore.lake import open_lake, prepare_lake
from bookcore.testing.contracts.lake import LakeContract
from bookcore.testing.proxy import FaultProxy


@pytest.fixture
def bucket(gcs_url: str) -> str:
    """The URL of a bucket that isn't there."""
    return f"gs://t{uuid4().hex}?{gcs_url.partition('?')[2]}"


class TestGcsLake(LakeContract):
    @pytest.fixture
    def url(self, bucket: str) -> str:
        prepare_lake(bucket)
        return bucket


class TestGcsLakeBelowAPrefix(LakeContract):
    @pytest.fixture
    def url(self, bucket: str) -> str:
        prepare_lake(bucket)
        return bucket.replace("?", "/deep/down?")


def test_an_object_of_several_parts_is_whole_and_exclusive(bucket: str) -> None:
    prepare_lake(bucket)
    lake = open_lake(bucket)
    body = bytes(range(256)) * 180_000  # 46 MB: three parts
    assert lake.put("large", body)
    assert not lake.put("large", body[::-1])
    assert lake.get("large") == body
    lake.close()


def test_more_keys_than_a_page_are_listed(bucket: str) -> None:
    prepare_lake(bucket)
    lake = open_lake(bucket)
    keys = [f"page/{number:05d}" for number in range(1_100)]
    lake.put_many(dict.fromkeys(keys, b""))
    assert list(lake.list("page/")) == keys
    lake.close()


def test_creating_a_bucket_twice_changes_nothing(bucket: str) -> None:
    assert prepare_lake(bucket).startswith("made")
    lake = open_lake(bucket)
    lake.put("a", b"1")
    assert prepare_lake(bucket).startswith("kept")
    assert lake.get("a") == b"1"
    lake.close()


def test_a_missing_bucket_is_named_with_the_remedy(bucket: str) -> None:
    with pytest.raises(Invalid, match="make the bucket"):
        open_lake(bucket)


def test_an_object_that_a_cut_response_carries_is_read_whole(bucket: str) -> None:
    prepare_lake(bucket)
    name, _, endpoint = bucket.partition("?endpoint=")
    with FaultProxy(int(endpoint.rpartition(":")[2])) as proxy:
        lake = open_lake(f"{name}?endpoint=http://127.0.0.1:{proxy.port}")
        body = bytes(range(256)) * 4_000
        lake.put("large", body)
        proxy.drop_connections(times=1)
        assert lake.get("large") == body
        lake.close()


def test_a_put_without_an_answer_is_there_once(bucket: str) -> None:
    prepare_lake(bucket)
    name, _, endpoint = bucket.partition("?endpoint=")
    with FaultProxy(int(endpoint.rpartition(":")[2])) as proxy:
        lake = open_lake(f"{name}?endpoint=http://127.0.0.1:{proxy.port}")
        proxy.drop_after(b"the whole body")
        assert lake.put("key", b"the whole body") is False
        assert lake.get("key") == b"the whole body"
        lake.close()
