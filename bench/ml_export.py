"""Child process of `bench.ml_data`: exports a snapshot, prints its bytes and its peak memory in kilobytes."""

import sys
from pathlib import Path

from bookcore.lake import open_lake
from bookml.snapshot import read_manifest
from ml_api.routes.schemas import RowSelection
from ml_api.routes.training_data import read_blocks


def main() -> None:
    """Arguments: the lake's URL, the snapshot's id, the number of rows."""
    url, snapshot, rows = sys.argv[1:]
    lake = open_lake(url)
    selection = RowSelection(source="million", limit=int(rows))
    size = sum(len(block) for block in read_blocks(lake, read_manifest(lake, snapshot), selection))
    print(size, Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    main()
