"""A seeded generator of what people type for books that they want, by class of typing."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bookcore.domain.book import VersionedBook
from bookcore.search.cards import Card, make_card
from bookcore.search.text import make_product_key, tokenize
from bookcore.search.text.folding import fold
from bookcore.search.titles import split_title

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NOISE = ("book", "novel", "pdf", "ebook", "kindle", "paperback")
_NUMBERS = {
    "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight",
    "9": "nine", "10": "ten", "12": "twelve", "13": "thirteen", "100": "one hundred", "1000": "one thousand",
}  # fmt: skip
_CYRILLIC = {
    "lj": "љ", "nj": "њ", "dž": "џ", "a": "а", "b": "б", "v": "в", "g": "г", "d": "д", "đ": "ђ", "e": "е",
    "ž": "ж", "z": "з", "i": "и", "j": "ј", "k": "к", "l": "л", "m": "м", "n": "н", "o": "о", "p": "п",
    "r": "р", "s": "с", "t": "т", "ć": "ћ", "u": "у", "f": "ф", "h": "х", "c": "ц", "č": "ч", "š": "ш",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A book with what the classes type: its title without series, author, series and number."""

    stored: VersionedBook
    title: str
    author: str
    card: Card
    series: str
    number: str

    @property
    def words(self) -> list[str]:
        """As written, without marks at their ends."""
        return [word.strip(".,:;!?\"'()") for word in self.title.split() if word.strip(".,:;!?\"'()")]


@dataclass(frozen=True, slots=True)
class Typed:
    """A text, and which books answer it."""

    text: str
    is_right: Callable[[VersionedBook], bool]


@dataclass(frozen=True, slots=True)
class TypingClass:
    """What is typed, how many answers count (1: the first), and the bar in percent."""

    name: str
    depth: int
    bar: float
    type_text: Callable[[Wanted, random.Random], str | None]
    answer: str = "title"


def make_wanted(stored: VersionedBook) -> Wanted:
    """The book as somebody who wants it has it in mind."""
    parts = split_title(stored.book.title)
    title = parts.pieces[0] if parts.pieces and len(parts.pieces[0]) > 5 else parts.main
    author = stored.book.details.authors[0] if stored.book.details.authors else ""
    return Wanted(stored, title, author, make_card(stored.book), parts.series, parts.number)


def generate(kind: TypingClass, shelf: Sequence[Wanted], *, seed: int, count: int) -> Iterator[Typed]:
    """Up to `count` texts of a class; books that the class can't type are left out."""
    dice = random.Random(f"{kind.name}-{seed}")
    left = count
    for wanted in dice.sample(shelf, len(shelf)):
        text = kind.type_text(wanted, dice)
        if text is None:
            continue
        yield Typed(text, _make_answer(kind.answer, wanted))
        left -= 1
        if not left:
            return


def _make_answer(kind: str, wanted: Wanted) -> Callable[[VersionedBook], bool]:
    if kind == "nothing":
        return lambda found: False
    if kind == "author":
        name = "".join(tokenize(wanted.author))
        return lambda found: name in {"".join(tokenize(each)) for each in found.book.details.authors}
    if kind == "code":
        return lambda found: bool(_list_codes(wanted.stored) & _list_codes(found))
    if kind == "series":
        return lambda found: _has_number(found, wanted)
    titles = _list_titles(wanted.stored)
    return lambda found: bool(titles & _list_titles(found))


def _list_titles(stored: VersionedBook) -> set[str]:
    parts = split_title(stored.book.title)
    return {"".join(tokenize(title)) for title in (parts.main, *parts.pieces[:1])}


def _list_codes(stored: VersionedBook) -> set[str]:
    return set(filter(None, map(make_product_key, stored.book.identifiers.values())))


def _has_number(found: VersionedBook, wanted: Wanted) -> bool:
    parts = split_title(found.book.title)
    return parts.number == wanted.number and fold(parts.series) == fold(wanted.series)


