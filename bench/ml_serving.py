"""ml-api against MLflow's scoring server: the same graph, the same machine, turn by turn.

MLflow is given the encoded inputs and so has no features to make; ml-api starts from the facts of a book,
checks the token, makes features, notes the prediction, and answers with interval and lineage.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ml_load import Call, Rate, answer, loaded
from bench.report import Figure

from bookcore.kit.auth import HEADER, Identity, InternalTokens, Role
from bookcore.kit.settings import DEVELOPMENT_SECRET
from bookml import artifact
from bookml.encoder import COLUMNS, encoded
from bookml.facts import Facts
from bookml.features import features_of
from bookml.predictor import Predictor
from bookml.registry import open_registry
from bookstream.services import any_free_port

MLFLOW = "mlflow==3.17.2"
ROUNDS, SECONDS = 3, 3.0
_SAVE = """
import sys, mlflow.onnx, numpy, onnx
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import Schema, TensorSpec
columns = int(sys.argv[3])
inputs = Schema([
    TensorSpec(numpy.dtype("float32"), (-1, columns), "x"),
    TensorSpec(numpy.dtype("int64"), (-1, -1), "places"),
    TensorSpec(numpy.dtype("float32"), (-1, -1), "weights"),
])
signature = ModelSignature(inputs=inputs)
graph, providers = onnx.load(sys.argv[1]), ["CPUExecutionProvider"]
del graph.graph.output[1:]  # the inputs of the trees: nobody asks for them here
mlflow.onnx.save_model(graph, sys.argv[2], signature=signature, onnx_execution_providers=providers)
"""


def serving(data: Path, scratch: Path, *, name: str, facts: Facts) -> list[Figure]:
    """Rates at 1 and 32 clients, their ratios, and how far the answers differ."""
    registry = open_registry(f"file://{data}/ml/models")
    version = registry.versions(name)[-1]
    files = registry.files(version)
    row = features_of(facts)
    given = encoded([row], Predictor(files).facts.as_tables())
    inputs = {
        "x": given.x.tolist(),
        "places": given.places.tolist(),
        "weights": given.weights.tolist(),
    }
    question = {"source": version.source, "features": _asked(facts)}
    with _ml_api(data) as port, _mlflow(scratch, files[artifact.MODEL]) as peer:
        token = InternalTokens(DEVELOPMENT_SECRET).sign(Identity("bench", Role.READER))
        ours = Call.of(port, "/ml/predict", json.dumps(question).encode(), {HEADER: token})
        theirs = Call.of(peer, "/invocations", json.dumps({"inputs": inputs}).encode(), {})
        told = float(json.loads(answer(ours))["price"]["amount"])
        other = math.expm1(json.loads(answer(theirs))["predictions"]["logs"][0][0])
        figures = [
            Figure(
                "prediction, relative difference to MLflow's", abs(told / other - 1), "", 1e-4, at_most=True
            )
        ]
        for clients in (1, 32):
            figures += _compared(ours, theirs, clients)
        return figures


def _compared(ours: Call, theirs: Call, clients: int) -> list[Figure]:
    first: list[Rate] = []
    second: list[Rate] = []
    for _ in range(ROUNDS):
        first.append(loaded(ours, clients=clients, seconds=SECONDS))
        second.append(loaded(theirs, clients=clients, seconds=SECONDS))
    mine, peer = _median(first), _median(second)
    shown = f"{clients} client{'s' if clients > 1 else ''}"
    return [
        Figure(f"ml-api, {shown}", mine.per_second, "requests/s"),
        Figure(f"ml-api, {shown}, p50", mine.p50, "ms"),
        Figure(f"ml-api, {shown}, p99", mine.p99, "ms"),
        Figure(f"MLflow scoring server, {shown}", peer.per_second, "requests/s"),
        Figure(f"MLflow scoring server, {shown}, p50", peer.p50, "ms"),
        Figure(f"MLflow scoring server, {shown}, p99", peer.p99, "ms"),
        Figure(
            f"ml-api against MLflow's scoring server, {shown}", mine.per_second / peer.per_second, "x", 20
        ),
    ]


def _median(rates: list[Rate]) -> Rate:
    return Rate(
        statistics.median(r.per_second for r in rates),
        statistics.median(r.p50 for r in rates),
        statistics.median(r.p99 for r in rates),
    )


def _asked(facts: Facts) -> dict[str, object]:
    plain = facts.plain
    details = plain.pop("details", {})
    return {**plain, **details}


@contextmanager
def _ml_api(data: Path) -> Iterator[int]:
    port = any_free_port()
    environment = {"BOOKSTREAM_DATA": str(data), "BOOKSTREAM_ML_API_PORT": str(port)}
    with _running([sys.executable, "-m", "ml_api"], environment, f"http://127.0.0.1:{port}/health/ready"):
        yield port


@contextmanager
def _mlflow(scratch: Path, graph: bytes) -> Iterator[int]:
    python = _peer(scratch)
    (scratch / "model.onnx").write_bytes(graph)
    saved = scratch / "mlflow-model"
    if saved.exists():
        subprocess.run(["/bin/rm", "-r", str(saved)], check=True)
    subprocess.run(
        [str(python), "-c", _SAVE, str(scratch / "model.onnx"), str(saved), str(len(COLUMNS))], check=True
    )
    port = any_free_port()
    words = ["models", "serve", "--model-uri", str(saved), "--port", str(port), "--env-manager", "local"]
    path = f"{python.parent}:{os.environ['PATH']}"
    command = [str(python), "-m", "mlflow", *words, "--host", "127.0.0.1", "--workers", "1"]
    with _running(command, {"PATH": path}, f"http://127.0.0.1:{port}/ping"):
        yield port


def _peer(scratch: Path) -> Path:
    """MLflow in an environment of its own, made once."""
    python = scratch / "mlflow-venv" / "bin" / "python"
    ready = scratch / "mlflow-venv" / "ready"
    if not ready.exists():
        venv.create(scratch / "mlflow-venv", with_pip=True)
        packages = [MLFLOW, "onnx", "onnxruntime"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.touch()
    return python


@contextmanager
def _running(command: list[str], environment: dict[str, str], health: str) -> Iterator[None]:
    child = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(health, child)
        yield
    finally:
        child.terminate()
        child.wait(30)


def _await(url: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as told:
                if told.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}")
