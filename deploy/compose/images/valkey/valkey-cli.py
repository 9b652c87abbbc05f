#!/usr/local/bin/python3
"""`valkey-cli ping`, with the password of REDISCLI_AUTH: what the health check needs of the real one."""

import os
import socket
import sys


def main() -> int:
    """Prints the answer; 1 when nobody answers."""
    password = os.environ.get("REDISCLI_AUTH", "")
    lines = [f"AUTH {password}"] if password else []
    question = "\r\n".join([*lines, " ".join(sys.argv[1:]), ""])
    try:
        with socket.create_connection(("127.0.0.1", 6379), timeout=2) as connection:
            connection.sendall(question.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{answer.splitlines()[-1].lstrip('+')}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
