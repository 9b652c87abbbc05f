"""Published descriptions of the events: one JSON Schema per event, example messages per topic.

`python -m bookcore.events.json_schemas` writes the schemas; a test compares them with the models.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel

from bookcore.events.codec import EVENTS
from bookcore.events.message import Record
from bookcore.events.topics import get_topic

_HERE = files("bookcore.events")
_LATE = datetime(2027, 1, 1, tzinfo=UTC)  # time of the example records: later than their content


_NAMED = ("properties", "$defs")  # their keys are names, not keywords
_WORDS = ("title", "description", "examples")


class ExampleMessage(BaseModel):
    """A message as a file: readable headers and data; `value` None is a tombstone."""

    key: str
    headers: dict[str, str]
    value: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Example:
    """An example record and its file name."""

    name: str
    record: Record


def build_schemas() -> dict[str, str]:
    """File name -> JSON Schema, for every event."""
    return {
        f"{kind}.json": json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
        for kind, model in EVENTS.items()
    }


def strip_descriptions(schema: object) -> object:
    """The schema without titles, descriptions and examples, lists sorted: the part that compatibility depends
    on.
    """
    if isinstance(schema, list):
        parts = [strip_descriptions(each) for each in schema]
        return sorted(parts, key=repr) if all(isinstance(part, str) for part in parts) else parts
    if not isinstance(schema, dict):
        return schema
    return {
        name: {field: strip_descriptions(part) for field, part in each.items()}
        if name in _NAMED
        else strip_descriptions(each)
        for name, each in schema.items()
        if name not in _WORDS
    }


def is_backward_compatible(now: object, before: object) -> bool:
    """Whether a reader of schema `now` accepts every message of schema `before`.

    New optional fields and new alternatives are compatible. Old readers reject unknown fields, so readers are
    updated before writers.
    """
    if not isinstance(now, dict) or not isinstance(before, dict):
        return now == before
    if now.keys() - _NAMED != before.keys() - _NAMED:
        return False
    return all(_is_part_compatible(name, now, part) for name, part in before.items())


def _is_part_compatible(name: str, now: dict[str, object], before: object) -> bool:
    part = now.get(name)
    if name in _NAMED and isinstance(part, dict) and isinstance(before, dict):
        return all(
            field in part and is_backward_compatible(part[field], old) for field, old in before.items()
        )
    if name == "anyOf" and isinstance(part, list) and isinstance(before, list):
        return all(any(is_backward_compatible(new, old) for new in part) for old in before)
    return is_backward_compatible(part, before)


def load_examples(topic: str) -> Iterator[Example]:
    """The example messages of a topic, as a consumer receives them."""
    folder = _HERE / "examples" / topic
    for offset, file in enumerate(sorted(folder.iterdir(), key=lambda f: f.name)):
        message = ExampleMessage.model_validate_json(file.read_text())
        value = None if message.value is None else json.dumps(message.value, ensure_ascii=False).encode()
        headers = tuple((name, text.encode()) for name, text in message.headers.items())
        partition = get_topic(topic).assign_partition(message.key)
        yield Example(file.name, Record(topic, partition, offset, _LATE, message.key, value, headers))


def write_schemas(folder: Path) -> None:
    """Writes every schema into the folder."""
    for name, text in build_schemas().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write_schemas(Path(str(_HERE / "schemas")))
