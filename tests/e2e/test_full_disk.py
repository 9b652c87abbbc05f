"""A disk that fills up: one clear line, nothing acknowledged is lost, more room is all it takes to go on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.laptop import Laptop
from tests.e2e.sites import run_sample_shop
from tests.promises import carries

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount a small disk"
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=False)
    if made.returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@carries("nothing-lost")
def test_full_disk_stops_the_crawl_with_one_line_and_more_space_lets_it_resume(small_disk: Path) -> None:
    laptop = Laptop(small_disk / "data", {"BOOKSTREAM_SCRAPER_PATIENCE": "0.5"})
    with run_sample_shop("--books", "300") as shop:
        full = laptop.run("crawl", "sample_shop", "--url", shop.url)
        subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
        again = laptop.run("crawl", "sample_shop", "--url", shop.url)
    assert full.code == 1
    assert "space" in full.err  # what is full is named, and the remedy
    assert (again.code, again.read_number("books")) == (0, 300)
    laptop.ingest()
    found = laptop.audit()
    assert (found.catalogue, found.search, found.lost, found.dup_effects) == (300, 300, 0, 0)
