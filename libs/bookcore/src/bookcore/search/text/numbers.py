"""Numbers written as words, ordinals or roman numerals, as digits."""

import re
from collections.abc import Sequence

_UNITS = {
    word: number
    for number, words in enumerate(
        (
            *("", "one first", "two second dva", "three third tri", "four fourth cetiri", "five fifth"),
            *("six sixth sest", "seven seventh sedam", "eight eighth osam", "nine ninth devet"),
            *("ten tenth deset", "eleven eleventh", "twelve twelfth", "thirteen thirteenth"),
            *("fourteen fourteenth", "fifteen fifteenth", "sixteen sixteenth", "seventeen seventeenth"),
            *("eighteen eighteenth", "nineteen nineteenth"),
        )
    )
    for word in words.split()
}
_TENS = {
    word: 10 * number
    for number, words in enumerate(
        (
            *("", "", "twenty twentieth", "thirty thirtieth", "forty fortieth", "fifty fiftieth"),
            *("sixty sixtieth", "seventy seventieth", "eighty eightieth", "ninety ninetieth"),
        )
    )
    for word in words.split()
}
_SCALES = {"hundred": 100, "hundredth": 100, "thousand": 1_000, "thousandth": 1_000, "million": 1_000_000}
_ROMAN = re.compile(r"(?=[ivx]{2})(x{0,3})(ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10}
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_COUNTED = re.compile(
    "books?|vols?|volume|part|parts|no|nr|num|number|episode|issue|tome|tom|band|teil|bind|knjiga|deo|dio|svezak"
)
"""Words before the number of a volume."""


def read_numbers(words: Sequence[str]) -> list[str]:
    """The words with each number in digits, without the word `volume` or `book` before one.

    `slaughterhouse five` -> `slaughterhouse 5`, `one hundred years` -> `100 years`, `nineteen eighty four` ->
    `1984`, `rocky ii` -> `rocky 2`, `sandman vol 2` -> `sandman 2`.
    """
    found: list[str] = []
    at = 0
    while at < len(words):
        end = _find_end_of_number(words, at)
        if end > at:
            found.append(str(_read_run(words[at:end])))
            at = end
        else:
            found.append(_read_digits(words[at]))
            at += 1
    return _drop_counted(found)


def _find_end_of_number(words: Sequence[str], at: int) -> int:
    """The end of the run of number words; `and` may stand inside after a scale word."""
    end = at
    while end < len(words):
        word = words[end]
        inside = (
            word == "and" and end > at and words[end - 1] in _SCALES and _is_number(words[end + 1 : end + 2])
        )
        is_said = word in _UNITS or word in _TENS or (word in _SCALES and end > at)
        if not (inside or is_said) or (end > at and _is_new_number(words[end - 1], word)):
            break
        end += 1
    return end


def _is_number(words: Sequence[str]) -> bool:
    return bool(words) and (words[0] in _UNITS or words[0] in _TENS)


def _is_new_number(before: str, word: str) -> bool:
    """`one two` is counting, `nineteen eighty` and `twenty one` are one number."""
    value = _UNITS.get(word) or _TENS.get(word)
    last = _UNITS.get(before)
    return value is not None and last is not None and last < 10 and value < 10


def _read_run(words: Sequence[str]) -> int:
    total, current, last = 0, 0, 0
    for word in words:
        if word in _SCALES:
            scale = _SCALES[word]
            current = max(current, 1) * scale
            if scale > 100:
                total, current = total + current, 0
            last = scale
        elif word != "and":
            value = _UNITS[word] if word in _UNITS else _TENS[word]
            joins = not current or last >= 100 or (20 <= last < 100 and value < 10)
            current = current + value if joins else current * 100 + value  # nineteen eighty
            last = value
    return total + current


def _read_digits(word: str) -> str:
    if word.isdigit():
        return word.lstrip("0") or word
    if ordinal := _ORDINAL.fullmatch(word):
        return ordinal[1]
    if _ROMAN.fullmatch(word):
        return str(_read_roman(word))
    return word


def _read_roman(word: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in word]
    return sum(
        -value if value < following else value
        for value, following in zip(values, (*values[1:], 0), strict=True)
    )


def _drop_counted(words: list[str]) -> list[str]:
    return [
        word
        for at, word in enumerate(words)
        if not (at and _COUNTED.fullmatch(word) and at + 1 < len(words) and words[at + 1].isdigit())
    ]
