"""Three-letter parts of text without spaces: alike where spelling and spacing differ."""

from collections.abc import Sequence

_LONGEST = 120  # characters


def join_words(words: Sequence[str]) -> str:
    """The words without spaces: `catch 22` and `catch22` are one."""
    return "".join(words)


def make_grams(joined: str, *, is_finished: bool = True) -> list[str]:
    """The distinct parts of three characters in order, with marks at both ends: `_em emm mma ma_`.

    Unfinished text has no mark at its end.
    """
    if not joined:
        return []
    marked = f"_{joined[:_LONGEST]}{'_' if is_finished else ''}"
    return list(dict.fromkeys(marked[at : at + 3] for at in range(max(len(marked) - 2, 1))))
