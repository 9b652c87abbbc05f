"""The token by which the gateway tells services who asks."""

from datetime import UTC, datetime, timedelta

import pytest

from bookcore.kit.auth import DEFAULT_SCOPES, Identity, InternalTokens, Role, authorize
from bookcore.kit.problem import ProblemError

SECRET = "a secret of the test that is long enough"
READER = Identity("reader", Role.READER, DEFAULT_SCOPES[Role.READER])


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time


def test_a_cached_verification_expires_with_the_token() -> None:
    clock = Hand()
    tokens = InternalTokens(SECRET, clock=clock)
    token = tokens.sign(READER)
    assert tokens.verify(token) == READER
    clock.time += timedelta(seconds=61)
    other = tokens.sign(READER)
    assert tokens.verify(other) == READER
    assert tokens.get_cached(token) is None
    assert tokens.get_cached(other) == READER


def test_a_token_of_another_secret_is_always_rejected() -> None:
    token = InternalTokens(SECRET[::-1]).sign(READER)
    tokens = InternalTokens(SECRET)
    for _ in range(2):
        with pytest.raises(ProblemError):
            tokens.verify(token)


def test_a_scope_that_the_token_lacks_is_forbidden() -> None:
    tokens = InternalTokens(SECRET)
    with pytest.raises(ProblemError, match="admin"):
        authorize(tokens, tokens.sign(READER), ["admin"])
