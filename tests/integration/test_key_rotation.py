"""The signing key is rotated under load at a gateway of two workers: tokens old and new are good at both."""

import json
from base64 import urlsafe_b64encode
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import httpx
from tests.integration.test_gateway import run_processes, service
from tests.unit.gateway.servers import ADMIN

__all__ = ["service"]
ROTATIONS = 30


def read_cache_status(redis_url: str) -> str:
    return f"{redis_url}?prefix=t{uuid4().hex}:"


def build_headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Connection": "close"}


class Person(Thread):
    """Gets new tokens without pause, shows each, and an older one, on new connections: to either worker."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._client = httpx.Client(base_url=address, trust_env=False, timeout=30)
        self._pair = self._client.post("/v1/auth/login", json=ADMIN).json()
        self.is_over = False
        self.count, self.failed = 0, list[str]()

    def run(self) -> None:
        """Until it is over."""
        with closing(self._client):
            while not self.is_over:
                old = self._pair["access_token"]
                body = {"refresh_token": self._pair["refresh_token"]}
                self._pair = self._asked("POST", "/v1/auth/refresh", json=body).json()
                for token in (self._pair["access_token"], old, self._pair["access_token"]):
                    self._asked("GET", "/v1/books", headers=build_headers(token))

    def _asked(self, method: str, path: str, **more: object) -> httpx.Response:
        answer = self._client.request(method, path, **more)  # type: ignore[arg-type]  # as httpx says
        self.count += 1
        if answer.status_code != 200:
            self.failed.append(f"{method} {path}: {answer.text}")
        return answer


class Forger(Thread):
    """Shows tokens of keys that nobody has."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.is_over = False
        self.statuses: set[int] = set()

    def run(self) -> None:
        """Until it is over."""
        with httpx.Client(base_url=self._address, trust_env=False, timeout=30) as client:
            while not self.is_over:
                head = {"alg": "EdDSA", "typ": "at+jwt", "kid": uuid4().hex}
                token = f"{urlsafe_b64encode(json.dumps(head).encode()).rstrip(b'=').decode()}.e30.AA"
                self.statuses.add(client.get("/v1/books", headers=build_headers(token)).status_code)


def test_valid_tokens_are_accepted_during_key_rotation_and_forged_ones_refused(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    with run_processes(tmp_path, service, read_cache_status(redis_url)) as (address, _):
        with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
            root = build_headers(client.post("/v1/auth/login", json=ADMIN).json()["access_token"])
            people, forger = [Person(address) for _ in range(3)], Forger(address)
            threads: list[Person | Forger] = [*people, forger]
            for each in threads:
                each.start()
            kids = []
            for _ in range(ROTATIONS):
                kids.append(client.post("/v1/admin/signing-keys", headers=root).json()["kid"])
                Event().wait(0.1)
            for each in threads:
                each.is_over = True
                each.join()
        assert [failure for person in people for failure in person.failed] == []
        assert all(person.count > ROTATIONS for person in people)
        assert forger.statuses == {401}
        assert len(set(kids)) == ROTATIONS


def test_distrusted_key_is_rejected_by_all_workers(tmp_path: Path, service: str, redis_url: str) -> None:
    with (
        run_processes(tmp_path, service, read_cache_status(redis_url)) as (address, _),
        httpx.Client(base_url=address, trust_env=False, timeout=30) as client,
    ):

        def statuses(token: str) -> set[int]:
            return {client.get("/v1/books", headers=build_headers(token)).status_code for _ in range(20)}

        victim, root = (client.post("/v1/auth/login", json=ADMIN).json()["access_token"] for _ in range(2))
        assert statuses(victim) == {200}
        kid = client.get("/.well-known/jwks.json").json()["keys"][0]["kid"]
        gone = client.delete(f"/v1/admin/signing-keys/{kid}", headers=build_headers(root))
        assert gone.status_code == 204, gone.text
        assert statuses(victim) == statuses(root) == {401}
        new = client.post("/v1/auth/login", json=ADMIN).json()["access_token"]
        assert statuses(new) == {200}
