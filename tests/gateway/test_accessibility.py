"""The pages for people under axe-core (WCAG 2.2 A and AA), at both widths and in both themes."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.gateway.person import PASSWORD, Person
from tests.gateway.whole import Platform

from bookcore.kit.auth import Role

FOLDER = Path(__file__).parent / "axe"
AXE = (FOLDER / "axe.min.js").read_text()
SHOW_ALL = (
    "document.querySelectorAll('[hidden]').forEach(e => e.hidden = false);"
    "document.querySelectorAll('details').forEach(e => e.open = true)"
)
"""What is shown only in some state of the page, all at once."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = (
    "const done = arguments[arguments.length - 1];"
    "axe.run(document, {runOnly: arguments[0]}).then(r => done(r.violations.map("
    "v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.any.map(a => a.message)).join('; '))))"
)


def list_violations(person: Person) -> list[str]:
    person.driver.execute_script(AXE)
    found: list[str] = person.driver.execute_async_script(RUN, TAGS)
    return found


def test_vendored_axe_is_the_recorded_release_with_its_licence() -> None:
    recorded = json.loads((FOLDER / "vendored.json").read_text())
    assert hashlib.sha256(AXE.encode()).hexdigest() == recorded["sha256"]["axe.min.js"]
    assert "Mozilla Public License" in (FOLDER / "LICENSE").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_first_page(person: Person, whole: Platform, theme: str) -> None:
    person.prefers(theme)
    person.opens("/")
    person.sees("#key")
    assert list_violations(person) == []
    person.types("#key", "bk_wrong")
    person.presses("#search .main")
    person.reads("#problem", bool)
    assert list_violations(person) == []
    user = whole.register_user(f"axe-home-{theme}-{person.size}@portal.example", Role.READER)
    person.types("#key", whole.create_key(user, "books:read", "search")[1]["X-API-Key"])
    person.presses("#search .main")
    person.sees("#newest li")
    assert list_violations(person) == []
    person.takes_a_picture(f"axe-home-{theme}-{person.size}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_portal(person: Person, whole: Platform, theme: str) -> None:
    person.prefers(theme)
    email = f"axe-{theme}-{person.size}@portal.example"
    person.opens("/portal")
    person.sees("#sign-email")
    assert list_violations(person) == []
    person.takes_a_picture(f"axe-welcome-{theme}-{person.size}")
    person.signs_up(email)
    me = whole.control.stores.users.find_by_email(email)
    assert me is not None
    person.makes_key("shown")
    person.presses("#new-key")
    assert list_violations(person) == []
    whole.promote(me.id, Role.ADMIN)
    person.presses("#sign-out")
    person.types("#sign-email", email)
    person.types("#sign-password", PASSWORD)
    person.presses("#sign-go")
    person.sees("#users li")
    person.sees("#audit li")
    assert list_violations(person) == []
    person.is_spared()
    person.takes_a_picture(f"axe-inside-{theme}-{person.size}")
    person.driver.execute_script(SHOW_ALL)
    assert list_violations(person) == []
    person.is_spared()
    person.takes_a_picture(f"axe-all-{theme}-{person.size}")
