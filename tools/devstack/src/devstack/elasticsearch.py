"""Elasticsearch from Maven's repository: the real server with few modules."""

import os
import re
import subprocess
import zipfile
from pathlib import Path

from bookcore.domain.errors import Unavailable
from devstack.server import HOST, Instance, LaunchCommand, Server, find_tool, probe, run_command

VERSION = "9.5.0"
_ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
_OLDEST_JAVA = 21
_CONFIGURATION = """discovery.type: single-node
network.host: {host}
http.port: {port}
transport.port: {transport}
path.data: {data}
path.logs: {logs}
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
"""


def _install(folder: Path) -> None:
    maven = find_tool("mvn", "install Maven (Debian: apt-get install maven)")
    run_command(
        [maven, "-q", "-B", "dependency:copy", f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"]
    )
    archive = next(folder.glob("*.zip"))
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            path = Path(packed.extract(entry, folder))
            if mode := entry.external_attr >> 16:
                path.chmod(mode | 0o444)
    archive.unlink()
    next(folder.glob("elasticsearch-*")).rename(folder / "server")


def _prepare(here: Instance) -> None:
    settings = here.data / "config"
    if not settings.exists():
        settings.mkdir()
        for file in (here.programs / "server" / "config").glob("*"):
            if file.is_file():
                (settings / file.name).write_bytes(file.read_bytes())
    text = _CONFIGURATION.format(
        host=HOST,
        port=here.port,
        transport=here.port + 1,
        data=here.data / "data",
        logs=here.data / "logs",
    )
    (settings / "elasticsearch.yml").write_text(text)


def _build_command(here: Instance) -> LaunchCommand:
    environment = {
        "ES_JAVA_HOME": str(_find_java()),
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        "ES_PATH_CONF": str(here.data / "config"),
    }
    return LaunchCommand([str(here.programs / "server" / "bin" / "elasticsearch")], environment)


def _find_java() -> Path:
    """Raises: Unavailable when no Java is new enough."""
    named = [os.environ.get("ES_JAVA_HOME"), os.environ.get("JAVA_HOME")]
    homes = [Path(home) for home in named if home] + sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    for home in homes:
        if _read_java_version(home) >= _OLDEST_JAVA:
            return home
    raise Unavailable(
        f"Elasticsearch needs Java {_OLDEST_JAVA} or newer and none was found;"
        " install one and set ES_JAVA_HOME"
    )


def _read_java_version(home: Path) -> int:
    java = home / "bin" / "java"
    if not java.exists():
        return 0
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', output)
    return int(version[1]) if version else 0


def _is_ready(here: Instance) -> bool:
    request = b"GET /_cluster/health?wait_for_status=yellow&timeout=1s HTTP/1.0\r\n\r\n"
    return b" 200 " in probe(here.port, request, within=3.0)[:20]


ELASTICSEARCH = Server(
    name="elasticsearch",
    version=VERSION,
    port=19_200,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=lambda here: {"BOOKSTREAM_SEARCH_URL": f"elasticsearch://{HOST}:{here.port}/books"},
)
