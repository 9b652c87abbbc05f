"""`make sbom`: the Python packages of each image, from the lock, as CycloneDX in .stack/sbom/NAME.cdx.json.

A package is in an image when the image's distributions need it, as the installed packages declare; versions
and hashes are those of the lock. Debian's packages of the base image are not in it.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from deploy.release.images import ROOT, Image, list_images
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = ROOT / ".stack/sbom"
_TOOL = FOLDER / "tool/bin/cyclonedx-py"
_OWN = frozenset({"bookcore", "bookml", "booksources"})
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)


def read_lock(path: Path) -> Mapping[str, str]:
    """Package -> its requirement with all hashes."""
    entries: dict[str, str] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", path.read_text()):
        if found := _ENTRY.match(block):
            entries[canonicalize_name(found[1])] = block.rstrip()
    return entries


def list_packages(image: Image) -> Sequence[str]:
    """Third-party packages that an image's distributions need, by name."""
    extras = "servers" if (image.arguments or {}).get("EXTRAS", "[servers]") else ""
    name = image.distribution.rpartition("/")[2]
    todo: list[tuple[str, str]] = [(canonicalize_name(name), extras)]
    todo += [(lib, "") for lib in (image.arguments or {}).get("LIBS", "bookcore").split()]
    seen: set[tuple[str, str]] = set()
    while todo:
        if (wanted := todo.pop()) not in seen:
            seen.add(wanted)
            todo += _list_needs(*wanted)
    return sorted({package for package, _ in seen} - _OWN - {canonicalize_name(name)})


def _list_needs(package: str, extra: str) -> Iterator[tuple[str, str]]:
    try:
        needed = requires("bookstream" if package == "cli" else package) or []
    except PackageNotFoundError:
        return
    for requirement in map(Requirement, needed):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            name = canonicalize_name(requirement.name)
            yield name, ""
            yield from ((name, each) for each in requirement.extras)


def build_requirements(image: Image) -> str:
    """The lock, cut down to the image. MLflow's has a lock of its own."""
    if not image.distribution:
        return (ROOT / "deploy/mlflow/requirements.txt").read_text()
    lock = read_lock(ROOT / "requirements-dev.txt")
    return "".join(f"{lock[name]}\n" for name in list_packages(image) if name in lock)


def main() -> int:
    """Writes every image's."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for image in list_images():
        if image.arguments is None:
            continue
        name = image.name.partition("/")[2]
        listed, written = FOLDER / f"{name}.txt", FOLDER / f"{name}.cdx.json"
        listed.write_text(build_requirements(image))
        words = ["requirements", "--output-reproducible", "--output-file", str(written), str(listed)]
        subprocess.run([str(_TOOL), *words], check=True)  # noqa: S603 - our own words
        sys.stdout.write(f"{written.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