def make_typo(word: str, dice: random.Random) -> str:
    """One letter replaced, lost, doubled up or swapped with the next."""
    at = dice.randrange(len(word))
    match dice.choice(("replace", "delete", "insert", "swap")):
        case "replace":
            return word[:at] + dice.choice(LETTERS.replace(word[at].lower(), "")) + word[at + 1 :]
        case "delete":
            return word[:at] + word[at + 1 :]
        case "insert":
            return word[:at] + dice.choice(LETTERS) + word[at:]
        case _:
            at = min(at, len(word) - 2)
            if word[at] == word[at + 1]:
                return word[:at] + word[at + 1 :]
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _mistype(words: list[str], dice: random.Random, *, times: int = 1) -> list[str] | None:
    words = list(words)
    long = [at for at, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if sum(len(word) for word in words) < 8 or not long:
        return None
    for _ in range(times):
        at = dice.choice(long)
        words[at] = make_typo(words[at], dice)
    return words


def _cut(word: str, dice: random.Random) -> str:
    return word[: dice.randint(2, len(word) - 1)] if len(word) > 3 else word


def _exact(w: Wanted, dice: random.Random) -> str | None:
    return w.title if len(w.title) > 3 else None


def _order(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    return " ".join(dice.sample(words, len(words))) if 1 < len(words) < 8 else None


def _accents(w: Wanted, dice: random.Random) -> str | None:
    return fold(w.title) if not w.title.isascii() and len(w.title) > 3 else None


def _title_author(w: Wanted, dice: random.Random) -> str | None:
    return f"{w.title} {w.author}" if w.author else None


def _isbn(w: Wanted, dice: random.Random) -> str | None:
    keys = [key for each in w.stored.book.identifiers.values() if (key := make_product_key(each))]
    if not keys or not keys[0].startswith("978"):
        return None
    thirteen, nine = keys[0], keys[0][3:12]
    check = -sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), nine, strict=True)) % 11
    ten = nine + ("X" if check == 10 else str(check))
    return dice.choice(
        (
            *(thirteen, ten, ten.lstrip("0"), f"ISBN {ten}", f"isbn-13: {thirteen}", f"ISBN10:{ten.lower()}"),
            *(
                f"{ten[0]}-{ten[1:4]}-{ten[4:9]}-{ten[9]}",
                f"978 {ten[0]} {ten[1:4]} {ten[4:9]} {thirteen[-1]}",
            ),
        )
    )


def _typo(w: Wanted, dice: random.Random) -> str | None:
    words = _mistype(w.words, dice)
    return " ".join(words) if words else None


def _two_typos(w: Wanted, dice: random.Random) -> str | None:
    words = _mistype(w.words, dice, times=2) if sum(map(len, w.words)) > 9 else None
    return " ".join(words) if words else None


