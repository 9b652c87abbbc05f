"""The portal as people use it: in a real browser, at the width of a phone and of a desk."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from tests.gateway.browser import open_browser
from tests.gateway.whole import Platform
from tests.promises import carries

from gateway import portal

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


@pytest.fixture(params=SIZES)
def person(request: pytest.FixtureRequest, whole: Platform, tmp_path: Path) -> Iterator[Person]:
    width, height = SIZES[request.param]
    with open_browser(tmp_path / "profile", width=width, height=height) as driver:
        shots = Path(os.environ.get("BOOKSTREAM_SHOTS", tmp_path))
        yield Person(driver, whole.address, size=request.param, shots=shots)


@carries("portal")
def test_user_signs_up_creates_a_key_tries_the_api_and_revokes_the_key(
    person: Person, whole: Platform
) -> None:
    person.opens("/portal")
    person.sees("#sign-email")
    person.takes_a_picture(f"welcome-{person.size}")
    person.signs_up(f"{person.size}@portal.example")
    secret = person.makes_key("reading list")
    person.takes_a_picture(f"new-key-{person.size}")
    answers = [
        httpx.get(f"{whole.address}{path}", headers={"X-API-Key": secret}, trust_env=False).status_code
        for path in ("/v1/books", "/v1/books/shop:none", "/v1/search?q=book", "/v1/books?limit=0")
    ]
    assert answers == [200, 404, 200, 422]
    person.presses("#secret-done")
    assert secret not in person.driver.page_source
    person.presses("#try")
    search = person.opens_operation("search-search_books")
    person.types(f"{search} tr[data-param-name='q'] input", "lamp")
    person.presses(f"{search} .execute")
    assert person.reads(f"{search} .live-responses-table tr.response td.response-col_status", bool) == "200"
    assert (
        '"total"'
        in person.sees(f"{search} .live-responses-table tr.response td.response-col_description").text
    )
    person.takes_a_picture(f"docs-{person.size}")
    person.is_spared()
    person.opens("/portal")
    person.reads("#quota-left", lambda text: " of " in text)

    def is_counted(text: str) -> bool:
        person.driver.execute_script("document.querySelector('#ranges [data-days=\"1\"]').click()")
        return text.startswith("5")

    person.reads("#figures", is_counted)
    label = "return document.querySelector('svg.graph').getAttribute('aria-label')"
    assert "2 refused" in person.driver.execute_script(label)
    for name in ("day", "month"):
        person.reads(f"#{name}-used", lambda text: text.startswith("3 of "))
    person.takes_a_picture(f"inside-{person.size}")
    person.is_spared()
    person.driver.execute_script("window.confirm = () => true")
    person.presses("#keys .danger")
    person.sees("#keys .empty")
    gone = httpx.get(f"{whole.address}/v1/books", headers={"X-API-Key": secret}, trust_env=False)
    assert gone.status_code == 401


def test_session_survives_a_reload_and_ends_at_sign_out(person: Person) -> None:
    person.signs_up(f"again-{person.size}@portal.example")
    person.driver.refresh()
    assert person.reads("#email", bool).startswith("again-")
    person.presses("#sign-out")
    person.sees("#welcome")
    person.driver.refresh()
    person.sees("#welcome")
    person.types("#sign-email", f"again-{person.size}@portal.example")
    person.types("#sign-password", "not the password")
    person.presses("#sign-go")
    assert person.reads("#sign-problem", bool) == "wrong e-mail address or password"
    person.types("#sign-password", PASSWORD)
    person.presses("#sign-go")
    person.sees("#inside")
    person.presses("#sign-out-everywhere")
    assert "signed out everywhere" in person.reads("#sign-problem", bool)
    person.is_spared()


def test_errors_are_shown_beside_the_field_or_response(person: Person) -> None:
    person.opens("/portal")
    person.presses("#choose-up")
    person.types("#sign-email", f"wrong-{person.size}@portal.example")
    person.types("#sign-password", "short")
    person.presses("#sign-go")
    assert "12 characters" in person.reads("#sign-problem", bool)
    person.types("#sign-password", PASSWORD)
    person.presses("#sign-go")
    person.presses("#new-key")
    person.presses("#key-form .main")
    assert person.reads("#key-problem", bool) == "Give it a name."
    person.presses("#key-cancel")
    person.presses("#try")
    book = person.opens_operation("books-get_book")
    person.presses(f"{book} .execute")
    person.sees(f"{book} tr[data-param-name='book_id'] input.invalid")
    person.types(f"{book} tr[data-param-name='book_id'] input", "shop:none")
    person.presses(f"{book} .execute")
    assert person.reads(f"{book} .live-responses-table tr.response td.response-col_status", bool) == "404"
    person.takes_a_picture(f"refused-{person.size}")
    assert "/problems/not-found" in person.sees(f"{book} .live-responses-table").text
    offered = person.driver.execute_script(
        "return [...document.querySelectorAll('.opblock')].map(e => "
        "e.querySelector('.opblock-summary-method').textContent.trim() + ' ' +"
        "e.querySelector('.opblock-summary-path').dataset.path)"
    )
    assert "GET /v1/books" in offered
    assert "POST /v1/books" not in offered
    person.is_spared()


def test_every_control_of_the_portal_has_an_accessible_name_and_size(person: Person) -> None:
    person.signs_up(f"keys-{person.size}@portal.example")
    person.presses("#new-key")
    nameless = person.driver.execute_script(
        "return [...document.querySelectorAll('input, select, textarea, button, meter')].filter("
        "e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    small = person.driver.execute_script(
        "return [...document.querySelectorAll('button')].filter(e => e.offsetHeight && e.offsetHeight < 32)"
        ".map(e => e.id)"
    )
    assert small == []


def test_portal_serves_its_own_files_only_under_a_strict_policy(whole: Platform) -> None:
    with httpx.Client(base_url=whole.address, trust_env=False) as client:
        for name in ("", *(f"/{part}" for part in portal.MEDIA_TYPES)):
            answer = client.get(f"/portal{name}")
            assert answer.status_code == 200
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
        for wrong in ("index.html", "__init__.py", "..%2fkeys.py", "%2e%2e/keys.py"):
            assert client.get(f"/portal/{wrong}").status_code == 404
        assert "http" not in client.get("/portal").text
