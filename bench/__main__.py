"""`make bench`: every figure of pipeline and stores, on the embedded stores and on the servers of the stack.

`python -m bench [--docs] [NAME...]`; names are those of the modules: starts, feeds, pipeline, stores,
frontier, search_engines, flow. Takes half an hour in all, most of it at half a million books.
"""

import os
from collections.abc import Callable, Mapping
from typing import Annotated

import typer
from bench import feeds, flow, frontier, pipeline, search_engines, starts, stores

from devstack.stack import Stack

Bench = Callable[[Mapping[str, str], bool], None]
BENCHES: Mapping[str, Bench] = {
    "starts": lambda urls, docs: starts.main(docs=docs),
    "feeds": lambda urls, docs: feeds.main(docs=docs),
    "pipeline": lambda urls, docs: pipeline.main(docs=docs),
    "stores": lambda urls, docs: stores.main(docs=docs),
    "frontier": lambda urls, docs: frontier.main(urls["BOOKSTREAM_FRONTIER_URL"], docs=docs),
    "search_engines": lambda urls, docs: search_engines.main(
        f"{urls['BOOKSTREAM_SEARCH_URL']}-bench", docs=docs
    ),
    "flow": lambda urls, docs: flow.main(docs=docs),
}


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(BENCHES)}; default all.")] = None,
    *,
    docs: Annotated[bool, typer.Option("--docs", help="Write the tables into docs/benchmarks.md.")] = False,
) -> None:
    """Measure one after the other and print one line per figure: name value unit goal ok|short."""
    unknown = set(names or ()) - BENCHES.keys()
    if unknown:
        raise typer.BadParameter(f"no benchmark {sorted(unknown)[0]!r}; there are {', '.join(BENCHES)}")
    urls = Stack(on_message=typer.echo).start()
    os.environ.update(urls)
    for name, bench in BENCHES.items():
        if not names or name in names:
            typer.echo(f"{name}:")
            bench(urls, docs)


if __name__ == "__main__":
    typer.run(main)
