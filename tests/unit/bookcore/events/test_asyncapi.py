"""The AsyncAPI document is whole, and what was ever sent can still be read."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from docs.generate import ROOT

import bookcore.events
from bookcore.events.asyncapi import build_document
from bookcore.events.codec import EVENTS
from bookcore.events.json_schemas import is_backward_compatible, strip_descriptions
from bookcore.events.topics import TOPICS

SCHEMAS = Path(bookcore.events.__file__).parent / "schemas"


def references(part: Any) -> list[str]:  # Any: JSON
    """Every $ref in a document."""
    if isinstance(part, list):
        return [found for each in part for found in references(each)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for each in part.values() for found in references(each)]


def test_every_reference_leads_somewhere() -> None:
    whole = json.loads(json.dumps(build_document()))
    for reference in references(whole):
        place = whole
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
        assert place


def test_the_document_lists_events_producers_and_consumers_of_every_topic() -> None:
    told = build_document()
    for name, topic in TOPICS.items():
        if name.endswith(".dlq"):
            continue
        assert set(told["channels"][name]["messages"]) == {event.type for event in topic.events}
        assert told["channels"][name]["bindings"]["kafka"]["partitions"] == topic.partitions
        for who in topic.producers:
            assert told["operations"][f"{who}.send.{name}"]["action"] == "send"
        for who in topic.consumers:
            assert told["operations"][f"{who}.receive.{name}"]["action"] == "receive"


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_a_schema_reads_every_version_that_was_ever_committed(kind: str) -> None:
    path = (SCHEMAS / f"{kind}.json").relative_to(ROOT)
    commits = _git("log", "--format=%H", "--diff-filter=AM", "--", str(path)).split()
    now = strip_descriptions(json.loads((ROOT / path).read_text()))
    for commit in commits:
        before = strip_descriptions(json.loads(_git("show", f"{commit}:{path}")))
        assert is_backward_compatible(now, before), (
            f"{kind} differs from what {commit[:8]} promised: make a new version of it"
        )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"properties": {"a": {"type": "string"}}}, {"properties": {}}),
        ({"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": "integer"}}}),
        ({"required": ["a", "b"]}, {"required": ["a"]}),
        ({"required": ["a"]}, {"required": ["a", "b"]}),
        ({"properties": {}}, {"properties": {"a": {"type": "string"}}, "required": ["a"]}),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, {"anyOf": [{"type": "string"}]}),
        ({"$defs": {"A": {"required": ["a"]}}}, {"$defs": {"A": {"required": []}}}),
        ({"enum": ["x"]}, {"enum": ["x", "y"]}),
    ],
)
def test_a_breaking_change_is_seen(before: dict[str, object], after: dict[str, object]) -> None:
    assert not is_backward_compatible(strip_descriptions(after), strip_descriptions(before))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"properties": {}}, {"properties": {"a": {"type": "string"}}}),
        ({"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ],
)
def test_a_field_that_may_be_absent_may_come(before: dict[str, object], after: dict[str, object]) -> None:
    assert is_backward_compatible(strip_descriptions(after), strip_descriptions(before))


def test_words_may_change() -> None:
    before = {"title": "A", "properties": {"title": {"type": "string", "description": "old"}}}
    after = {"title": "B", "properties": {"title": {"type": "string", "description": "new"}}}
    assert strip_descriptions(before) == strip_descriptions(after)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is no clone with a history")
    return done.stdout
