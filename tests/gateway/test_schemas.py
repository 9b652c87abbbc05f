"""Schemathesis on every service and the gateway: no answer of 5xx, nothing taken that the schema forbids."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.gateway.whole import Headers, Platform

from bookcore.kit.auth import HEADER, Identity, InternalTokens, Role, Scope
from bookcore.kit.openapi import list_operations

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
ENDS_THE_SESSION = ("logout", "logout_everywhere", "distrust_signing_key")
EXAMPLES = {"books-api": 20, "search-api": 20, "ml-api": 20, "gateway": 6}


class ShiftedClock:
    """A clock whose internal tokens outlive the test."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=1)

    def monotonic(self) -> float:
        return time.monotonic()


def build_headers(whole: Platform, service: str) -> Headers:
    if service == "gateway":
        return whole.log_in(whole.register_user("schemathesis@schemas.example", Role.ADMIN))
    tokens = InternalTokens(whole.settings.internal_secret.get_secret_value(), clock=ShiftedClock())
    return {HEADER: tokens.sign(Identity("u", Role.ADMIN, frozenset(Scope)))}


def find_address(whole: Platform, service: str) -> str:
    known = {
        "books-api": whole.settings.books_api_urls[0],
        "search-api": whole.settings.search_api_urls[0],
        "ml-api": whole.settings.ml_api_urls[0],
    }
    return known.get(service, whole.address)


def write_document(address: str, path: Path) -> None:
    """As served, less API keys: invented ones beside a good token would only be refused."""
    document = httpx.get(f"{address}/openapi.json", trust_env=False).json()
    document["components"].get("securitySchemes", {}).pop("apiKey", None)
    for item in document["paths"].values():
        for operation in list_operations(item).values():
            operation["security"] = [one for one in operation.get("security", []) if "apiKey" not in one]
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("service", EXAMPLES)
def test_schemathesis_finds_no_violation_of_the_openapi_document(
    whole: Platform, service: str, tmp_path: Path
) -> None:
    write_document(find_address(whole, service), tmp_path / "openapi.json")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(tmp_path / "openapi.json")),
        *("--url", find_address(whole, service)),
        *("--phases", "examples,coverage,fuzzing,stateful", "--checks", ",".join(CHECKS)),
        *("--max-examples", str(EXAMPLES[service]), "--seed", "1", "--workers", "1", "--no-shrink"),
        *("--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure"),
    ]
    for name, value in build_headers(whole, service).items():
        command += ["--header", f"{name}: {value}"]
    for name in ENDS_THE_SESSION:
        command += ["--exclude-operation-id", name]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
