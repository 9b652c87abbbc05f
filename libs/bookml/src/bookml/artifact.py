"""A model as files: model.onnx and JSON, never a pickle; digests are checked before a file is opened.

trees.json has LightGBM's text of the trees, for explanations.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from bookcore.domain.errors import Invalid
from bookml.encoder import COLUMNS, EffectTable
from bookml.features import NAMES, VERSION

MODEL, FACTS, CARD, PAGE = "model.onnx", "model.json", "card.json", "card.html"
ERRORS, TREES = "errors.json", "trees.json"
NAMES_OF_FILES = (MODEL, FACTS, CARD, PAGE, ERRORS, TREES)
_LARGEST = 64 * 1024 * 1024
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """model.json: everything that serving needs besides the graph. Log prices are log(1 + amount).

    `offsets` widen the raw quantiles by category (the key "" stands for all others), so that `coverage` of
    true prices are inside. `centre` and `spread` are the baseline: the median price and the interval of the
    same coverage around it.
    """

    source: str
    currency: str
    snapshot: str
    features: str
    columns: tuple[str, ...]
    tables: tuple[dict[str, tuple[float, float]], ...]
    offsets: dict[str, float]
    coverage: float
    centre: float
    spread: tuple[float, float]
    ranges: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Canonical JSON: equal descriptions are equal bytes."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    def as_tables(self) -> tuple[EffectTable, ...]:
        """One for each of NAMES."""
        return self.tables


def parse_description(body: bytes) -> ModelDescription:
    """The inverse of to_json.

    Raises: Invalid when it is malformed or of another version of the features.
    """
    try:
        fields: dict[str, Any] = orjson.loads(body)  # Any: JSON
        tables = tuple({k: (e[0], e[1]) for k, e in table.items()} for table in fields["tables"])
        fields |= {"tables": tables, "columns": tuple(fields["columns"]), "spread": tuple(fields["spread"])}
        description = ModelDescription(**fields)
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Invalid("is no model's description", field=FACTS) from error
    if (
        description.features != VERSION
        or description.columns != COLUMNS
        or len(description.tables) != len(NAMES)
    ):
        raise Invalid(f"is for features {description.features}, this program has {VERSION}", field=FACTS)
    return description


def compute_digests(files: Files) -> dict[str, str]:
    """SHA-256 (hex) by file."""
    return {name: sha256(body).hexdigest() for name, body in sorted(files.items())}


def compute_digest(files: Files) -> str:
    """SHA-256 (hex) of all files together: the identity of the model."""
    return sha256("\n".join(f"{n} {d}" for n, d in compute_digests(files).items()).encode()).hexdigest()


def verify_files(files: Files, digests: Mapping[str, str]) -> Files:
    """The files, if they match the registered digests.

    Raises: Invalid naming the file that is missing, unknown, too large, pickled or altered.
    """
    for name in files.keys() | digests.keys():
        body = files.get(name)
        if body is None or name not in digests:
            raise Invalid("is missing or was never registered", field=name)
        if sha256(body).hexdigest() != digests[name]:
            raise Invalid("is not what was registered: its digest differs", field=name)
    return check_files(files)


def check_files(files: Files) -> Files:
    """The files, if a model may have them.

    Raises: Invalid naming the file at fault.
    """
    for name, body in files.items():
        if name not in NAMES_OF_FILES:
            raise Invalid(f"a model has only {', '.join(NAMES_OF_FILES)}", field=name)
        if len(body) > _LARGEST:
            raise Invalid(f"is larger than {_LARGEST} bytes", field=name)
        if body.startswith(_PICKLES):
            raise Invalid("is a pickle; those are never opened", field=name)
    if MODEL not in files or FACTS not in files:
        raise Invalid("is missing", field=MODEL if MODEL not in files else FACTS)
    return files
