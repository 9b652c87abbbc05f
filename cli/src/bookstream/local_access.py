"""Access to the gateway of a data folder: its address, the administrator's token, and a lasting API key."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookstream.local_secrets import load_local_secrets

_ADDRESS_FILE, _KEY_FILE = "gateway.url", "api-key"
_METRICS_FILE = "metrics-targets.json"
_SECONDS = 10
_SCOPES = ["books:read", "search", "ml", "analytics"]
_KEY = {"name": "bookstream on this machine", "scopes": _SCOPES, "days": None}
"""Reads everything, for as long as the data folder exists."""


@contextmanager
def publish_address(data: Path, url: str) -> Iterator[None]:
    """Writes the gateway's address into the data folder until the end of the block."""
    file = data / _ADDRESS_FILE
    file.write_text(url)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def publish_metrics(data: Path, ports: Mapping[str, int]) -> Iterator[None]:
    """Lists the processes for Prometheus (file_sd) in the data folder until the end of the block."""
    file = data / _METRICS_FILE
    listed = [{"targets": [f"127.0.0.1:{port}"], "labels": {"job": job}} for job, port in ports.items()]
    file.write_text(json.dumps(listed, indent=1))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_address(data: Path) -> str:
    """The address of the gateway that runs on the data folder.

    Raises: Unavailable when none runs.
    """
    try:
        return (data / _ADDRESS_FILE).read_text()
    except FileNotFoundError as error:
        raise Unavailable(f"no gateway runs on {data}; start one with `bookstream up`") from error


def log_in(url: str, data: Path) -> str:
    """An access token of the first administrator.

    Raises: Unavailable when the gateway doesn't issue one.
    """
    secrets = load_local_secrets(data)
    body = {"email": secrets.admin_email, "password": secrets.admin_password}
    try:
        return str(_post_json(f"{url}/v1/auth/login", body, {})["access_token"])
    except OSError as error:
        log = data / "logs" / "gateway.log"
        raise Unavailable(f"the gateway issued no access token ({error}); see {log}") from error


def load_api_key(url: str, data: Path) -> str:
    """The data folder's API key; another one where there is none or the gateway refuses it.

    Raises: Unavailable when the gateway doesn't create one.
    """
    file = data / "keys" / _KEY_FILE
    if file.exists() and _is_accepted(url, key := file.read_text()):
        return key
    try:
        headers = {"Authorization": f"Bearer {log_in(url, data)}"}
        key = str(_post_json(f"{url}/v1/keys", _KEY, headers)["secret"])
    except OSError as error:
        raise Unavailable(f"the gateway created no API key ({error})") from error
    staged = file.with_suffix(f".{os.getpid()}")
    staged.touch(mode=0o600)
    staged.write_text(key)
    staged.replace(file)
    return key


def _is_accepted(url: str, key: str) -> bool:
    request = urllib.request.Request(f"{url}/v1/users/me", headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - our own loopback URL
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - the same
            return bool(response.status == 200)
    except OSError:
        return False


def _post_json(url: str, body: Mapping[str, object], headers: Mapping[str, str]) -> dict[str, object]:
    """Raises: OSError."""
    request = urllib.request.Request(  # noqa: S310 - our own loopback URL
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - the same
        answer: dict[str, object] = json.load(response)
    return answer
