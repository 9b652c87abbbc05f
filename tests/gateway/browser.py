"""Debian's Chromium, driven by Selenium; installed when it is missing and we may."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

INSTALL = [
    "apt-get",
    "install",
    "--yes",
    "--no-install-recommends",
    "chromium",
    "chromium-driver",
    "fonts-dejavu-core",
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _found() -> bool:
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


def _install() -> None:
    if _found() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    for command in (["apt-get", "update"], INSTALL):
        subprocess.run(command, check=False, capture_output=True, timeout=500)


@contextmanager
def open_browser(profile: Path, *, width: int, height: int) -> Iterator[webdriver.Chrome]:
    """With a fresh profile; skips the test where there is no Chromium and none can be had."""
    _install()
    if not _found():
        pytest.skip("no chromium and chromium-driver here: make browser, as root")
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(str(shutil.which("chromedriver"))))
    try:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        yield driver
    finally:
        driver.quit()
