"""What every registry of models does, wherever it keeps them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bookcore.domain.errors import Conflict, Invalid
from bookml.artifact import CARD, FACTS, MODEL, Files
from bookml.registry import (
    ModelAction,
    ModelDecision,
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    get_challenger,
    get_champion,
    open_registry,
)

NAME = "price-shop-gbp"
FILES: Files = {MODEL: b"\x08\x09graph", FACTS: b"{}", CARD: b"{}"}
DRAFT = ModelDraft(
    source="shop",
    currency="GBP",
    snapshot="5d" * 32,
    features="price/1",
    verdict="signal",
    passed=True,
    reason="it is better",
    metrics={"rmsle": 0.25, "gain": 0.4},
)


def decide(registry: ModelRegistry, act: ModelAction, version: int) -> None:
    expected = len(registry.list_decisions(NAME))
    at = datetime(2026, 1, 1, 12, expected, tzinfo=UTC)
    registry.append_decision(ModelDecision(NAME, version, act, "because", "me", at), expected=expected)


class RegistryContract:
    """Subclass it and give `url` for a registry that is empty."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty registry."""
        raise NotImplementedError

    @pytest.fixture
    def registry(self, url: str) -> ModelRegistry:
        return open_registry(url)

    def test_model_is_read_as_registered(self, registry: ModelRegistry) -> None:
        made = registry.register(NAME, FILES, DRAFT)
        (found,) = registry.list_versions(NAME)
        assert found == made
        assert (found.version, found.metrics, found.passed) == (1, DRAFT.metrics, True)
        assert registry.read_files(found) == FILES
        assert NAME in registry.list_names()

    def test_same_files_are_the_same_version_and_others_the_next(self, registry: ModelRegistry) -> None:
        first = registry.register(NAME, FILES, DRAFT)
        assert registry.register(NAME, FILES, DRAFT).version == first.version
        second = registry.register(NAME, {**FILES, CARD: b"{ }"}, DRAFT)
        assert [v.version for v in registry.list_versions(NAME)] == [first.version, second.version] == [1, 2]

    def test_unknown_name_has_no_versions(self, registry: ModelRegistry) -> None:
        assert NAME not in registry.list_names()
        assert (list(registry.list_versions(NAME)), list(registry.list_decisions(NAME))) == ([], [])
        assert list(registry.list_versions("../../etc")) == []

    def test_decisions_are_appended_in_turn(self, registry: ModelRegistry) -> None:
        registry.register(NAME, FILES, DRAFT)
        decide(registry, ModelAction.PROMOTE, 1)
        decide(registry, ModelAction.ROLLBACK, 1)
        assert [d.act for d in registry.list_decisions(NAME)] == [ModelAction.PROMOTE, ModelAction.ROLLBACK]
        late = ModelDecision(NAME, 1, ModelAction.PROMOTE, "late", "you", datetime(2026, 1, 1, tzinfo=UTC))
        with pytest.raises(Conflict, match="changed meanwhile"):
            registry.append_decision(late, expected=1)
        assert len(registry.list_decisions(NAME)) == 2

    def test_pickles_and_unknown_files_are_rejected(self, registry: ModelRegistry) -> None:
        for files in ({**FILES, MODEL: b"\x80\x04."}, {**FILES, "model.pkl": b"x"}, {FACTS: b"{}"}):
            with pytest.raises(Invalid):
                registry.register(NAME, files, DRAFT)
        assert list(registry.list_versions(NAME)) == []


def decided(acts: Sequence[tuple[ModelAction, int]]) -> list[ModelDecision]:
    return [ModelDecision(NAME, n, act, "", "me", datetime(2026, 1, 1, tzinfo=UTC)) for act, n in acts]


def get_roles(acts: Sequence[tuple[ModelAction, int]]) -> tuple[int | None, int | None]:
    made = decided(acts)
    return get_champion(made), get_challenger(made)


def first_version(registry: ModelRegistry) -> ModelVersion:
    return registry.register(NAME, FILES, DRAFT)
