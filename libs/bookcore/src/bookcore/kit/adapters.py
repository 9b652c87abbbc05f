"""Chooses the adapter of a port by the scheme of a URL."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from bookcore.domain.errors import Invalid


def load_adapter(url: str, adapters: Mapping[str, str], *, port: str, field: str) -> ModuleType:
    """Imports the adapter of the URL's scheme; `adapters` maps schemes to module names.

    The import is late on purpose: a process loads only the client libraries that its URLs name.
    Raises: Invalid with the setting `field` when no adapter has the scheme or its client is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme not in adapters:
        raise Invalid(f"no {port} for {scheme}://; use one of {', '.join(adapters)}", field=field)
    try:
        return import_module(adapters[scheme])
    except ModuleNotFoundError as error:
        raise explain_missing_client(scheme, error, field=field) from error


def explain_missing_client(scheme: str, error: ImportError, *, field: str) -> Invalid:
    """The remedy for a client library that is not installed: `make run` installs the embedded adapters
    only.
    """
    return Invalid(
        f"{scheme}:// needs the package {error.name}, which is not installed; run `make servers`,"
        " or install the extra `servers`",
        field=field,
    )
