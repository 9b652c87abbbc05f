"""Bookstream on the real servers: the programs of a laptop, told other addresses."""

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from tests.e2e.laptop import URLS, Laptop

from bookcore.kit.settings import read_settings
from ingestor.migrate import migrate_stores
from ingestor.settings import Settings


@dataclass(frozen=True)
class Addresses:
    """Where the five servers are."""

    kafka: str
    s3: str
    postgresql: str
    elasticsearch: str
    redis: str

    def laptop(self, data: Path, **more: str) -> Laptop:
        """A platform of its own on them: prefix, bucket, schema and alias that nobody else has; prepared.

        The member's name is that of a static one, so that a killed ingestor's successor needn't wait for the
        broker to miss it.
        """
        own = f"t{uuid4().hex[:12]}"
        laptop = Laptop(
            data,
            {
                "BOOKSTREAM_EVENT_LOG_URL": f"{self.kafka}?prefix={own}.&member={own}",
                "BOOKSTREAM_LAKE_URL": f"s3://{own}?{self.s3.partition('?')[2]}",
                "BOOKSTREAM_CATALOGUE_URL": f"{self.postgresql}?schema={own}",
                "BOOKSTREAM_SEARCH_URL": f"{self.elasticsearch.rpartition('/')[0]}/{own}",
                "BOOKSTREAM_CACHE_URL": f"{self.redis}?prefix={own}:",
                "BOOKSTREAM_FRONTIER_URL": f"{self.redis}?prefix={own}:frontier:",
                **{name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
                **more,
            },
        )
        urls = {name: laptop.environment[f"BOOKSTREAM_{name.upper()}"] for name in URLS}
        assert list(migrate_stores(read_settings(Settings, data=data, **urls)))
        return laptop


@pytest.fixture(scope="session")
def addresses(
    kafka_url: str, s3_url: str, postgresql_url: str, elasticsearch_url: str, redis_url: str
) -> Addresses:
    """All five, or the test is skipped."""
    return Addresses(kafka_url, s3_url, postgresql_url, elasticsearch_url, redis_url)
