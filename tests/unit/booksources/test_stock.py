"""Printed availability in several languages becomes a state and a number of copies."""

import pytest

from bookcore.domain.errors import Invalid
from booksources.cleaning.stock import PrintedStock, read_stock

IN, OUT, PRE = "in_stock", "out_of_stock", "preorder"


@pytest.mark.parametrize(
    ("printed", "state", "quantity"),
    [
        ("In stock", IN, None),
        ("In stock (22 available)", IN, "22"),
        ("(1,204 available)", IN, "1204"),
        ("1 in stock", IN, "1"),
        ("less than 5 left", IN, None),
        ("fewer than 10 available", IN, None),
        ("under 5 left", IN, None),
        ("about 20 in stock", IN, None),
        ("Only 3 left", IN, "3"),
        ("Only 3 left in stock - order soon.", IN, "3"),
        ("10+ in stock", IN, None),
        ("more than 10 available", IN, None),
        ("Last copy", IN, None),
        ("Bientôt disponible", PRE, None),
        ("22", IN, "22"),
        ("0", OUT, "0"),
        ("0 in stock", OUT, "0"),
        ("Stock: 5", IN, "5"),
        ("In stock. Dispatched within 2 days", IN, None),
        ("Sold out", OUT, None),
        ("Currently unavailable.", OUT, None),
        ("not available", OUT, None),
        ("No longer available", OUT, None),
        ("Temporarily out of stock", OUT, None),
        ("Pre-order", PRE, None),
        ("Available for pre-order now", PRE, None),
        ("in_stock", IN, None),
        ("https://schema.org/InStock", IN, None),
        ("http://schema.org/PreOrder", PRE, None),
        ("OutOfStock", OUT, None),
        ("BackOrder", OUT, None),
        ("delisted", "delisted", None),
        ("TRUE", IN, None),
        ("Nur noch 3 auf Lager", IN, "3"),
        ("Sofort lieferbar", IN, None),
        ("Nicht lieferbar", OUT, None),
        ("Vergriffen", OUT, None),
        ("Erscheint am 12.05.2027", PRE, None),
        ("En stock", IN, None),
        ("Plus que 2 exemplaires", IN, "2"),
        ("Épuisé", OUT, None),
        ("Indisponible", OUT, None),
        ("À paraître", PRE, None),
        ("Quedan 4 unidades", IN, "4"),
        ("Agotado", OUT, None),
        ("No disponible", OUT, None),
        ("Preventa", PRE, None),
        ("Disponibile", IN, None),
        ("Non disponibile", OUT, None),
        ("Esaurito", OUT, None),
        ("Em estoque", IN, None),
        ("Esgotado", OUT, None),
        ("Op voorraad", IN, None),
        ("Niet leverbaar", OUT, None),
        ("Uitverkocht", OUT, None),
        ("Nog 2 op voorraad", IN, "2"),
        ("Dostępny", IN, None),
        ("Niedostępny", OUT, None),
        ("Zostały 3 szt.", IN, "3"),
        ("Zapowiedź", PRE, None),
        ("Na stanju", IN, None),
        ("Nema na stanju", OUT, None),
        ("Rasprodato", OUT, None),
        ("Ostalo još 5 komada", IN, "5"),
        ("\u041d\u0430 \u0441\u0442\u0430\u045a\u0443", IN, None),
    ],
)
def test_availability_is_read(printed: str, state: str, quantity: str | None) -> None:
    assert read_stock(printed) == PrintedStock(state, quantity)


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", "no known availability"),
        ("red", "no known availability"),
        ("-1 in stock", "negative"),
        ("In stock: -3", "negative"),
        ("£9.99", "no known availability"),
        ("In stock online, sold out in shops", "several availabilities"),
        ("x" * 300, "is longer than"),
        ("Available from 12 May 2027", "no known availability"),
        ("-1", "negative"),
    ],
)
def test_text_that_states_no_single_availability_is_refused(printed: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_stock(printed)
