"""What every registry of models does, wherever it keeps them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bookcore.domain.errors import Conflict, Invalid
from bookml.artifact import CARD, FACTS, MODEL, Files
from bookml.registry import Act, Decision, Draft, Registry, Version, challenger_of, champion_of, open_registry

NAME = "price-shop-gbp"
FILES: Files = {MODEL: b"\x08\x09graph", FACTS: b"{}", CARD: b"{}"}
DRAFT = Draft(
    source="shop",
    currency="GBP",
    snapshot="5d" * 32,
    features="price/1",
    verdict="signal",
    passed=True,
    reason="it is better",
    metrics={"rmsle": 0.25, "gain": 0.4},
)


def decide(registry: Registry, act: Act, version: int) -> None:
    expected = len(registry.decisions(NAME))
    at = datetime(2026, 1, 1, 12, expected, tzinfo=UTC)
    registry.decide(Decision(NAME, version, act, "because", "me", at), expected=expected)


class RegistryContract:
    """Subclass it and give `url` for a registry that is empty."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty registry."""
        raise NotImplementedError

    @pytest.fixture
    def registry(self, url: str) -> Registry:
        return open_registry(url)

    def test_a_model_comes_back_as_it_was_registered(self, registry: Registry) -> None:
        made = registry.register(NAME, FILES, DRAFT)
        (found,) = registry.versions(NAME)
        assert found == made
        assert (found.version, found.metrics, found.passed) == (1, DRAFT.metrics, True)
        assert registry.files(found) == FILES
        assert NAME in registry.names()

    def test_the_same_files_are_the_same_version_and_others_the_next(self, registry: Registry) -> None:
        first = registry.register(NAME, FILES, DRAFT)
        assert registry.register(NAME, FILES, DRAFT).version == first.version
        second = registry.register(NAME, {**FILES, CARD: b"{ }"}, DRAFT)
        assert [v.version for v in registry.versions(NAME)] == [first.version, second.version] == [1, 2]

    def test_an_unknown_name_has_nothing(self, registry: Registry) -> None:
        assert NAME not in registry.names()
        assert (list(registry.versions(NAME)), list(registry.decisions(NAME))) == ([], [])
        assert list(registry.versions("../../etc")) == []

    def test_decisions_are_only_added_to_and_in_turn(self, registry: Registry) -> None:
        registry.register(NAME, FILES, DRAFT)
        decide(registry, Act.PROMOTE, 1)
        decide(registry, Act.ROLLBACK, 1)
        assert [d.act for d in registry.decisions(NAME)] == [Act.PROMOTE, Act.ROLLBACK]
        late = Decision(NAME, 1, Act.PROMOTE, "late", "you", datetime(2026, 1, 1, tzinfo=UTC))
        with pytest.raises(Conflict, match="somebody else"):
            registry.decide(late, expected=1)
        assert len(registry.decisions(NAME)) == 2

    def test_a_pickle_and_files_of_unknown_kinds_are_refused(self, registry: Registry) -> None:
        for files in ({**FILES, MODEL: b"\x80\x04."}, {**FILES, "model.pkl": b"x"}, {FACTS: b"{}"}):
            with pytest.raises(Invalid):
                registry.register(NAME, files, DRAFT)
        assert list(registry.versions(NAME)) == []


def decided(acts: Sequence[tuple[Act, int]]) -> list[Decision]:
    return [Decision(NAME, n, act, "", "me", datetime(2026, 1, 1, tzinfo=UTC)) for act, n in acts]


def in_use(acts: Sequence[tuple[Act, int]]) -> tuple[int | None, int | None]:
    made = decided(acts)
    return champion_of(made), challenger_of(made)


def first_version(registry: Registry) -> Version:
    return registry.register(NAME, FILES, DRAFT)
