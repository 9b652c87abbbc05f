"""Creates MLflow's database if absent, then executes its server.

MLFLOW_DATABASE_URL is postgresql+psycopg2://user:password@host:port/name. It is never Bookstream's own
database: both have a table `alembic_version`.
"""

import os
import sys
import time
from contextlib import suppress

import psycopg2
from psycopg2 import errors

_PATIENCE = 60.0  # seconds


def main() -> None:
    """Does not return. Exits with one line when the database cannot be created."""
    url = os.environ["MLFLOW_DATABASE_URL"]
    server, _, name = url.replace("postgresql+psycopg2", "postgresql", 1).rpartition("/")
    if not name.isidentifier():
        sys.exit(f"mlflow: {name!r} is no name for a database")
    _create_database(f"{server}/postgres", name)
    words = ["server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1"]  # noqa: S104 - in a container
    stores = ["--backend-store-uri", url, "--artifacts-destination", os.environ["MLFLOW_ARTIFACTS"]]
    os.execvp("mlflow", ["mlflow", *words, *stores])  # noqa: S606, S607 - it becomes it


def _create_database(server: str, name: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection = psycopg2.connect(server)
            break
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"mlflow: no database answers: {error}")
            time.sleep(1)
    connection.autocommit = True  # a database can't be made in a transaction
    with connection.cursor() as cursor, suppress(errors.DuplicateDatabase):
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()


if __name__ == "__main__":
    main()
