"""ml-api against MLflow's scoring server: the same model, the same machine, turn by turn.

MLflow serves it in two ways: as one does it, a Python model that makes the same features by the same code
from a record; and, for orientation, the bare graph with ready inputs and no features to make. ml-api
starts from a record, checks the token, notes the prediction, and answers with interval and lineage.
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

from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.settings import DEVELOPMENT_SECRET
from bookml.encoder import COLUMNS, encoded
from bookml.facts import Facts
from bookml.features import features_of
from bookml.predictor import Predictor
from bookml.registry import open_registry
from bookstream.services import any_free_port

MLFLOW = "mlflow==3.17.2"
ROUNDS, SECONDS = 3, 3.0
_ROOT = Path(__file__).parents[1]
_GRAPH = """
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
graph, providers = onnx.load(sys.argv[1] + "/model.onnx"), ["CPUExecutionProvider"]
del graph.graph.output[1:]  # the inputs of the trees: nobody asks for them here
mlflow.onnx.save_model(graph, sys.argv[2], signature=signature, onnx_execution_providers=providers)
"""
_FACTS = """
import sys, mlflow.pyfunc
mlflow.pyfunc.save_model(sys.argv[2], python_model=sys.argv[3], artifacts={"files": sys.argv[1]})
"""
_CODE = """
from pathlib import Path
import mlflow.pyfunc
from mlflow.models import set_model
from bookcore.domain.details import Details
from bookml.facts import Facts
from bookml.predictor import Predictor

class Price(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        files = {path.name: path.read_bytes() for path in Path(context.artifacts["files"]).iterdir()}
        self.predictor = Predictor(files)

    def predict(self, context, model_input, params=None):
        told = []
        for row in model_input.to_dict("records"):
            details = {name: row.pop(name) for name in list(row) if name in Details.__slots__}
            details["authors"] = tuple(details.get("authors", ()))
            told.append(Facts(**row, details=Details(**details)))
        return [each.price for each in self.predictor.predict(told)]

set_model(Price())
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
    folder = scratch / "files"
    folder.mkdir(exist_ok=True)
    for file, body in files.items():
        (folder / file).write_bytes(body)
    (scratch / "price.py").write_text(_CODE)
    records = {"dataframe_records": [_asked(facts)]}
    with (
        _ml_api(data) as port,
        _mlflow(scratch, _FACTS, str(scratch / "price.py")) as peer,
        _mlflow(scratch, _GRAPH, str(len(COLUMNS))) as bare,
    ):
        reader = Identity("bench", Role.READER, DEFAULT_SCOPES[Role.READER])
        token = InternalTokens(DEVELOPMENT_SECRET).sign(reader)
        ours = Call.of(port, "/ml/predict", json.dumps(question).encode(), {HEADER: token})
        theirs = Call.of(peer, "/invocations", json.dumps(records).encode(), {})
        graph = Call.of(bare, "/invocations", json.dumps({"inputs": inputs}).encode(), {})
        told = float(json.loads(answer(ours))["price"]["amount"])
        other = float(json.loads(answer(theirs))["predictions"][0])
        third = math.expm1(json.loads(answer(graph))["predictions"]["logs"][0][0])
        differs = max(abs(told / other - 1), abs(told / third - 1))
        figures = [Figure("prediction, relative difference to MLflow's", differs, "", 1e-4, at_most=True)]
        for clients in (1, 32):
            figures += _compared((ours, theirs, graph), clients)
        return figures


def _compared(calls: tuple[Call, Call, Call], clients: int) -> list[Figure]:
    rates: list[list[Rate]] = [[], [], []]
    for _ in range(ROUNDS):
        for call, found in zip(calls, rates, strict=True):
            found.append(loaded(call, clients=clients, seconds=SECONDS))
    mine, peer, bare = map(_median, rates)
    shown = f"{clients} client{'s' if clients > 1 else ''}"
    return [
        Figure(f"ml-api, {shown}", mine.per_second, "requests/s"),
        Figure(f"ml-api, {shown}, p50", mine.p50, "ms"),
        Figure(f"ml-api, {shown}, p99", mine.p99, "ms"),
        Figure(f"MLflow, the same job, {shown}", peer.per_second, "requests/s"),
        Figure(f"MLflow, the same job, {shown}, p50", peer.p50, "ms"),
        Figure(f"MLflow, the same job, {shown}, p99", peer.p99, "ms"),
        Figure(f"MLflow, ready inputs, {shown}", bare.per_second, "requests/s"),
        Figure(f"ml-api against MLflow, the same job, {shown}", mine.per_second / peer.per_second, "x", 20),
        Figure(f"ml-api against MLflow, ready inputs, {shown}", mine.per_second / bare.per_second, "x"),
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
def _mlflow(scratch: Path, save: str, more: str) -> Iterator[int]:
    python = _peer(scratch)
    saved = scratch / f"mlflow-model-{len(save)}"
    if saved.exists():
        subprocess.run(["/bin/rm", "-r", str(saved)], check=True)
    ours = ":".join(str(_ROOT / "libs" / name / "src") for name in ("bookcore", "bookml"))
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}", "PYTHONPATH": ours}
    subprocess.run(
        [str(python), "-c", save, str(scratch / "files"), str(saved), more],
        env={**os.environ, **environment},
        cwd=scratch,
        check=True,
    )
    port = any_free_port()
    words = ["models", "serve", "--model-uri", str(saved), "--port", str(port), "--env-manager", "local"]
    command = [str(python), "-m", "mlflow", *words, "--host", "127.0.0.1", "--workers", "1"]
    with _running(command, environment, f"http://127.0.0.1:{port}/ping"):
        yield port


def _peer(scratch: Path) -> Path:
    """MLflow in an environment of its own, made once."""
    python = scratch / "mlflow-venv" / "bin" / "python"
    ready = scratch / "mlflow-venv" / "ready"
    if not ready.exists():
        venv.create(scratch / "mlflow-venv", with_pip=True)
        packages = [MLFLOW, "onnx", "onnxruntime", "orjson"]
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
