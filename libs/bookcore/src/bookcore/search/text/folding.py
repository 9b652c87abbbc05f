"""Removes case and accents, and writes Cyrillic in Latin letters."""

from unicodedata import category, normalize

# Letters that Unicode doesn't decompose into a plain letter and an accent.
_LETTERS = str.maketrans(
    {
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\u0131": "i",
        "ĸ": "k",
        "ł": "l",
        "ŋ": "ng",
        "ø": "o",
        "œ": "oe",
        "æ": "ae",
        "þ": "th",
        "ŧ": "t",
    }
)
# Serbian as its Latin script has it, without accents; then Macedonian, Russian, Ukrainian and Bulgarian.
_CYRILLIC = dict(
    zip(
        "абвгдђежзијклљмнњопрстћуфхцчџшѓќѕёйщыэюяєіїґъь",
        [
            *"a b v g d d e z z i j k l lj m n nj o p r s t c u f h c c dz s".split(),  # noqa: SIM905  # read as text
            *("g", "k", "dz", "e", "j", "sc", "y", "e", "ju", "ja", "e", "i", "i", "g", "", ""),
        ],
        strict=True,
    )
)
_SECOND_SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj", "ђ": "dj"}
)
_APOSTROPHES = "\u2018\u2019\u02bb\u02bc\u00b4\u2032\uff07`"
_DROPPED = ("Mn", "Me", "Cf")  # accents, enclosing marks, invisible characters


class _Folding(dict[int, str]):
    """Code point -> folded text, computed on first use; a loop would be many times slower."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Removes case and accents: `Číž` equals `CIZ`, ß becomes ss, đ becomes d, љ becomes lj. Idempotent."""
    return text.lower() if text.isascii() else normalize("NFC", text).translate(_FOLDING)


def rewrite_letters(text: str) -> str:
    """The text with ä, ö, ü, ø, å and đ as they are written without these letters: ae, oe, ue, oe, aa, dj."""
    return text if text.isascii() else normalize("NFC", text).lower().translate(_SECOND_SPELLINGS)


def _fold_character(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"  # first: NFKD turns a lone acute accent into a space
    if (latin := _CYRILLIC.get(character.lower())) is not None:
        return latin  # before NFKD, which would take й apart
    before, after = "", character
    while before != after:
        before = after
        plain = "".join(c for c in normalize("NFKD", before) if category(c) not in _DROPPED)
        folded = plain.casefold().translate(_LETTERS)
        after = "".join("'" if c in _APOSTROPHES else _CYRILLIC.get(c, c) for c in folded)
    return after
