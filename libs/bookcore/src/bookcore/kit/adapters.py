"""Chooses the adapter of a port by the scheme of a URL."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from bookcore.domain.errors import Invalid


def load_adapter(url: str, adapters: Mapping[str, str], *, port: str, field: str) -> ModuleType:
    """Imports the adapter of the URL's scheme; `adapters` maps schemes to module names.

    The import is late on purpose: a process loads only the client libraries that its URLs name.
    Raises: Invalid with the setting `field` when no adapter has the scheme.
    """
    scheme = url.partition("://")[0]
    if scheme not in adapters:
        raise Invalid(f"no {port} for {scheme}://; use one of {', '.join(adapters)}", field=field)
    return import_module(adapters[scheme])
