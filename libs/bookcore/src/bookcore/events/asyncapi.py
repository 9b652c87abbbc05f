"""The AsyncAPI 3.1 document of the topics, built from topics.py and the event models."""

from collections.abc import Mapping
from typing import Any

from bookcore.events.codec import EVENTS
from bookcore.events.topics import TOPICS, Topic

Document = dict[str, Any]  # Any: JSON
_DAY_MS = 24 * 60 * 60 * 1_000
_ATTRIBUTES: Mapping[str, str] = {
    "ce_id": "id of the event; the same for every delivery",
    "ce_source": "producer, e.g. scraper/books_toscrape",
    "ce_type": "name and version of the event",
    "ce_time": "time of sending, ISO 8601 in UTC",
    "ce_subject": "the key",
    "ce_specversion": "1.0",
}


def build_document() -> Document:
    """The whole document as plain JSON values."""
    live = [topic for topic in TOPICS.values() if topic.events and not topic.name.endswith(".dlq")]
    schemas: Document = {}
    messages = {kind: _build_message(kind, schemas) for topic in live for kind in _list_event_types(topic)}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Bookstream events",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes as headers, JSON as the value."
            " Delivery is at-least-once: subscribers deduplicate by `ce_id`.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _build_channel(topic) for topic in live},
        "operations": dict(pair for topic in live for pair in _build_operations(topic)),
        "components": {"messages": messages, "schemas": schemas},
    }


def _list_event_types(topic: Topic) -> list[str]:
    return [event.type for event in topic.events]


def _build_channel(topic: Topic) -> Document:
    days = topic.retention_days
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Rejected records go to {topic.dead_letter_topic}.",
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in _list_event_types(topic)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["compact", "delete"] if topic.compacted else ["delete"],
                    "retention.ms": -1 if days is None else days * _DAY_MS,
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _build_operations(topic: Topic) -> list[tuple[str, Document]]:
    whole = {
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [
            {"$ref": f"#/channels/{topic.name}/messages/{kind}"} for kind in _list_event_types(topic)
        ],
    }
    sends = [(f"{who}.send.{topic.name}", {"action": "send", **whole}) for who in topic.producers]
    return sends + [
        (f"{who}.receive.{topic.name}", {"action": "receive", **whole}) for who in topic.consumers
    ]


def _build_message(kind: str, schemas: Document) -> Document:
    """Adds the message's schemas to the document's, each under the message's name."""
    model = EVENTS[kind]
    reference = f"#/components/schemas/{kind}.{{model}}"
    schema = model.model_json_schema(ref_template=reference)
    parts: Mapping[str, Document] = schema.pop("$defs", {})
    schemas.update({f"{kind}.{name}": part for name, part in parts.items()})
    schemas[kind] = schema
    return {
        "name": kind,
        "title": model.__name__,
        "summary": (model.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {name: {"type": "string", "description": why} for name, why in _ATTRIBUTES.items()},
        },
        "payload": {"$ref": f"#/components/schemas/{kind}"},
    }
