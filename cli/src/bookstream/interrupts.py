"""Signals that stop the command line."""

import signal


def handle_stop_signals() -> None:
    """SIGTERM stops like Ctrl-C, and SIGINT works also where a shell started this process with it ignored."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
