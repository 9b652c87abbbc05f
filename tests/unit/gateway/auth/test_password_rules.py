"""What is refused as a password, and that nothing else is."""

from typing import Literal
from unicodedata import normalize

import pytest
from argon2 import PasswordHasher as Argon2Hasher
from fastapi.testclient import TestClient

from bookcore.domain.errors import Invalid
from gateway.api.dependencies import ApiDependencies
from gateway.auth.password_rules import check_password
from gateway.auth.passwords import PasswordHasher

EMAIL = "jane.reader@example.org"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("password1234", "tried first"),
        ("Password123!", "common password"),
        ("P@ssw0rd12345", "common password"),
        ("passw0rd!2024", "common password"),
        ("letmein12345", "common password"),
        ("iloveyou2026", "common password"),
        ("passwordletmein", "common password"),
        ("leavemealone", "tried first"),
        ("Sony Ericsson", "tried first"),
        ("1qaz2wsx3edc", "tried first"),
        ("            ", "spaces"),
        ("\u00a0" * 12, "spaces"),
        ("           x", "repetition"),
        ("123456789012", "sequence"),
        ("098765432109", "sequence"),
        ("abcdefghijkl", "sequence"),
        ("mnbvcxzlkjhgfdsa", "sequence"),
        ("qwertyuiop12", "tried first"),
        ("aaaaaaaaaaaa", "repetition"),
        ("aaaaaaaaaaaab", "repetition"),
        ("xyqzxyqzxyqz", "repetition"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10\uff11\uff12", "sequence"),
        ("jane.reader@example.org", "e-mail address"),
        ("JANE.READER@EXAMPLE.ORG", "e-mail address"),
        ("jane reader example org", "e-mail address"),
        ("xx-jane.reader@example.org", "e-mail address"),
        ("jane.reader2026", "e-mail address"),
        ("bookstream123", "name of this product"),
        ("Bookstream2026!", "name of this product"),
        ("b00kstr34m!!!", "name of this product"),
    ],
)
def test_password_that_is_tried_first_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_password(password, email=EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        "twelve characters or more",
        "correct horse battery staple",
        "a password of the admin",
        "long enough it is",
        "development-only",
        "kYp3vQ9xTz2m",
        "мой любимый пароль",
        "パスワードは長いほうがいい",
        "🦉🦉 read at night 🦉",
    ],
)
def test_password_of_several_parts_is_accepted(password: str) -> None:
    check_password(password, email=EMAIL)


def test_registration_refuses_a_common_password_by_its_field(client: TestClient) -> None:
    answer = client.post("/v1/auth/register", json={"email": EMAIL, "password": "password1234"})
    assert (answer.status_code, answer.json()["field"]) == (422, "password")
    assert answer.json()["detail"].startswith("password: is one of the passwords that are tried first")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_one_password_logs_in_from_every_keyboard(form: Literal["NFC", "NFD"]) -> None:
    hasher = PasswordHasher()
    stored = hasher.hash_blocking(normalize("NFD", "größere Bücher lesen"))
    assert hasher.verify_blocking(stored, normalize(form, "größere Bücher lesen"))
    assert not hasher.verify_blocking(stored, "grossere Bucher lesen")
    hasher.close()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_account_of_before_logs_in_with_what_was_typed_then(
    client: TestClient, form: Literal["NFC", "NFD"]
) -> None:
    typed = normalize(form, "größere Bücher lesen")
    control: ApiDependencies = client.app.state.control  # type: ignore[attr-defined]  # Starlette's own
    control.stores.users.create_user(EMAIL, Argon2Hasher().hash(typed))
    for again in (typed, normalize("NFC", typed), normalize("NFD", typed)):
        body = {"email": EMAIL, "password": again}
        assert client.post("/v1/auth/login", json=body).status_code == 200
