"""Creates a cluster with POSTGRES_USER and POSTGRES_DB in an empty data folder, like the entry point of
postgres:18.

Then runs the server with the arguments of the command.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile

SOCKET = "/var/run/postgresql"


def main() -> None:
    """Becomes the server."""
    cluster = Path(os.environ["PGDATA"])
    if not (cluster / "PG_VERSION").exists():
        make(cluster, os.environ["POSTGRES_USER"], os.environ.get("POSTGRES_DB", os.environ["POSTGRES_USER"]))
    place = ["-D", str(cluster), "-k", SOCKET, "-c", "listen_addresses=*"]
    os.execvp(sys.argv[1], [*sys.argv[1:], *place])  # noqa: S606 - the command of the container


def make(cluster: Path, user: str, database: str) -> None:
    """Initialise; the server that makes the database listens to no network yet."""
    with NamedTemporaryFile("w") as password:
        password.write(os.environ["POSTGRES_PASSWORD"])
        password.flush()
        words = ["--username", user, "--pwfile", password.name, "--auth-host", "scram-sha-256"]
        run(["initdb", "-D", str(cluster), "--encoding=UTF8", "--locale=C", "--auth-local=trust", *words])
    with (cluster / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    run(["pg_ctl", "-D", str(cluster), "-w", "-o", f"-k {SOCKET} -c listen_addresses=", "start"])
    if database != "postgres":
        run(["createdb", "-h", SOCKET, "-U", user, database])
    run(["pg_ctl", "-D", str(cluster), "-w", "-m", "fast", "stop"])


def run(words: list[str]) -> None:
    """Raises: CalledProcessError, which ends the container."""
    subprocess.run(words, check=True)  # noqa: S603 - our own words


if __name__ == "__main__":
    main()
