"""The portal as people use it: in a real browser, at the width of a phone and of a desk."""

import httpx
from tests.gateway.person import PASSWORD, SIZES, Person
from tests.gateway.whole import Platform
from tests.promises import carries

from bookcore.kit.auth import Role
from gateway import portal


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


def test_nothing_of_an_ended_session_stays_in_the_page(person: Person) -> None:
    email = f"gone-{person.size}@portal.example"
    person.signs_up(email)
    secret = person.makes_key("left behind")
    person.presses("#sign-out")
    person.sees("#welcome")
    left = [text for text in (email, secret, "left behind", "this one") if text in person.driver.page_source]
    assert left == []
    typed = "return [...document.querySelectorAll('input')].map((field) => field.value).join('')"
    assert person.driver.execute_script(typed) == ""
    assert (
        person.driver.execute_script("return Object.keys(sessionStorage).concat(Object.keys(localStorage))")
        == []
    )
    person.is_spared()


def test_answer_that_comes_after_the_session_is_not_shown(person: Person) -> None:
    person.signs_up(f"late-{person.size}@portal.example")
    person.driver.execute_script(
        "const ask = window.fetch; window.fetch = async (path, asked) => {"
        "const answer = await ask(path, asked);"
        "if (path === '/v1/keys' && asked.method === 'GET') await new Promise((go) => (window.release = go));"
        "return answer; }"
    )
    person.makes_key("left behind")
    person.waits_until("return Boolean(window.release)")
    person.presses("#sign-out")
    person.sees("#welcome")
    person.driver.execute_async_script("window.release(); setTimeout(arguments[0], 200)")
    assert "left behind" not in person.driver.page_source
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
        for path in ("/", "/portal", *(f"/portal/{part}" for part in portal.MEDIA_TYPES)):
            answer = client.get(path)
            assert answer.status_code == 200
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
        for wrong in ("index.html", "__init__.py", "..%2fkeys.py", "%2e%2e/keys.py"):
            assert client.get(f"/portal/{wrong}").status_code == 404
        assert "http" not in client.get("/portal").text
        assert "http" not in client.get("/").text


def test_reader_tries_an_operation_with_an_own_key_at_this_address(person: Person, whole: Platform) -> None:
    user = whole.register_user(f"console-{person.size}@portal.example", Role.READER)
    _, headers = whole.create_key(user, "books:read")
    person.opens("/docs")
    person.presses(".auth-wrapper .authorize")
    person.types("#api_key_value", headers["X-API-Key"])
    person.presses(".auth-container:has(#api_key_value) .authorize")
    person.presses(".auth-container .btn-done")
    books = person.opens_operation("books-list_books")
    offered = f"{books} tr[data-param-name='availability'] option"
    assert "in_stock" in [each.text for each in person.driver.find_elements("css selector", offered)]
    person.presses(f"{books} .execute")
    assert person.reads(f"{books} .live-responses-table tr.response td.response-col_status", bool) == "200"
    assert f"{person.address}/v1/books?" in person.sees(f"{books} .curl-command").text
    person.is_spared()


def test_first_page_searches_with_a_key_or_the_session(person: Person, whole: Platform) -> None:
    person.opens("/?q=lamp")
    person.sees("#key")
    user = whole.register_user(f"home-{person.size}@portal.example", Role.READER)
    _, headers = whole.create_key(user, "books:read", "search")
    person.types("#key", "bk_wrong")
    person.presses("#search .main")
    assert "valid" in person.reads("#problem", bool)
    person.types("#key", headers["X-API-Key"])
    person.presses("#search .main")
    assert person.reads("#found", bool) == "25 books, the best 20"
    assert "51.77 GBP" in person.sees("#hits li").text
    assert "since" in person.sees("#newest li").text
    person.takes_a_picture(f"home-{person.size}")
    person.is_spared()
    person.signs_up(f"home-session-{person.size}@portal.example")
    person.opens("/?q=u07")
    assert person.reads("#found", bool) == "1 book"
    person.is_spared()


def test_administrator_sees_users_audit_log_signing_keys_and_cache(person: Person, whole: Platform) -> None:
    email = f"boss-{person.size}@portal.example"
    person.signs_up(email)
    person.driver.execute_script("window.scrollTo(0, 0)")
    assert not person.driver.find_element("id", "admin").is_displayed()
    me = whole.control.stores.users.find_by_email(email)
    assert me is not None
    whole.promote(me.id, Role.ADMIN)
    person.presses("#sign-out")
    person.types("#sign-email", email)
    person.types("#sign-password", PASSWORD)
    person.presses("#sign-go")
    person.sees("#admin")
    person.sees("#users li")
    person.sees("#audit li")
    person.sees("#signing-keys li")
    person.presses("#audit-verify")
    assert "intact" in person.reads("#audit-said", bool)
    person.presses("#purge-lists")
    assert person.reads("#purge-said", bool) == "Purged: list."
    person.takes_a_picture(f"admin-{person.size}")
    person.is_spared()


def test_graph_is_drawn_anew_when_the_window_changes(person: Person) -> None:
    person.signs_up(f"wide-{person.size}@portal.example")
    person.sees("svg.graph")
    for width in (700, 1600, 390, SIZES[person.size][0]):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        person.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        person.waits_until(
            "const drawn = document.querySelector('svg.graph').viewBox.baseVal.width;"
            "return Math.abs(drawn - Math.max(260, document.getElementById('graph').clientWidth)) < 2"
        )
        for element in ("plans", "keys", "figures"):
            overflow = f"const e = document.getElementById('{element}'); return e.scrollWidth - e.clientWidth"
            assert person.driver.execute_script(overflow) <= 0
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert person.driver.execute_script(wide) == 0
