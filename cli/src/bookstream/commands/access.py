"""`bookstream key` and `bookstream token`: credentials for the gateway of a data folder."""

from bookstream.commands.options import Data
from bookstream.local_access import load_api_key, log_in, read_address
from bookstream.settings import load_settings


def print_key(*, data: Data = None) -> None:
    """Print an API key that lasts as long as the data folder.

    Reads books, search, predictions and analytics at the running gateway:
    curl -H "Authorization: Bearer $(bookstream key)" http://127.0.0.1:8080/v1/books
    """
    folder = load_settings(data).data
    print(load_api_key(read_address(folder), folder))


def print_token(*, data: Data = None) -> None:
    """Print an access token of the administrator, valid for ten minutes.

    For what a key must not do: users, audit log, keys.
    """
    folder = load_settings(data).data
    print(log_in(read_address(folder), folder))
