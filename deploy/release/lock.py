"""deploy/images.lock: name, tag and digest of every image that docker-compose.yml and deploy/k8s run.

`python -m deploy.release.lock REGISTRY VERSION FOLDER` writes it and deploy/k8s/components/digests. FOLDER
has a file for each image, named as it with `/` and `:` as `_`, that holds its digest. `python -m
deploy.release.lock` writes the names and tags without digests, as before the first release.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from deploy.release.images import ROOT, list_images

from bookcore.domain.errors import Invalid

LOCK = ROOT / "deploy/images.lock"
DIGESTS = ROOT / "deploy/k8s/components/digests/kustomization.yaml"
UNRELEASED = f"sha256:{'0' * 64}"
"""No image has it: a pod that names it does not start."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD = "# name tag digest; written by `python -m deploy.release.lock`. Zeros: not released yet.\n"


@dataclass(frozen=True, slots=True)
class LockedImage:
    """`name` is that of the manifests, `source` where it is pulled from."""

    name: str
    source: str
    tag: str
    digest: str = UNRELEASED

    def __str__(self) -> str:
        return f"{self.source} {self.tag} {self.digest}"


def list_locked(registry: str, version: str, digests: Mapping[str, str]) -> Sequence[LockedImage]:
    """Every image, ours in the registry. Raises: Invalid for an image of a release without a digest."""
    locked = []
    for image in list_images():
        name, _, tag = image.name.partition(":")
        source = f"{registry}/{name}" if image.arguments is not None else name
        digest = digests.get(image.name, "") if version != "unreleased" else UNRELEASED
        if not _DIGEST.fullmatch(digest):
            raise Invalid(f"{image.name} has no digest")
        locked.append(LockedImage(name, source, tag or version, digest))
    return locked


def parse_lock(text: str) -> Mapping[str, tuple[str, str]]:
    """Source -> tag and digest."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {source: (tag, digest) for source, tag, digest in rows}


def dump_lock(locked: Sequence[LockedImage]) -> str:
    """The text of deploy/images.lock."""
    return _HEAD + "".join(f"{each}\n" for each in locked)


def dump_component(text: str, locked: Sequence[LockedImage]) -> str:
    """The component `digests` with the digests of the images that it names; its comments stay."""
    head, _, _ = text.partition("images:\n")
    names = {image["name"] for image in yaml.safe_load(text)["images"]}
    lines = [
        f"  - {{name: {each.name},{_rename(each)} digest: {each.digest}}}\n"
        for each in locked
        if each.name in names
    ]
    return f"{head}images:\n{''.join(lines)}"


def _rename(image: LockedImage) -> str:
    return "" if image.source == image.name else f" newName: {image.source},"


def read_digests(folder: Path) -> Mapping[str, str]:
    """Image -> digest."""
    files = {image.name: folder / re.sub(r"[/:]", "_", image.name) for image in list_images()}
    return {name: file.read_text().strip() for name, file in files.items() if file.exists()}


def main(words: Sequence[str]) -> int:
    """Writes both files; 1 with one line when a digest is missing, 2 for other words."""
    if len(words) not in (0, 3):
        sys.stderr.write("use REGISTRY VERSION FOLDER, or nothing\n")
        return 2
    registry, version, folder = words or ("registry.example.com", "unreleased", "")
    try:
        locked = list_locked(registry, version, read_digests(Path(folder)) if folder else {})
    except Invalid as error:
        sys.stderr.write(f"{error}\n")
        return 1
    LOCK.write_text(dump_lock(locked))
    DIGESTS.write_text(dump_component(DIGESTS.read_text(), locked))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
