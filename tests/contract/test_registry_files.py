from pathlib import Path

import pytest
from tests.contract.registry import NAME, RegistryContract, first_version, get_roles

from bookcore.domain.errors import Invalid
from bookml.registry import ModelAction, ModelRegistry, open_registry


class TestFileRegistry(RegistryContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}/models"

    def test_a_file_that_was_altered_or_added_is_refused_before_it_is_opened(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        version = first_version(registry)
        path = tmp_path / "models" / NAME / "1" / "model.onnx"
        path.write_bytes(b"\x80\x04pickled")
        with pytest.raises(Invalid, match=r"model.onnx: is not what was registered"):
            registry.read_files(version)


@pytest.mark.parametrize(
    ("acts", "champion", "challenger"),
    [
        ([], None, None),
        ([(ModelAction.PROMOTE, 1), (ModelAction.PROMOTE, 2)], 2, None),
        ([(ModelAction.PROMOTE, 1), (ModelAction.PROMOTE, 2), (ModelAction.ROLLBACK, 2)], 1, None),
        (
            [
                (ModelAction.PROMOTE, 1),
                (ModelAction.PROMOTE, 2),
                (ModelAction.REJECT, 1),
                (ModelAction.ROLLBACK, 2),
            ],
            None,
            None,
        ),
        ([(ModelAction.PROMOTE, 1), (ModelAction.CHALLENGE, 2)], 1, 2),
        ([(ModelAction.PROMOTE, 1), (ModelAction.CHALLENGE, 2), (ModelAction.PROMOTE, 2)], 2, None),
        ([(ModelAction.PROMOTE, 1), (ModelAction.CHALLENGE, 2), (ModelAction.REJECT, 2)], 1, None),
        ([(ModelAction.ROLLBACK, 1)], None, None),
    ],
)
def test_what_is_in_use_follows_from_the_decisions(
    acts: list[tuple[ModelAction, int]], champion: int | None, challenger: int | None
) -> None:
    assert get_roles(acts) == (champion, challenger)


def test_a_registry_of_no_known_kind_is_refused() -> None:
    with pytest.raises(Invalid, match=r"no registry for pickle://"):
        open_registry("pickle:///models")
