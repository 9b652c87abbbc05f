"""The event log's suite on Kafka, and what only Kafka can do wrong."""

from uuid import uuid4

import pytest
from kafka import KafkaAdminClient

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.kafka.address import parse_address
from bookcore.event_log.kafka.producer import TopicProducer
from bookcore.events.message import Message
from bookcore.events.topics import OBSERVED
from bookcore.testing.contracts.event_log import EventLogContract


@pytest.fixture
def fresh(kafka_url: str) -> str:
    return f"{kafka_url}?prefix=t{uuid4().hex[:8]}."


class TestKafkaEventLog(EventLogContract):
    @pytest.fixture
    def url(self, fresh: str) -> str:
        log = open_event_log(fresh)
        log.declare_topics()
        log.close()
        return fresh

    @pytest.mark.xfail(
        raises=AssertionError, reason="Kafka appends message by message; the rest comes again at the next try"
    )
    def test_a_killed_append_is_stored_whole_or_not_at_all(self, url: str, log: EventLog) -> None:
        super().test_a_killed_append_is_stored_whole_or_not_at_all(url, log)


def test_topics_that_were_not_made_are_named_with_the_remedy(fresh: str) -> None:
    log = open_event_log(fresh)
    with pytest.raises(NotFound, match="bookstream topics apply"):
        log.append(OBSERVED.name, [Message("k", b"v")])
    with pytest.raises(NotFound, match="bookstream topics apply"):
        log.create_consumer("g", [OBSERVED.name])
    log.close()


def test_declaring_topics_twice_changes_nothing(fresh: str) -> None:
    log = open_event_log(fresh)
    assert {line.split()[0] for line in log.declare_topics()} == {"made"}
    log.append(OBSERVED.name, [Message("k", b"v")])
    assert {line.split()[0] for line in log.declare_topics()} == {"kept"}
    assert sum(at.end for at in log.read_progress(OBSERVED.name, "g")) == 1
    log.close()


def test_a_topic_that_was_given_more_partitions_is_refused_by_name(fresh: str) -> None:
    log = open_event_log(fresh)
    log.declare_topics()
    address = parse_address(fresh)
    admin = KafkaAdminClient(**address.build_client_settings())
    admin.create_partitions({address.prefix + OBSERVED.name: OBSERVED.partitions + 1})
    admin.close()
    for act in (lambda: log.append(OBSERVED.name, [Message("k", b"v")]), log.declare_topics):
        with pytest.raises(Invalid, match=f"{OBSERVED.partitions + 1} partitions"):
            act()
    log.close()


def test_a_producer_that_waits_for_good_is_given_up_for_a_new_one(fresh: str) -> None:
    """As it was found after a broker was killed: its sender waits for an answer that was lost."""
    log = open_event_log(fresh)
    log.declare_topics()
    sending = TopicProducer(parse_address(fresh), patience=1)
    sending.append(OBSERVED.name, [(0, Message("k", b"1"))])
    stuck = sending._producer
    assert stuck is not None
    stuck._transaction_manager._in_flight_request_correlation_id = 7
    with pytest.raises(Unavailable):
        sending.append(OBSERVED.name, [(0, Message("k", b"2"))])
    sending.append(OBSERVED.name, [(0, Message("k", b"2"))])
    sending.close()
    assert [record.value for record in log.read(OBSERVED.name, 0, 0, 10)] == [b"1", b"2"]
    log.close()


@pytest.mark.parametrize(
    "url",
    ["kafka://", "kafka://host", "kafka://host:port", "kafka://h:9092?acks=0", "kafka://h:9092?prefix"],
)
def test_a_url_that_cannot_be_right_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_EVENT_LOG_URL"):
        open_event_log(url)


def test_an_unreachable_broker_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 .*BOOKSTREAM_EVENT_LOG_URL") as caught:
        open_event_log("kafka://user:hidden@127.0.0.1:9")
    assert "hidden" not in str(caught.value)
