"""Elasticsearch from Maven's repository: the real server with few modules."""

import os
import re
import subprocess
import zipfile
from pathlib import Path

from bookcore.domain.errors import Unavailable
from devstack.elasticsearch_tls import USER, build_login, write_security
from devstack.server import (
    HOST,
    Instance,
    LaunchCommand,
    Server,
    find_tool,
    get_short_life_options,
    probe,
    run_command,
)

VERSION = "9.5.0"
_ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
_OLDEST_JAVA = 21
_CONFIGURATION = """discovery.type: single-node
network.host: {host}
http.port: {port}
transport.port: {transport}
path.data: {data}
path.logs: {logs}
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
    security = write_security(here, settings) if here.certificates else "xpack.security.enabled: false\n"
    (settings / "elasticsearch.yml").write_text(text + security)


def _build_command(here: Instance) -> LaunchCommand:
    environment = {
        "ES_JAVA_HOME": str(find_java()),
        "ES_JAVA_OPTS": " ".join(["-Xms512m -Xmx512m", *get_short_life_options(here)]),
        "ES_PATH_CONF": str(here.data / "config"),
    }
    return LaunchCommand([str(here.programs / "server" / "bin" / "elasticsearch")], environment)


def find_java() -> Path:
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
    login = build_login(here) if here.certificates else ""
    request = f"GET /_cluster/health?wait_for_status=yellow&timeout=1s HTTP/1.0\r\n{login}\r\n"
    return b" 200 " in probe(here, request.encode(), within=3.0)[:20]


def _build_exports(here: Instance) -> dict[str, str]:
    place = f"{HOST}:{here.port}/books"
    if here.certificates:
        place = f"{USER}:{here.password}@{place}?cafile={here.authority}"
    scheme = "elasticsearch+https" if here.certificates else "elasticsearch"
    return {"BOOKSTREAM_SEARCH_URL": f"{scheme}://{place}"}


ELASTICSEARCH = Server(
    name="elasticsearch",
    version=VERSION,
    port=19_200,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=_build_exports,
)
