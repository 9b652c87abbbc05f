import json
from dataclasses import replace
from pathlib import Path

import pytest

import bookcore.events
from bookcore.catalogue import categories, open_catalogue
from bookcore.domain.errors import Invalid
from bookcore.event_log import open_event_log
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.codec import EVENTS, decode, encode
from bookcore.events.json_schemas import Example, build_schemas, load_examples
from bookcore.events.message import Batch
from bookcore.events.topics import CATEGORY, CHANGED, DECIDED, OBSERVED, PREDICTED, RUN, STATE, Topic
from bookcore.search import open_search_index
from bookcore.testing.contracts.catalogue_runs import read_sources
from ingestor.accept import validate_batch
from ingestor.categories import CategorySink
from ingestor.index import IndexSink
from ingestor.runs import RunSink

FOLDER = Path(bookcore.events.__file__).parent
LIVE = (OBSERVED, CHANGED, STATE, RUN, CATEGORY, DECIDED, PREDICTED)
ALL_EXAMPLES = [
    pytest.param(example, id=example.name) for topic in LIVE for example in load_examples(topic.name)
]


def test_every_schema_file_equals_the_schema_of_its_model() -> None:
    written = {path.name: path.read_text() for path in (FOLDER / "schemas").glob("*.json")}
    assert written == build_schemas(), "run: python -m bookcore.events.json_schemas"


@pytest.mark.parametrize("topic", LIVE, ids=lambda topic: topic.name)
def test_every_event_of_a_topic_has_an_example(topic: Topic) -> None:
    shown = {type(decode(example.record).event) for example in load_examples(topic.name)}
    known_by_file = {
        decode(example.record).record.get_header("ce_type") for example in load_examples(topic.name)
    }
    assert shown == set(topic.events)
    assert known_by_file <= set(EVENTS)


@pytest.mark.parametrize("example", ALL_EXAMPLES)
def test_an_example_is_in_the_present_form(example: Example) -> None:
    event = decode(example.record).event
    if example.record.value is not None:
        assert json.loads(encode(event, source="test").value or b"") == json.loads(example.record.value)


def test_the_catalogue_takes_every_example_of_its_topic() -> None:
    records = [example.record for example in load_examples(OBSERVED.name)]
    assert validate_batch(Batch(OBSERVED.name, records[0].partition, records)).rejected == ()


def test_the_index_takes_every_example_of_its_topic(tmp_path: Path) -> None:
    index = open_search_index(f"tantivy://{tmp_path}/search", writable=True)
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    records = [example.record for example in load_examples(STATE.name)]
    IndexSink(index, DeadLetterQueue(log)).handle(Batch(STATE.name, records[0].partition, records))
    assert [(deleted) for _, _, deleted in index.read_versions()] == [True]
    assert log.read_progress(STATE.dead_letter_topic, "g")[0].end == 0
    index.close()
    log.close()


def test_the_history_of_runs_takes_every_example_of_its_topic(tmp_path: Path) -> None:
    catalogue = open_catalogue(f"sqlite:///{tmp_path}/catalogue.db")
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    records = [example.record for example in load_examples(RUN.name)]
    RunSink(catalogue, DeadLetterQueue(log)).handle(Batch(RUN.name, 0, records))
    (source,) = read_sources(catalogue).values()
    assert (source.last_complete, source.last_complete is None) == (source.last_run, False)
    assert log.read_progress(RUN.dead_letter_topic, "g")[0].end == 0
    catalogue.close()
    log.close()


def test_the_tree_of_categories_takes_every_example_of_its_topic(tmp_path: Path) -> None:
    catalogue = open_catalogue(f"sqlite:///{tmp_path}/catalogue.db")
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    records = [
        replace(example.record, offset=offset) for offset, example in enumerate(load_examples(CATEGORY.name))
    ]
    CategorySink(catalogue, DeadLetterQueue(log)).handle(Batch(CATEGORY.name, 0, records))
    with catalogue.begin_read() as connection:
        tree = categories.read_tree(connection).tree
    assert tree.rules.place("shop", "Sci-Fi, used") == "science-fiction"
    assert log.read_progress(CATEGORY.dead_letter_topic, "g")[0].end == 0
    catalogue.close()
    log.close()


def test_an_event_of_an_unknown_version_is_refused_by_name() -> None:
    example = next(iter(load_examples(OBSERVED.name)))
    headers = tuple(
        (n, b"books.book.observed.v9" if n == "ce_type" else v) for n, v in example.record.headers
    )
    with pytest.raises(Invalid, match=r"observed\.v9"):
        decode(replace(example.record, headers=headers))
