"""All sources by name: a scan of the built-in folders and of the user's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from bookcore.domain.errors import Invalid
from booksources.sources.definition import SourceDefinition, load_definition

FILE = "source.toml"


@dataclass(frozen=True, slots=True)
class SourceRegistry:
    """`faults`: why a folder's source can't be used; the others are not affected by it."""

    definitions: Mapping[str, SourceDefinition] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> SourceDefinition:
        """Raises: Invalid with the fault of its folder, or with the names that there are."""
        if name in self.definitions:
            return self.definitions[name]
        if name in self.faults:
            raise Invalid(self.faults[name])
        near = get_close_matches(name, self.definitions, 1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise Invalid(f"no source {name!r}; there are {', '.join(sorted(self.definitions))}{hint}")


def scan_sources(folders: Sequence[Path] = ()) -> SourceRegistry:
    """Built-in sources and those of the folders; a name can't be taken twice."""
    definitions: dict[str, SourceDefinition] = {}
    faults: dict[str, str] = {}
    for path in _list_files(folders):
        name = path.parent.name
        try:
            definition = load_definition(path)
            if name in definitions:
                raise Invalid(f"{path}: the name {name!r} is taken; name the folder otherwise")
            definitions[name] = definition
        except Invalid as error:
            faults[name if name not in definitions else str(path)] = str(error)
    return SourceRegistry(definitions, faults)


def get_builtin_folder() -> Path:
    """Where the package keeps its sources."""
    return Path(str(files("booksources.sources") / "builtin"))


def _list_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in (get_builtin_folder(), *folders):
        yield from sorted(folder.glob(f"*/{FILE}"))
