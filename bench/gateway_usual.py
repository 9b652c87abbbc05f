"""The gateway as it is usually written: FastAPI, redis-py, PyJWT and httpx, each as its documentation shows.

Started with `uvicorn bench.gateway_usual:app`; reads JWKS, REDIS and SERVICE from the environment.
"""

import json
import os
from typing import Annotated, Any
from uuid import uuid4

import httpx
import jwt
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from redis.asyncio import Redis

app = FastAPI()
redis = Redis.from_url(os.environ.get("REDIS", "redis://127.0.0.1"))
client = httpx.AsyncClient(base_url=os.environ.get("SERVICE", "http://127.0.0.1"), trust_env=False)
keys = {k["kid"]: jwt.PyJWK(k).key for k in json.loads(os.environ.get("JWKS", '{"keys":[]}'))["keys"]}
QUOTA = 1_000_000_000


def authenticate(request: Request) -> str:
    """Verifies the token; returns the user."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        kid = jwt.get_unverified_header(token)["kid"]
        claims: dict[str, Any] = jwt.decode(  # Any: JSON
            token, keys[kid], algorithms=["EdDSA"], audience="bookstream", issuer="bookstream-gateway"
        )
    except (jwt.InvalidTokenError, KeyError) as error:
        raise HTTPException(401) from error
    return str(claims["sub"])


async def check_limit(who: Annotated[str, Depends(authenticate)]) -> str:
    """Counts requests in a fixed window."""
    async with redis.pipeline() as pipe:
        pipe.incr(f"usual:{who}")
        pipe.expire(f"usual:{who}", 60)
        count, _ = await pipe.execute()
    if count > QUOTA:
        raise HTTPException(429)
    return who


@app.get("/v1/{path:path}")
async def read(path: str, request: Request, who: Annotated[str, Depends(check_limit)]) -> Response:
    """Reads from the cache, else from the service; searches are not cached."""
    key = f"usual:{request.url.path}?{request.url.query}"
    if not path.startswith("search") and (kept := await redis.get(key)):
        return Response(kept, media_type="application/json", headers={"X-Request-Id": uuid4().hex})
    answer = await client.get(f"/{path}", params=request.query_params, headers={"X-User-Id": who})
    if not path.startswith("search"):
        await redis.set(key, answer.content, ex=60)
    return Response(answer.content, answer.status_code, media_type="application/json")
