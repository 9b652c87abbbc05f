import pytest

from gateway.http.client_address import TrustedProxies

OURS = TrustedProxies(["10.0.0.0/8", "fd00::/8"])


def find_client(*forwarded: str, peer: str = "10.1.1.1", proto: str = "") -> tuple[str, str]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return OURS.find_client(headers, peer, "http")


def test_only_configured_networks_are_trusted() -> None:
    assert [OURS.is_trusted(address) for address in ("10.9.9.9", "fd00::1", "11.0.0.1", "nonsense", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(ValueError, match="network"):
        TrustedProxies(["proxy.example"])


def test_client_is_the_last_untrusted_address() -> None:
    assert find_client("203.0.113.7") == ("203.0.113.7", "http")
    assert find_client("203.0.113.7, 10.2.2.2") == ("203.0.113.7", "http")
    assert find_client("203.0.113.7", "10.2.2.2", "[fd00::9]") == ("203.0.113.7", "http")


def test_addresses_before_the_client_are_ignored() -> None:
    assert find_client("1.1.1.1, 10.3.3.3, 203.0.113.7, 10.2.2.2")[0] == "203.0.113.7"
    assert find_client("1.1.1.1, 203.0.113.7")[0] == "203.0.113.7"


@pytest.mark.parametrize("forwarded", ["", "unknown", "203.0.113.7, _hidden", "203.0.113.7; DROP TABLE"])
def test_invalid_forwarded_address_falls_back_to_the_proxy(forwarded: str) -> None:
    assert find_client(forwarded)[0] == "10.1.1.1"


def test_scheme_comes_from_the_proxy_when_valid() -> None:
    assert find_client("203.0.113.7", proto="HTTPS")[1] == "https"
    assert find_client("203.0.113.7", proto="gopher")[1] == "http"
