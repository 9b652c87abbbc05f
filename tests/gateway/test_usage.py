"""What is asked for is counted, whichever way through the gateway it takes."""

import asyncio

import httpx
from tests.gateway.whole import Platform

from bookcore.kit.auth import Role


def test_every_response_is_counted_once_on_every_path(whole: Platform) -> None:
    user_id = whole.register_user("counted@usage.example", Role.EDITOR)
    _, headers = whole.create_key(user_id, "books:read", "books:write")
    with httpx.Client(base_url=whole.address, headers=headers, trust_env=False) as client:
        asked = [
            client.get("/v1/books"),
            client.get("/v1/books"),
            client.head("/v1/books"),
            client.get("/v1/books/shop:none"),
            client.get("/v1/search"),
            client.post("/v1/books", json={}),
            client.get("/v1/books/export"),
            client.delete("/v1/books/shop:none"),
        ]
        assert [answer.status_code for answer in asked] == [200, 200, 200, 404, 403, 422, 200, 404]
        asyncio.run(whole.control.usage.flush())
        shown = client.get("/v1/usage").json()["cells"]
    (key_id,) = {cell["key_id"] for cell in shown}
    assert (sum(c["requests"] for c in shown), sum(c["refused"] for c in shown)) == (8, 4)
    (key,) = whole.control.stores.api_keys.list_keys(user_id)
    assert key.id == key_id
    assert key.last_used_at > 0
