"""The short way to an event's bytes ends where the models' own way ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Rating, VersionedBook
from bookcore.domain.change import FieldChange, compare_fields, to_plain_fields
from bookcore.events.book import BookChanged, BookGone, BookState, ChangeKind, Event
from bookcore.events.codec import encode
from bookcore.events.encoder import EventEncoder
from bookcore.events.message import Message
from bookcore.testing.builders import EPOCH, make_versioned_book

TELL = EventEncoder("test", EPOCH)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
STORED = st.builds(
    lambda stored, title, description, rating, status, moment: replace(
        stored,
        book=replace(
            stored.book,
            title=title,
            description=description,
            rating=rating,
            availability=Availability(status, None),
        ),
        first_seen_at=EPOCH + timedelta(microseconds=moment),
    ),
    st.just(make_versioned_book()),
    TEXT,
    st.none() | TEXT,
    st.none() | st.sampled_from([Rating(1), Rating(5)]),
    st.sampled_from(AvailabilityStatus),
    st.integers(0, 10**15),
)


def same(event: Event, message: Message) -> bool:
    """All but the time of sending."""
    expected = encode(event, source="test")
    timed = tuple(
        (name, EPOCH.isoformat().encode() if name == "ce_time" else value) for name, value in expected.headers
    )
    return replace(expected, headers=timed) == message


def told(kind: ChangeKind | None, now: VersionedBook, before: Book | None) -> list[Message]:
    return [message for _, message in TELL.encode_transition(kind, after=now, before=before)]


@given(STORED)
def test_a_state_is_written_as_its_model_writes_it(stored: VersionedBook) -> None:
    assert same(BookState.from_stored(stored), *told(None, stored, None))


@given(STORED, STORED, st.sampled_from(ChangeKind))
def test_a_change_is_written_as_its_model_writes_it(
    before: VersionedBook, now: VersionedBook, kind: ChangeKind
) -> None:
    earlier = None if kind is ChangeKind.CREATED else before.book
    current = replace(now, deleted=kind is ChangeKind.DELETED)
    old = to_plain_fields(earlier) if earlier else {}
    new = {} if current.deleted else to_plain_fields(current.book)
    changes = tuple(FieldChange(*difference) for difference in compare_fields(old, new))
    model = BookChanged(book_id=now.book.id, version=now.version, kind=kind, changes=changes)
    assert same(model, told(kind, current, earlier)[0])


@pytest.mark.parametrize("version", [0, 1_767_268_800_000_000])
def test_a_tombstone_is_written_as_its_model_writes_it(version: int) -> None:
    gone = replace(make_versioned_book(), version=version, deleted=True)
    assert same(BookGone(book_id=gone.book.id, version=version), *told(None, gone, gone.book))
