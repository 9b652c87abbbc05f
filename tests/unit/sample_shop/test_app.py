"""Validators, methods and faults as a client meets them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
from parsel import Selector

from sample_shop.app import ShopApp, create_app
from sample_shop.bodies import ENDLESS_LIMIT, HUGE_SIZE
from sample_shop.faults import Fault, FaultKind
from sample_shop.shop import Shop

Visit = Callable[[ShopApp], httpx.Client]
BOOK = f"/catalogue/{Shop().edition(1).slug}_1/index.html"


@dataclass
class HandClock:
    now: float = 1_700_000_000.5

    def __call__(self) -> float:
        return self.now


@dataclass
class Naps:
    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def faulty(visit: Visit, kind: FaultKind) -> httpx.Client:
    return visit(create_app(Shop(), faults=[Fault(kind, 1)]))


def prices(response: httpx.Response) -> Sequence[str]:
    page = Selector(response.content.decode(errors="replace"))
    return page.css(".product_main .price_color::text, .table-striped td::text").re("£.*")


def test_current_etag_gets_304(client: httpx.Client) -> None:
    tag = client.get(BOOK).headers["etag"]
    again = client.get(BOOK, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_current_last_modified_gets_304(visit: Visit) -> None:
    clock = HandClock()
    client = visit(create_app(Shop(), clock=clock))
    clock.now += 60
    date = client.get(BOOK).headers["last-modified"]
    assert client.get(BOOK, headers={"if-modified-since": date}).status_code == 304


def test_etag_takes_precedence_over_the_date(client: httpx.Client) -> None:
    headers = {"if-none-match": '"stale"', "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert client.get(BOOK, headers=headers).status_code == 200


def test_invalid_date_gets_the_page(client: httpx.Client) -> None:
    assert client.get(BOOK, headers={"if-modified-since": "yesterday"}).status_code == 200


@pytest.mark.parametrize("path", ["/", BOOK, "/catalogue/category/books_1/page-3.html"])
def test_etag_changes_exactly_when_the_page_does(path: str, visit: Visit) -> None:
    client = visit(create_app(Shop()))
    before = client.get(path)
    for _ in range(40):
        client.post("/_shop/change?books=1")
        after = client.get(path)
        assert (after.headers["etag"] != before.headers["etag"]) == (after.content != before.content)
        before = after


def test_two_changes_in_one_second_are_distinguished(visit: Visit) -> None:
    client = visit(create_app(Shop(), clock=HandClock()))
    client.post("/_shop/change?books=60")
    date = client.get(BOOK).headers["last-modified"]
    client.post("/_shop/change?books=60")
    assert client.get(BOOK, headers={"if-modified-since": date}).status_code == 200


def test_books_move_with_the_clock(visit: Visit) -> None:
    clock = HandClock()
    client = visit(create_app(Shop(), change_rate=60, clock=clock))
    before = client.get(BOOK).headers["etag"]
    clock.now += 60
    assert client.get(BOOK).headers["etag"] != before


def test_head_has_the_headers_of_get_and_no_body(client: httpx.Client) -> None:
    get, head = client.get(BOOK), client.head(BOOK)
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["etag"] == get.headers["etag"]


def test_post_to_a_page_is_refused(client: httpx.Client) -> None:
    response = client.post("/")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/catalogue/page-4.html", "/catalogue/other_1/index.html", "/x", "/_shop/x"]
)
def test_unknown_page_is_not_found(path: str, client: httpx.Client) -> None:
    assert client.get(path).status_code == 404


def test_fault_429_has_retry_after(visit: Visit) -> None:
    response = faulty(visit, FaultKind.TOO_MANY).get("/")
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


def test_fault_500_is_a_server_error(visit: Visit) -> None:
    assert faulty(visit, FaultKind.FAILURE).get("/").status_code == 500


def test_private_redirect_points_inside_the_network(visit: Visit) -> None:
    response = faulty(visit, FaultKind.REDIRECT_PRIVATE).get("/")
    assert (response.status_code, response.headers["location"]) == (302, "http://10.0.0.1/")


def test_slow_fault_delays_the_correct_response(visit: Visit) -> None:
    naps = Naps()
    client = visit(create_app(Shop(), faults=[Fault(FaultKind.SLOW, 1, seconds=4)], sleep=naps))
    assert client.get("/").status_code == 200
    assert naps.taken == [4]


def test_broken_page_ends_before_its_prices(visit: Visit) -> None:
    response = faulty(visit, FaultKind.BROKEN).get(BOOK)
    assert b"</html>" not in response.content
    assert len(prices(response)) == 1


@pytest.mark.parametrize(
    ("kind", "printed"),
    [(FaultKind.MISSING_PRICE, []), (FaultKind.BAD_PRICE, ["£-1"] * 4), (FaultKind.NAN_PRICE, ["£NaN"] * 4)],
)
def test_price_fault_affects_the_books_own_prices_only(
    kind: FaultKind, printed: list[str], visit: Visit
) -> None:
    response = faulty(visit, kind).get(BOOK)
    page = Selector(response.content.decode())
    assert prices(response) == printed
    assert len(page.css(".product_pod .price_color::text").re(r"£\d+\.\d\d")) == 6


def test_wrong_charset_fault_sends_invalid_utf_8(visit: Visit) -> None:
    with pytest.raises(UnicodeDecodeError):
        faulty(visit, FaultKind.WRONG_CHARSET).get(BOOK).content.decode()


def test_damaged_page_has_no_validators_and_never_gets_304(visit: Visit, client: httpx.Client) -> None:
    tag = client.get(BOOK).headers["etag"]
    response = faulty(visit, FaultKind.BAD_PRICE).get(BOOK, headers={"if-none-match": tag})
    assert response.status_code == 200
    assert not {"etag", "last-modified"} & response.headers.keys()


@pytest.mark.parametrize(("kind", "size"), [(FaultKind.ENDLESS, ENDLESS_LIMIT), (FaultKind.HUGE, HUGE_SIZE)])
def test_huge_and_endless_bodies_are_bounded(kind: FaultKind, size: int, visit: Visit) -> None:
    response = faulty(visit, kind).get("/")
    assert len(response.content) == size
    assert ("content-length" in response.headers) == (kind is FaultKind.HUGE)
