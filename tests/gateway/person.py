"""Somebody at a browser, for tests of the pages."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

T = TypeVar("T")
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
PASSWORD = "twelve characters or more"
SECONDS = 15


class Person:
    """Somebody at a browser; waits, within bounds, for what they look for."""

    def __init__(self, driver: Chrome, address: str, *, size: str, shots: Path) -> None:
        self.driver, self.address, self.size, self._shots = driver, address, size, shots

    def opens(self, path: str) -> None:
        self.driver.get(self.address + path)

    def sees(self, css: str) -> WebElement:
        def shown(_: object) -> WebElement | None:
            found = [e for e in self.driver.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()]
            return found[0] if found else None

        try:
            found = WebDriverWait(self.driver, SECONDS).until(shown)
        except TimeoutException as error:
            text = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"no {css} on a page that says {text!r}") from error
        assert found is not None
        return found

    def reads(self, css: str, is_right: Callable[[str], bool]) -> str:
        def right(_: object) -> str | None:
            text = self.sees(css).text
            return text if is_right(text) else None

        return str(self._patiently(right))

    def presses(self, css: str) -> None:
        def pressed(_: object) -> bool:
            element = self.sees(css)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        self._patiently(pressed)

    def _patiently(self, look: Callable[[object], T]) -> T:
        """The page draws parts anew while somebody looks at them."""
        wait = WebDriverWait(self.driver, SECONDS, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(look)

    def waits_until(self, script: str) -> None:
        """Until the script returns true."""
        self._patiently(lambda _: self.driver.execute_script(script) or None)

    def types(self, css: str, text: str) -> None:
        self.sees(css).clear()
        self.sees(css).send_keys(text)

    def chooses(self, css: str, value: str) -> None:
        Select(self.sees(css)).select_by_value(value)

    def signs_up(self, email: str) -> None:
        self.opens("/portal")
        self.presses("#choose-up")
        self.types("#sign-email", email)
        self.types("#sign-password", PASSWORD)
        self.presses("#sign-go")
        self.sees("#inside")

    def makes_key(self, name: str) -> str:
        self.presses("#new-key")
        self.types("#key-name", name)
        self.presses("#key-form .main")
        return self.reads("#secret-text", lambda text: text.startswith("bk_"))

    def opens_operation(self, name: str) -> str:
        """Expand an operation on the API page; its CSS selector."""
        block = f"#operations-{name}"
        self.presses(f"{block} .opblock-summary-control")
        self.sees(f"{block} .execute")
        return block

    def takes_a_picture(self, name: str) -> None:
        """For people to look at; only when BOOKSTREAM_SHOTS names a folder."""
        self.driver.execute_script("window.scrollTo(0, 0)")
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        width = self.driver.execute_script("return window.innerWidth")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.save_screenshot(str(self._shots / f"{name}.png"))

    def prefers(self, theme: str) -> None:
        """The colour scheme of the screen: `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def is_spared(self) -> None:
        """No error in the console, nothing fetched from elsewhere, nothing wider than the screen."""
        errors = [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # Selenium's
            if entry["level"] == "SEVERE" and " 4" not in entry["message"]  # a refusal that a test provokes
        ]
        assert errors == []
        script = "return performance.getEntriesByType('resource').map(e => new URL(e.name).origin)"
        assert set(self.driver.execute_script(script)) <= {self.address}
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.driver.execute_script(wide) == 0
        assert self.driver.execute_script("return window.innerWidth") in {
            width for width, _ in SIZES.values()
        }
