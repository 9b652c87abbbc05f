"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

Data = Annotated[Path | None, typer.Option(help="Folder of all data; default: BOOKSTREAM_DATA, or ./var.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Port = Annotated[int, typer.Option(help="Port of the gateway; 0 takes any free one.", min=0, max=65_535)]
Source = Annotated[str, typer.Argument(help="Name of a source; `bookstream source list` lists them.")]


def _check_url(url: str | None) -> str | None:
    parts = urlsplit(url or "")
    if url is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise typer.BadParameter(f"{url!r} is no address of a page; give one such as http://shop.example/")
    return url


SiteUrl = Annotated[
    str | None, typer.Option(help="Start page of another copy of the site.", callback=_check_url)
]
