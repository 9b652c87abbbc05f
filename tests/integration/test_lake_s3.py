"""The lake's suite on S3, and what only S3 can do wrong."""

from uuid import uuid4

import pytest

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.lake import open_lake, prepare_lake
from bookcore.testing.contracts.lake import LakeContract


@pytest.fixture
def bucket(s3_url: str) -> str:
    """The URL of a bucket that isn't there."""
    return f"s3://t{uuid4().hex}?{s3_url.partition('?')[2]}"


class TestS3Lake(LakeContract):
    @pytest.fixture
    def url(self, bucket: str) -> str:
        prepare_lake(bucket)
        return bucket


class TestS3LakeBelowAPrefix(LakeContract):
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


def test_wrong_credentials_are_told(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_lake(bucket)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Invalid, match="AWS_SECRET_ACCESS_KEY") as caught:
        open_lake(bucket)
    assert "wrong" not in str(caught.value)


def test_missing_credentials_are_an_error_with_the_remedy(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Invalid, match="set AWS_ACCESS_KEY_ID"):
        open_lake(bucket)


def test_an_unreachable_endpoint_is_named(bucket: str) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 .*BOOKSTREAM_LAKE_URL"):
        open_lake(f"{bucket.partition('?')[0]}?endpoint=http://127.0.0.1:9")


@pytest.mark.parametrize("url", ["s3://", "s3://bucket?endpont=x"])
def test_a_url_that_cannot_be_right_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_LAKE_URL"):
        open_lake(url)
