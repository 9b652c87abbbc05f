"""The gateway of the unit tests, in front of the same stub services, without limits."""

from pathlib import Path

import pytest
from tests.unit.gateway.conftest import SwitchableApp, gate, services, stage
from tests.unit.gateway.servers import ADMIN

from gateway.settings import Settings

__all__ = ["gate", "services", "stage"]
_MANY = 1_000_000_000


@pytest.fixture
def settings(tmp_path: Path, stage: tuple[SwitchableApp, str]) -> Settings:
    return Settings(
        data=tmp_path,
        books_api_urls=(stage[1],),
        search_api_urls=(stage[1],),
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
        gateway_body_bytes=1_000,
        gateway_requests_per_minute=_MANY,
        gateway_requests_per_day=_MANY,
        gateway_requests_per_month=_MANY,
        gateway_anonymous_per_minute=_MANY,
        gateway_address_requests_per_minute=0,
        gateway_logins_per_address=_MANY,
    )
