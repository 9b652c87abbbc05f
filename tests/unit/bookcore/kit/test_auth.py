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
        self.step = timedelta(0)

    def now(self) -> datetime:
        return self.time + self.step

    def monotonic(self) -> float:
        return self.time.timestamp()


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


@pytest.mark.parametrize("seconds", [-3_600, -70, 50])
def test_a_token_signed_after_a_step_of_the_clock_is_accepted_by_a_service_whose_clock_is_right(
    seconds: int,
) -> None:
    clock = Hand()
    tokens = InternalTokens(SECRET, clock=clock)
    clock.step = timedelta(seconds=seconds)
    assert InternalTokens(SECRET).verify(tokens.sign(READER)) == READER


@pytest.mark.parametrize("seconds", [-3_600, -70, 50, 3_600])
def test_a_cached_verification_lasts_as_long_whatever_the_wall_clock_does(seconds: int) -> None:
    clock = Hand()
    tokens = InternalTokens(SECRET, clock=clock)
    token = tokens.sign(READER)
    tokens.verify(token)
    clock.step = timedelta(seconds=seconds)
    assert tokens.get_cached(token) == READER
    clock.time += timedelta(seconds=61)
    assert tokens.get_cached(token) is None


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