def _typo_cut(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    if len(words) < 2 or not (start := _mistype(words[:-1], dice)):
        return None
    return " ".join((*start, _cut(words[-1], dice)))


def _half_typo(w: Wanted, dice: random.Random) -> str | None:
    *start, last = w.words or [""]
    if not start or len(last) < 6 or sum(map(len, start)) < 6:
        return None
    half = last[: dice.randint(4, len(last) - 1)]
    return " ".join((*start, make_typo(half, dice)))


def _cut_last(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    return " ".join((*words[:-1], _cut(words[-1], dice))) if len(words) > 1 and len(w.title) > 8 else None


def _space_lost(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    if len(words) < 2 or len(w.title) < 8:
        return None
    at = dice.randrange(len(words) - 1)
    return " ".join((*words[:at], words[at] + words[at + 1], *words[at + 2 :]))


def _space_added(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    long = [at for at, word in enumerate(words) if len(word) > 6]
    if not long:
        return None
    at = dice.choice(long)
    cut = dice.randint(3, len(words[at]) - 3)
    return " ".join((*words[:at], words[at][:cut], words[at][cut:], *words[at + 1 :]))


def _hyphen(w: Wanted, dice: random.Random) -> str | None:
    if "-" in w.title:
        return w.title.replace("-", dice.choice(("", " ")))
    return "-".join(w.words) if 1 < len(w.words) < 4 and len(w.title) > 7 else None


def _ampersand(w: Wanted, dice: random.Random) -> str | None:
    if " & " in w.title:
        return w.title.replace(" & ", " and ")
    return w.title.replace(" and ", " & ") if " and " in w.title else None


def _noise(w: Wanted, dice: random.Random) -> str | None:
    return f"{w.title} {dice.choice(NOISE)}" if len(w.title) > 3 else None


def _series(w: Wanted, dice: random.Random) -> str | None:
    if not (w.series and w.number.isdigit()):
        return None
    return dice.choice(
        (
            f"{w.series} {w.number}",
            f"{w.series} book {w.number}",
            f"{w.series} vol. {w.number}",
            f"{w.series} #{w.number}",
        )
    )


def _numbers(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    if len(words) < 2:
        return None
    back = {word: digits for digits, word in _NUMBERS.items()}
    changed = [_NUMBERS.get(word) or back.get(word.lower()) or word for word in words]
    return " ".join(changed) if changed != words else None


def _cyrillic(w: Wanted, dice: random.Random) -> str | None:
    if w.stored.book.source != "serbian" or not re.fullmatch(r"[a-zčćžšđ ]+", w.title.lower()):
        return None
    text = w.title.lower()
    for latin, cyrillic in _CYRILLIC.items():
        text = text.replace(latin, cyrillic)
    return text


def _dj(w: Wanted, dice: random.Random) -> str | None:
    return w.title.lower().replace("đ", "dj") if "đ" in w.title.lower() else None


def _umlauts(w: Wanted, dice: random.Random) -> str | None:
    text = f"{w.title} {w.author}".lower()
    spelled = text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return spelled if spelled != text else None


def _initials(w: Wanted, dice: random.Random) -> str | None:
    match = re.fullmatch(r"((?:[A-Z]\. ?)+)(.+)", w.author)
    if not match:
        return None
    letters = re.findall("[A-Z]", match[1])
    return dice.choice(("".join(letters), " ".join(letters), ". ".join(letters) + ".")) + f" {match[2]}"


def _author(w: Wanted, dice: random.Random) -> str | None:
    return w.author if len(w.author.split()) in (2, 3) else None


def _author_typo(w: Wanted, dice: random.Random) -> str | None:
    words = w.author.split()
    if len(words) not in (2, 3) or len(words[-1]) < 5 or not words[-1].isalpha():
        return None
    return " ".join((*words[:-1], make_typo(words[-1], dice)))


def _surname_first(w: Wanted, dice: random.Random) -> str | None:
    words = w.author.split()
    return " ".join((words[-1] + dice.choice(("", ",")), *words[:-1])) if len(words) in (2, 3) else None


def _surname_typo_title(w: Wanted, dice: random.Random) -> str | None:
    words = w.author.split()
    return f"{words[-1]} {w.title}" if words and len(words[-1]) > 2 and len(w.title) > 4 else None


def _numeric(w: Wanted, dice: random.Random) -> str | None:
    return (
        w.title
        if re.fullmatch(r"[\d.,\-+#:/ ]+", w.title) or re.search(r"[Cc](\+\+|#)|\.NET", w.title)
        else None
    )


def _dropped(w: Wanted, dice: random.Random) -> str | None:
    words = w.words
    if len(words) < 3:
        return None
    words.pop(dice.randrange(len(words)))
    return " ".join(words) if sum(map(len, words)) > 7 else None


def _first_words(w: Wanted, dice: random.Random) -> str | None:
    """Of a book that is among the thousand best known."""
    known = w.stored.book.source == "goodbooks" and int(w.stored.book.source_id) <= 1_000
    words = w.words
    return " ".join(words[:2]) if known and len(words) > 2 and sum(map(len, words[:2])) > 6 else None


def _junk(w: Wanted, dice: random.Random) -> str | None:
    return " ".join(
        "".join(dice.choice(LETTERS) for _ in range(dice.randint(4, 9))) for _ in range(dice.randint(1, 3))
    )


CLASSES = (
    TypingClass("exact", 1, 99.5, _exact),
    TypingClass("word order", 1, 99.5, _order),
    TypingClass("accents dropped", 1, 99.5, _accents),
    TypingClass("title + author", 1, 99.5, _title_author),
    TypingClass("ISBN in any spelling", 1, 100, _isbn, "code"),
    TypingClass("1 typo", 3, 99, _typo),
    TypingClass("2 typos", 3, 98, _two_typos),
    TypingClass("typo + cut", 3, 97, _typo_cut),
    TypingClass("typo in a half-typed word", 3, 97, _half_typo),
    TypingClass("last word cut", 3, 97, _cut_last),
    TypingClass("space lost", 3, 99, _space_lost),
    TypingClass("space added", 3, 99, _space_added),
    TypingClass("hyphen", 3, 99, _hyphen),
    TypingClass("& and `and`", 3, 99, _ampersand),
    TypingClass("extra noise word", 3, 99, _noise),
    TypingClass("series + number", 1, 98, _series, "series"),
    TypingClass("number words", 1, 98, _numbers),
    TypingClass("Cyrillic", 1, 98, _cyrillic),
    TypingClass("dj", 1, 98, _dj),
    TypingClass("ae, oe, ue", 1, 98, _umlauts),
    TypingClass("initials", 3, 98, _initials, "author"),
    TypingClass("author only", 1, 98, _author, "author"),
    TypingClass("author with a typo", 3, 97, _author_typo, "author"),
    TypingClass("surname first", 1, 99, _surname_first, "author"),
    TypingClass("surname + title", 3, 99, _surname_typo_title),
    TypingClass("numeric and symbol titles", 1, 100, _numeric),
    TypingClass("word dropped", 3, 95, _dropped),
    TypingClass("first two words of a famous title", 3, 90, _first_words),
)
JUNK = TypingClass("junk", 1, 5, _junk, "nothing")
