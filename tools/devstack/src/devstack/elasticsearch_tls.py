"""Elasticsearch over HTTPS, with one user of its file of users."""

import os
import shutil
from base64 import b64encode
from hashlib import pbkdf2_hmac
from pathlib import Path

from devstack.server import Instance

USER = "bookstream"
_ROUNDS = 10_000
_SECURITY = """xpack.security.enabled: true
xpack.security.enrollment.enabled: false
xpack.security.autoconfiguration.enabled: false
xpack.security.transport.ssl.enabled: false
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.certificate: server.pem
xpack.security.http.ssl.key: server.key
"""


def write_security(here: Instance, settings: Path) -> str:
    """Files in the folder of settings, where alone they may be; returns lines of the configuration."""
    shutil.copyfile(here.certificate, settings / "server.pem")
    shutil.copyfile(here.key, settings / "server.key")
    (settings / "users").write_text(f"{USER}:{_hash_password(here.password)}\n")
    (settings / "users_roles").write_text(f"superuser:{USER}\n")
    return _SECURITY


def build_login(here: Instance) -> str:
    """The header of a request."""
    return f"Authorization: Basic {b64encode(f'{USER}:{here.password}'.encode()).decode()}\r\n"


def _hash_password(password: str) -> str:
    salt = os.urandom(32)
    digest = pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS, 32)
    return f"{{PBKDF2}}{_ROUNDS}${b64encode(salt).decode()}${b64encode(digest).decode()}"
