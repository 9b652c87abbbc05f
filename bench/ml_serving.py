"""ml-api against MLflow's scoring server: the same model, the same machine, turn by turn.

MLflow serves it in three ways. As one does it: pandas, a scikit-learn pipeline and LightGBM make a price of
a record (ml_pipeline.py). With our own code inside a Python model, which already is the quick way to features
and price. And, for orientation, the bare graph with ready inputs and no features to make. ml-api starts from
a record, checks the token, notes the prediction, and answers with interval and lineage.

The questions are of many books in turn. Each server runs alone on one core, the load on the other.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from bench.gateway_load import TESTED, install_program, start_process, wait_for
from bench.ml_load import Calls, Rate
from bench.report import Figure

from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.settings import DEVELOPMENT_SECRET
from bookml.encoder import COLUMNS, EffectTable, encode
from bookml.facts import BookFacts
from bookml.features import compute_features
from bookml.predictor import PricePredictor
from bookml.registry import open_registry
from bookstream.services import find_free_port

MLFLOW = "mlflow==3.17.2"
ROUNDS, SECONDS = 3, 3
USUAL = "MLflow, scikit-learn"
SAME = "MLflow, our code in it"
READY = "MLflow, ready inputs"
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


def measure_serving(data: Path, scratch: Path, *, name: str, books: Sequence[BookFacts]) -> list[Figure]:
    """Rates at 1 and 32 clients, their ratios, and how far the answers differ."""
    install_program("wrk", "wrk")
    registry = open_registry(f"file://{data}/ml/models")
    version = registry.list_versions(name)[-1]
    files = registry.read_files(version)
    folder = scratch / "files"
    folder.mkdir(exist_ok=True)
    for file, body in files.items():
        (folder / file).write_bytes(body)
    questions = [{"source": version.source, "features": build_question(facts)} for facts in books]
    records = [{"dataframe_records": [build_question(facts)]} for facts in books]
    tables = PricePredictor(files).description.as_tables()
    with (
        run_ml_api(data) as ours,
        run_mlflow(scratch, _FACTS, str(_ROOT / "bench" / "ml_pipeline.py")) as usual,
        run_mlflow(scratch, _FACTS, str(_ROOT / "bench" / "ml_peer_model.py")) as theirs,
        run_mlflow(scratch, _GRAPH, str(len(COLUMNS))) as graph,
    ):
        calls = {
            "ml-api": Calls(*ours, dump_questions(questions), sign_headers),
            USUAL: Calls(*usual, dump_questions(records), dict),
            SAME: Calls(*theirs, dump_questions(records), dict),
            READY: Calls(*graph, dump_questions([build_inputs(facts, tables) for facts in books]), dict),
        }
        differs = compute_difference(
            {name: parse_prices(name, each.collect_responses()) for name, each in calls.items()}
        )
        figures = [Figure("prediction, relative difference to MLflow's", differs, "", 1e-4, at_most=True)]
        for clients in (1, 32):
            figures += compare(calls, scratch, clients)
        return figures


def sign_headers() -> dict[str, str]:
    reader = Identity("bench", Role.READER, DEFAULT_SCOPES[Role.READER])
    return {HEADER: InternalTokens(DEVELOPMENT_SECRET).sign(reader)}


def parse_prices(name: str, answers: Sequence[bytes]) -> list[float]:
    told = [json.loads(each) for each in answers]
    if name == "ml-api":
        return [float(each["price"]["amount"]) for each in told]
    if name == READY:
        return [math.expm1(each["predictions"]["logs"][0][0]) for each in told]
    return [float(each["predictions"][0]) for each in told]


def compute_difference(prices: dict[str, list[float]]) -> float:
    """The largest to any peer, for any book; ours are rounded to hundredths."""
    ours = prices["ml-api"]
    rest = [each for name, each in prices.items() if name != "ml-api"]
    return max(abs(a / b - 1) for peer in rest for a, b in zip(ours, peer, strict=True))


def compare(calls: dict[str, Calls], scratch: Path, clients: int) -> list[Figure]:
    rates: dict[str, list[Rate]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            rates[name].append(call.measure(scratch, clients=clients, seconds=SECONDS))
    found = {name: compute_median(each) for name, each in rates.items()}
    shown = f"{clients} client{'s' if clients > 1 else ''}"
    figures = []
    for name, rate in found.items():
        figures += [
            Figure(f"{name}, {shown}", rate.per_second, "requests/s"),
            Figure(f"{name}, {shown}, p50", rate.p50, "ms"),
            Figure(f"{name}, {shown}, p99", rate.p99, "ms"),
            Figure(f"{name}, {shown}, CPU", rate.cpu, "us/request"),
        ]
    ours = found["ml-api"]
    for name, goal in ((USUAL, 20.0), (SAME, 20.0), (READY, None)):
        ratio = ours.per_second / found[name].per_second
        figures.append(Figure(f"ml-api against {name}, {shown}", ratio, "x", goal))
        figures.append(Figure(f"the same by CPU, {shown}", found[name].cpu / ours.cpu, "x"))
    return figures


def compute_median(rates: list[Rate]) -> Rate:
    return Rate(*(statistics.median(getattr(r, f.name) for r in rates) for f in fields(Rate)))


def dump_questions(questions: Sequence[object]) -> list[bytes]:
    return [json.dumps(each).encode() for each in questions]


def build_inputs(facts: BookFacts, tables: Sequence[EffectTable]) -> dict[str, object]:
    given = encode([compute_features(facts)], tables)
    told = {"x": given.x.tolist(), "places": given.places.tolist(), "weights": given.weights.tolist()}
    return {"inputs": told}


def build_question(facts: BookFacts) -> dict[str, object]:
    plain = facts.as_dict
    details = plain.pop("details", {})
    return {**plain, **details}


@contextmanager
def run_ml_api(data: Path) -> Iterator[tuple[int, str]]:
    port = find_free_port()
    environment = {"BOOKSTREAM_DATA": str(data), "BOOKSTREAM_ML_API_PORT": str(port)}
    with start_process([sys.executable, "-m", "ml_api"], core=TESTED, env=environment) as child:
        wait_for(f"http://127.0.0.1:{port}/health/ready", seconds=120)
        yield child.pid, f"http://127.0.0.1:{port}/ml/predict"


@contextmanager
def run_mlflow(scratch: Path, save: str, more: str) -> Iterator[tuple[int, str]]:
    python = install_peer(scratch)
    saved = scratch / f"mlflow-model-{Path(more).stem}"
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
    port = find_free_port()
    words = ["models", "serve", "--model-uri", str(saved), "--port", str(port), "--env-manager", "local"]
    command = [str(python), "-m", "mlflow", *words, "--host", "127.0.0.1", "--workers", "1"]
    with start_process(command, core=TESTED, env=environment) as child:
        wait_for(f"http://127.0.0.1:{port}/ping", seconds=120)
        yield child.pid, f"http://127.0.0.1:{port}/invocations"


def install_peer(scratch: Path) -> Path:
    """MLflow in an environment of its own, made once."""
    python = scratch / "mlflow-venv" / "bin" / "python"
    ready = scratch / "mlflow-venv" / "ready"
    if not ready.exists():
        venv.create(scratch / "mlflow-venv", with_pip=True)
        packages = [MLFLOW, "scikit-learn", "lightgbm", "onnx", "onnxruntime", "orjson"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.touch()
    return python
