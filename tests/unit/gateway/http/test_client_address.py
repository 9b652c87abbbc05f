import pytest

from gateway.http.client_address import TrustedProxies

OURS = TrustedProxies(["10.0.0.0/8", "fd00::/8"])


def seen(*said: str, peer: str = "10.1.1.1", proto: str = "") -> tuple[str, str]:
    headers = [(b"x-forwarded-for", value.encode()) for value in said]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return OURS.find_client(headers, peer, "http")


def test_only_networks_that_were_named_are_trusted() -> None:
    assert [OURS.is_trusted(address) for address in ("10.9.9.9", "fd00::1", "11.0.0.1", "nonsense", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(ValueError, match="network"):
        TrustedProxies(["proxy.example"])


def test_the_client_is_the_last_address_that_is_no_proxy_of_ours() -> None:
    assert seen("203.0.113.7") == ("203.0.113.7", "http")
    assert seen("203.0.113.7, 10.2.2.2") == ("203.0.113.7", "http")
    assert seen("203.0.113.7", "10.2.2.2", "[fd00::9]") == ("203.0.113.7", "http")


def test_what_stands_before_the_client_is_only_a_claim() -> None:
    assert seen("1.1.1.1, 10.3.3.3, 203.0.113.7, 10.2.2.2")[0] == "203.0.113.7"
    assert seen("1.1.1.1, 203.0.113.7")[0] == "203.0.113.7"


@pytest.mark.parametrize("said", ["", "unknown", "203.0.113.7, _hidden", "203.0.113.7; DROP TABLE"])
def test_words_that_are_no_address_leave_the_proxy_that_said_them(said: str) -> None:
    assert seen(said)[0] == "10.1.1.1"


def test_the_scheme_is_what_the_proxy_says_when_it_is_one() -> None:
    assert seen("203.0.113.7", proto="HTTPS")[1] == "https"
    assert seen("203.0.113.7", proto="gopher")[1] == "http"
