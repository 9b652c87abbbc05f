"""Examples of the OpenAPI document; a test validates them against their schemas."""

from pydantic.config import JsonDict

_PRICE: JsonDict = {"amount": "14.20", "currency": "GBP"}
_LOW: JsonDict = {"amount": "9.80", "currency": "GBP"}
_HIGH: JsonDict = {"amount": "21.10", "currency": "GBP"}
_DIGEST = "0f3c" * 16
_SNAPSHOT = "9ae1" * 16
BOOK: JsonDict = {
    "title": "A Light in the Attic",
    "category": "Poetry",
    "authors": ["Shel Silverstein"],
    "format": "Paperback",
    "pages": 176,
}
QUESTION: JsonDict = {"source": "waterstones", "features": BOOK}
PREDICTION: JsonDict = {
    "id": "018f2b1c-6b1e-7c11-8f4e-0a4f9f1d2c3b",
    "kind": "model",
    "price": _PRICE,
    "interval": {"low": _LOW, "high": _HIGH},
    "low": "9.80",
    "high": "21.10",
    "coverage": 0.9,
    "source": "waterstones",
    "book_id": None,
    "model": "waterstones-GBP",
    "version": 2,
    "digest": _DIGEST,
    "features": "1",
    "snapshot": _SNAPSHOT,
    "variant": "champion",
    "reason": None,
    "notes": [],
    "explanation": None,
}
MODEL: JsonDict = {
    "id": "waterstones-GBP:2",
    "name": "waterstones-GBP",
    "version": 2,
    "role": "champion",
    "source": "waterstones",
    "currency": "GBP",
    "verdict": "beats the median surely",
    "passed": True,
    "reason": "its error is below that of guessing, with the whole confidence interval",
    "digest": _DIGEST,
    "features": "1",
    "snapshot": _SNAPSHOT,
    "created_at": "2026-11-25T12:00:00Z",
    "metrics": {"rmsle": 0.41, "coverage": 0.9},
}
DECISION: JsonDict = {
    "version": 2,
    "act": "promote",
    "reason": "passed the gate",
    "by": "trainer",
    "at": "2026-11-25T12:00:00Z",
}
WHOLE: JsonDict = {**MODEL, "card": {}, "digests": {"model.onnx": _DIGEST}, "decisions": [DECISION]}
FEATURES: JsonDict = {
    "book_id": "books_toscrape:a897fe39b1053632",
    "view": "1",
    "version": 1_767_268_800_000_000,
    "numbers": {"pages": 176.0},
    "names": {"category": "poetry"},
    "words": 12,
}
LINEAGE: JsonDict = {
    "prediction": {"id": PREDICTION["id"], "model": "waterstones-GBP", "version": 2},
    "amounts": {"price": _PRICE, "low": _LOW, "high": _HIGH, "observed": None},
    "model": MODEL,
    "snapshot": {
        "id": _SNAPSHOT,
        "source": "waterstones",
        "currency": "GBP",
        "rows": 4_866,
        "sha256": [_DIGEST],
        "training_data": f"/ml/training-data?source=waterstones&snapshot={_SNAPSHOT}",
    },
}
EXPERIMENT: JsonDict = {
    "name": "waterstones-GBP",
    "trial": "split",
    "percent": 10,
    "champion": 2,
    "challenger": 3,
    "arms": [
        {
            "variant": "champion",
            "version": 2,
            "predictions": 900,
            "subjects": 610,
            "observed": 120,
            "rmsle": 0.41,
            "coverage": 0.9,
        }
    ],
    "verdict": "too early to tell",
    "evidence": {"prices": 120, "difference": -0.004, "low": -0.021, "high": 0.013, "coverage": 0.9},
    "decisions": [DECISION],
}
