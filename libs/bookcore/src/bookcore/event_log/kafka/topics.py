"""Declares the topics of bookcore.events.topics in Kafka."""

from collections.abc import Mapping, Sequence

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from bookcore.domain.errors import Invalid
from bookcore.events.topics import TOPICS, Topic

_DAY_MS = 24 * 60 * 60 * 1_000


def declare_topics(admin: KafkaAdminClient, prefix: str) -> Sequence[str]:
    """Creates missing topics and sets retention and compaction of all; returns one line per topic.

    Raises: Invalid when a topic has another number of partitions: keys would move between them.
    """
    there = {each["name"]: len(each["partitions"]) for each in admin.describe_topics()}
    done = []
    for topic in TOPICS.values():
        name = prefix + topic.name
        partitions = there.get(name, 0)
        if partitions == 0:
            wanted = {
                "num_partitions": topic.partitions,
                "replication_factor": -1,
                "configs": _build_topic_settings(topic),
            }
            admin.create_topics({name: wanted}, wait_for_metadata=True)
            done.append(f"made {name}: {topic.partitions} partitions")
        elif partitions != topic.partitions:
            raise Invalid(
                f"topic {name} has {partitions} partitions where events/topics.py has {topic.partitions};"
                " declare the new number under a new topic version",
                field="BOOKSTREAM_EVENT_LOG_URL",
            )
        else:
            resource = ConfigResource(ConfigResourceType.TOPIC, name, dict(_build_topic_settings(topic)))
            admin.alter_configs([resource])
            done.append(f"kept {name}")
    return done


def _build_topic_settings(topic: Topic) -> Mapping[str, str]:
    days = topic.retention_days
    return {
        "cleanup.policy": "compact,delete" if topic.compacted else "delete",
        "retention.ms": "-1" if days is None else str(days * _DAY_MS),
    }
