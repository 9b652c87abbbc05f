"""The images of a release, as docker-compose.yml builds or names them.

`python -m deploy.release.images list` prints the names of ours, `servers` those of others; `build NAME
--tag TAG` prints the words after `docker buildx build` for one of ours, a line each.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bookcore.domain.errors import NotFound

ROOT = Path(__file__).parents[2]
_MLFLOW = "mlflow"


@dataclass(frozen=True, slots=True)
class Image:
    """`arguments` None for one that is not built here; `distribution` is the folder that it runs."""

    name: str
    dockerfile: str = ""
    arguments: Mapping[str, str] | None = None

    @property
    def distribution(self) -> str:
        return (self.arguments or {}).get("DISTRIBUTION", "")

    def build_words(self, tag: str) -> Sequence[str]:
        """Words after `docker buildx build`."""
        words = ["--file", self.dockerfile, "--tag", tag]
        for name, value in (self.arguments or {}).items():
            words += ["--build-arg", f"{name}={value}"]
        return [*words, "."]


def list_images() -> Sequence[Image]:
    """Ours first, then the servers', each once, by name."""
    services: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    found = {image.name: image for section in services.values() if (image := _read_image(section))}
    return sorted(found.values(), key=lambda image: (image.arguments is None, image.name))


def _read_image(section: Mapping[str, Any]) -> Image:
    build = section.get("build")
    if build is None:
        return Image(section["image"])
    arguments = {name: value for name, value in build["args"].items() if value is not None}
    name = arguments.get("DISTRIBUTION", _MLFLOW).rpartition("/")[2].replace("_", "-")
    return Image(f"bookstream/{name}", build["dockerfile"], arguments)


def find_image(name: str) -> Image:
    """One of ours, by the name without `bookstream/`. Raises: NotFound with the names."""
    ours = {image.name.partition("/")[2]: image for image in list_images() if image.arguments is not None}
    if name not in ours:
        raise NotFound(f"no image {name!r}; there are {', '.join(ours)}")
    return ours[name]


def main(words: Sequence[str]) -> int:
    """Prints; 2 for other words."""
    if words == ["list"]:
        lines = [image.name.partition("/")[2] for image in list_images() if image.arguments is not None]
    elif words == ["servers"]:
        lines = [image.name for image in list_images() if image.arguments is None]
    elif len(words) == 4 and words[0] == "build" and words[2] == "--tag":
        lines = list(find_image(words[1]).build_words(words[3]))
    else:
        sys.stderr.write("use `list`, `servers` or `build NAME --tag TAG`\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
