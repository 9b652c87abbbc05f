"""What the catalogue owes to the topics is sent, in order, and only then forgotten."""

from itertools import groupby
from threading import Event

from bookcore.catalogue import Catalogue, acquire_sender_lock, delete_sent, read_next_messages
from bookcore.event_log import EventLog
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.retry import run_until_stopped

_BATCH = 1_000


class OutboxRelay:
    """Sending again after a crash repeats ids, never order; the database's lock keeps a second relay out."""

    def __init__(self, catalogue: Catalogue, log: EventLog) -> None:
        self._catalogue = catalogue
        self._event_log = log

    def run(self, stop: Event, outbox_ready: Event) -> None:
        """Send whenever `owes` is set, and look twice a second in any case."""

        def send_all() -> None:
            outbox_ready.wait(0.5)
            outbox_ready.clear()
            while self.relay_batch():
                pass

        run_until_stopped(send_all, stop, name="ingestor.relay")

    def relay_batch(self) -> int:
        """Send the head of the line; how many messages that were."""
        with self._catalogue.begin_read() as connection:
            if not read_next_messages(connection, 1):
                return 0
        with self._catalogue.begin_write() as connection:
            if not acquire_sender_lock(connection):
                return 0
            owed = read_next_messages(connection, _BATCH)
            for topic, group in groupby(sorted(owed, key=lambda o: o.topic), key=lambda o: o.topic):
                self._event_log.append(topic, [one.message for one in group])
            trigger_failpoint(Failpoint.INGESTOR_AFTER_RELAY_APPEND)
            delete_sent(connection, owed)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_RELAY_MARK)
        return len(owed)
