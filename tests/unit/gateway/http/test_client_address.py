import pytest

from gateway.http.client_address import TrustedProxies
from gateway.http.network_key import build_network_key

OURS = TrustedProxies(["10.0.0.0/8", "fd00::/8"])


def find_by_forwarded(*forwarded: str, peer: str = "10.1.1.1") -> tuple[str, str]:
    return OURS.find_client([(b"forwarded", value.encode()) for value in forwarded], peer, "http")


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


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.1:1000", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("[::ffff:198.51.100.1]:80", "198.51.100.1"),
        ("[fe80::1%eth0]:80", "fe80::1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("1.1.1.1, 198.51.100.1:1000, [::ffff:10.2.2.2]:99, [fd00::9]:1", "198.51.100.1"),
        ("198.51.100.1:1000, , ", "198.51.100.1"),
        ("198.51.100.1:http", "10.1.1.1"),
        ("198.51.100.1:1000:2", "10.1.1.1"),
        ("[2001:db8::1", "10.1.1.1"),
        ("198.51.100.256", "10.1.1.1"),
    ],
)
def test_ports_brackets_and_quotes_of_proxies_are_understood(forwarded: str, client: str) -> None:
    assert find_client(forwarded)[0] == client


@pytest.mark.parametrize(
    ("forwarded", "client", "scheme"),
    [
        ('for="[2001:db8::1]:4711"', "2001:db8::1", "http"),
        ("for=198.51.100.1", "198.51.100.1", "http"),
        ('For="198.51.100.1:80"; Proto=HTTPS; by=10.0.0.1', "198.51.100.1", "https"),
        ('proto="https";host="shop.example";for=198.51.100.1', "198.51.100.1", "https"),
        ('for=1.1.1.1, for=198.51.100.1, for="[fd00::9]"', "198.51.100.1", "http"),
        ('for="198.51.100.1:_hidden"', "198.51.100.1", "http"),
        ('for="[::ffff:198.51.100.1]"', "198.51.100.1", "http"),
        (", for=198.51.100.1 ,", "198.51.100.1", "http"),
        ("for=198.51.100.1, for=_hidden", "10.1.1.1", "http"),
        ("for=198.51.100.1, for=unknown", "10.1.1.1", "http"),
        ("for=198.51.100.1, proto=https", "10.1.1.1", "https"),
        ('for=6.6.6.6;by="x, for=198.51.100.1', "10.1.1.1", "http"),
        ('for=6.6.6.6;by="x, for="[2001:db8::1]"', "10.1.1.1", "http"),
        ("for=6.6.6.6 for=198.51.100.1", "10.1.1.1", "http"),
        ('for="\\198.51.100.1"', "198.51.100.1", "http"),
        ("", "10.1.1.1", "http"),
    ],
)
def test_forwarded_names_the_client_where_there_is_no_x_forwarded_for(
    forwarded: str, client: str, scheme: str
) -> None:
    assert find_by_forwarded(forwarded) == (client, scheme)


def test_several_forwarded_headers_are_one_list() -> None:
    assert find_by_forwarded("for=1.1.1.1", "for=198.51.100.1, for=10.2.2.2")[0] == "198.51.100.1"


def test_x_forwarded_for_outweighs_forwarded() -> None:
    headers = [(b"forwarded", b"for=6.6.6.6"), (b"x-forwarded-for", b"198.51.100.1")]
    assert OURS.find_client(headers, "10.1.1.1", "http")[0] == "198.51.100.1"


@pytest.mark.parametrize("network", ["10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:a00:0/104"])
@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "::FFFF:0a01:0203"])
def test_mapped_addresses_and_networks_are_those_of_ipv4(network: str, address: str) -> None:
    assert TrustedProxies([network]).is_trusted(address)
    assert not TrustedProxies([network]).is_trusted("::ffff:11.1.2.3")


@pytest.mark.parametrize(
    ("address", "prefix", "network"),
    [
        ("203.0.113.9", 64, "203.0.113.9"),
        ("::ffff:203.0.113.9", 64, "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", 48, "2001:db8:1::/48"),
        ("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6/128"),
        ("testclient", 64, "testclient"),
    ],
)
def test_limits_count_the_network_of_an_address(address: str, prefix: int, network: str) -> None:
    assert build_network_key(address, prefix) == network


def test_scheme_comes_from_the_proxy_when_valid() -> None:
    assert find_client("203.0.113.7", proto="HTTPS")[1] == "https"
    assert find_client("203.0.113.7", proto="gopher")[1] == "http"
