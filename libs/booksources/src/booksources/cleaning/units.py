"""Measures -> whole millimetres and grams."""

import re
from decimal import Decimal

_MILLIMETRES = {
    "mm": Decimal(1),
    "millimetre": Decimal(1),
    "cm": Decimal(10),
    "centimetre": Decimal(10),
    "m": Decimal(1_000),
    "in": Decimal("25.4"),
    "inch": Decimal("25.4"),
    "inche": Decimal("25.4"),
    '"': Decimal("25.4"),
    "ft": Decimal("304.8"),
}
_GRAMS = {
    "g": Decimal(1),
    "gr": Decimal(1),
    "gram": Decimal(1),
    "gramme": Decimal(1),
    "kg": Decimal(1_000),
    "kgm": Decimal(1_000),
    "kilogram": Decimal(1_000),
    "oz": Decimal("28.349523125"),
    "ounce": Decimal("28.349523125"),
    "lb": Decimal("453.59237"),
    "pound": Decimal("453.59237"),
}
_NUMBER = r"(\d{1,6}(?:[.,]\d{1,4}|(?: \d/\d{1,2})?)|\d/\d{1,2})"
_FRACTIONS = {"\u00bd": " 1/2", "\u00bc": " 1/4", "\u00be": " 3/4", "\u2153": " 1/3", "\u215b": " 1/8"}
_INCHES = re.compile("\u2033|\u201d|\u2032\u2032|''")
_THOUSANDS = re.compile(r"\d{1,3}[.,]\d{3}")
_SMALLEST = frozenset({"mm", "millimetre", "g", "gr", "gram", "gramme"})
_SIZES = re.compile(
    rf"{_NUMBER}\s*([a-z\"]*?)\.?\s*[x\u00d7*]\s*{_NUMBER}\s*([a-z\"]*?)\.?(?:\s*[x\u00d7*]\s*{_NUMBER}\s*([a-z\"]*?)\.?)?",
    re.IGNORECASE,
)
_WEIGHT = re.compile(rf"{_NUMBER}\s*([a-z]+)\.?", re.IGNORECASE)
_POUNDS_OUNCES = re.compile(
    rf"(\d{{1,3}})\s*(?:lbs?|pounds?)\.?,?\s*{_NUMBER}\s*(?:oz|ounces?)\.?", re.IGNORECASE
)


def convert_to_millimetres(amount: str, unit: str) -> int | None:
    """Whole millimetres, rounded; None for an unknown unit, no number, or nothing."""
    return _convert(amount, _MILLIMETRES.get(_fold_unit(unit)))


def convert_to_grams(amount: str, unit: str) -> int | None:
    """Whole grams, rounded; None for an unknown unit, no number, or nothing."""
    return _convert(amount, _GRAMS.get(_fold_unit(unit)))


def format_dimensions(text: str) -> str | None:
    """`8.5 x 11 inches` as `216 x 279 mm`, in the printed order; None when it isn't that.

    A unit stands after the last number, or after each. `1,200 mm` is none: it may be 1.2 or 1200.
    """
    match = _SIZES.fullmatch(_fold(text))
    if match is None:
        return None
    numbers = [match[1], match[3], *([match[5]] if match[5] else [])]
    units = [match[2], match[4], *([match[6]] if match[5] else [])]
    last = units[-1]
    sizes = [
        convert_to_millimetres(_read_printed(number, unit or last), unit or last)
        for number, unit in zip(numbers, units, strict=True)
    ]
    return None if None in sizes else f"{' x '.join(map(str, sizes))} mm"


def format_weight(text: str) -> str | None:
    """`1.2 pounds` as `544 g`, `1 lb 4 oz` as `567 g`; None when it isn't a number with a unit.

    `1,200 g` is none: it may be 1.2 or 1200.
    """
    plain = _fold(text)
    both = _POUNDS_OUNCES.fullmatch(plain)
    if both:
        ounces = 16 * int(both[1]) + Decimal(_read_printed(both[2], "oz"))
        return f"{round(ounces * _GRAMS['oz'])} g"
    match = _WEIGHT.fullmatch(plain)
    grams = convert_to_grams(_read_printed(match[1], match[2]), match[2]) if match else None
    return None if grams is None else f"{grams} g"


def _fold(text: str) -> str:
    for sign, fraction in _FRACTIONS.items():
        text = text.replace(sign, fraction)
    words = " ".join(_INCHES.sub('"', text).split())
    return re.sub(r"(?<=[\d\"a-z]) by (?=\d)", " x ", words, flags=re.IGNORECASE)


def _read_printed(number: str, unit: str) -> str:
    """A printed number as a decimal number; nothing where it may be thousands."""
    if _THOUSANDS.fullmatch(number) and _fold_unit(unit) in _SMALLEST:
        return ""
    if "/" not in number:
        return number.replace(",", ".")
    whole, _, fraction = number.rpartition(" ")
    part, divisor = map(int, fraction.split("/"))
    return f"{int(whole or 0) + Decimal(part) / divisor:.4f}" if divisor else ""


def _convert(amount: str, scale: Decimal | None) -> int | None:
    text = amount.strip().replace(",", ".")
    if scale is None or not re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", text, re.ASCII):
        return None
    return round(Decimal(text) * scale) or None


def _fold_unit(unit: str) -> str:
    folded = unit.strip().lower()
    return folded.removesuffix("s") if len(folded) > 2 else folded
