import pytest

from bookcore.domain.errors import Unavailable
from gateway.accounts.encryption import SecretCipher

SECRET = "shared by all gateways"


def test_encrypted_text_is_read_by_another_gateway_and_differs_each_time() -> None:
    one, other = (SecretCipher(SECRET).encrypt("text") for _ in range(2))
    assert one != other
    assert [SecretCipher(SECRET).decrypt(text) for text in (one, other)] == ["text", "text"]


@pytest.mark.parametrize("place", [0, 11, 12, 15, -1], ids=str)
def test_text_that_was_changed_anywhere_is_refused(place: int) -> None:
    sealed = list(SecretCipher(SECRET).encrypt("text" * 3))
    sealed[place] = "A" if sealed[place] != "A" else "B"
    with pytest.raises(Unavailable):
        SecretCipher(SECRET).decrypt("".join(sealed))


@pytest.mark.parametrize("text", ["", "AAAA", "no base64: é"], ids=["empty", "short", "other signs"])
def test_text_that_was_never_encrypted_is_refused(text: str) -> None:
    with pytest.raises(Unavailable):
        SecretCipher(SECRET).decrypt(text)


def test_text_of_another_secret_is_refused() -> None:
    with pytest.raises(Unavailable):
        SecretCipher("another secret").decrypt(SecretCipher(SECRET).encrypt("text"))
