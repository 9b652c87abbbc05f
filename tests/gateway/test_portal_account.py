"""The account in the portal: password, second factor, sessions, reset link, deletion."""

import pyotp
from tests.gateway.person import PASSWORD, Person
from tests.gateway.whole import Platform

from bookcore.kit.auth import Role
from gateway.accounts.one_time_tokens import TokenPurpose

NEW = "another one of my passwords"


def test_owner_secures_and_deletes_the_account(person: Person, whole: Platform) -> None:
    email = f"safe-{person.size}@portal.example"
    person.signs_up(email)
    assert "this one" in person.sees("#sessions li").text
    person.driver.execute_script("document.querySelector('.skip').click()")
    person.sees("#inside")
    person.presses("details:has(#password-form) summary")
    person.types("#old-password", PASSWORD)
    person.types("#new-password", "password1234")
    person.presses("#password-form button")
    assert "tried first" in person.reads("#password-form .problem", bool)
    person.types("#new-password", NEW)
    person.presses("#password-form button")
    person.reads("#password-said", lambda text: "Changed" in text)
    codes = add_second_factor(person)
    person.presses("#recovery-done")
    person.presses("#sign-out")
    person.types("#sign-email", email)
    person.types("#sign-password", NEW)
    person.presses("#sign-go")
    person.types("#sign-code", codes[0])
    person.presses("#sign-go")
    person.sees("#inside")
    person.is_spared()
    person.presses("details:has(#delete-form) summary")
    person.types("#delete-email", email)
    person.types("#delete-password", NEW)
    person.presses("#delete-form button")
    assert "deleted" in person.reads("#sign-problem", bool)
    assert whole.control.stores.users.find_by_email(email) is None


def add_second_factor(person: Person) -> list[str]:
    """The recovery codes."""
    person.types("#factor-password", NEW)
    person.presses("#factor-begin button")
    secret = person.reads("#factor-secret", bool).replace(" ", "")
    person.takes_a_picture(f"factor-{person.size}")
    person.types("#factor-code", pyotp.TOTP(secret).now())
    person.presses("#factor-new button")
    codes = person.reads("#recovery-codes", bool).split()
    person.takes_a_picture(f"security-{person.size}")
    return codes


def test_reset_link_opens_the_form_and_leaves_the_address_bar(person: Person, whole: Platform) -> None:
    email = f"reset-{person.size}@portal.example"
    user = whole.register_user(email, Role.READER)
    token = whole.control.stores.credentials.create_link(user, TokenPurpose.RESET, life_seconds=60, by="test")
    person.opens(f"/portal#reset={token}")
    person.sees("#reset")
    assert token not in person.driver.current_url
    person.takes_a_picture(f"reset-{person.size}")
    person.types("#reset-password", email)
    person.presses("#reset .main")
    assert "e-mail address" in person.reads("#reset-problem", bool)
    person.types("#reset-password", PASSWORD)
    person.presses("#reset .main")
    assert "new password is set" in person.reads("#sign-hint", bool)
    person.types("#sign-email", email)
    person.types("#sign-password", PASSWORD)
    person.presses("#sign-go")
    person.sees("#inside")
    person.is_spared()
