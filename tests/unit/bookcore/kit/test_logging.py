"""Log lines: one JSON object each, with the trace, whatever the text holds."""

import json
import os
import subprocess
import sys

import orjson
import pytest

from bookcore.kit.json_line import render_line

HOSTILE = 'a\n{"level":"critical"}\r\x1b[2K\x00\x7f\x9b2J\u2028"\\\ud800\U0001f600'
CODE = f"""
import logging, warnings
from bookcore.kit.logger import get_logger
from bookcore.kit.logging import configure_logging
from bookcore.kit.settings import Settings, read_settings
from bookcore.kit.tracing.context import SpanContext, current_span
configure_logging(read_settings(Settings), service="ingestor")
log = get_logger("bookcore.test")
hostile = {HOSTILE!r}
log.info(hostile, value=hostile)
logging.getLogger(hostile).warning("%s", hostile)
current_span.set(SpanContext("a" * 32, "b" * 16, is_sampled=True))
try:
    raise ValueError(hostile)
except ValueError:
    log.exception("failed")
warnings.warn("old", stacklevel=1)
raise RuntimeError("at the end")
"""


def run(**environment: str) -> list[str]:
    """Lines of standard error."""
    clean = {name: value for name, value in os.environ.items() if "BOOKSTREAM" not in name}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=clean | environment, capture_output=True, check=False
    )
    return done.stderr.decode().split("\n")[:-1]


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    return [orjson.loads(line) for line in run(BOOKSTREAM_LOG_FORMAT="json")]


def test_every_line_is_one_object_with_time_level_logger_message_service_and_version(
    lines: list[dict[str, object]],
) -> None:
    assert [line["level"] for line in lines] == ["info", "warning", "error", "warning", "critical"]
    for line in lines:
        assert list(line)[:4] == ["time", "level", "logger", "message"]
        assert str(line["time"]).endswith("Z")
        assert (line["service"], line["version"]) == ("ingestor", "0.1.0")


def test_hostile_text_stays_a_value(lines: list[dict[str, object]]) -> None:
    held = HOSTILE.replace("\ud800", "\ufffd")
    assert (lines[0]["message"], lines[0]["value"]) == (held, held)
    assert (lines[1]["message"], lines[1]["logger"]) == (held, held)


def test_an_exception_is_fields(lines: list[dict[str, object]]) -> None:
    exception = lines[2]["exception"]
    assert isinstance(exception, dict)
    assert exception["type"] == "ValueError"
    assert exception["stacktrace"].startswith("Traceback")
    assert lines[2]["message"] == "failed"
    assert lines[4]["message"] == "uncaught exception"


def test_lines_name_the_current_span_and_no_other(lines: list[dict[str, object]]) -> None:
    assert "trace_id" not in lines[0]
    assert (lines[2]["trace_id"], lines[2]["span_id"]) == ("a" * 32, "b" * 16)


def test_hostile_text_writes_no_line_of_its_own_in_text_format() -> None:
    text = "\n".join(run(BOOKSTREAM_LOG_FORMAT="text"))
    assert "\x1b" not in text
    assert not any(line.startswith('{"level"') for line in text.split("\n")[:2])
    assert "service=ingestor" in text.split("\n")[0]


def test_production_writes_json_unless_told_otherwise() -> None:
    urls = {
        f"BOOKSTREAM_{name}_URL": "kafka://server" for name in ("EVENT_LOG", "LAKE", "CATALOGUE", "SEARCH")
    }
    production = {**urls, "BOOKSTREAM_ENVIRONMENT": "production", "BOOKSTREAM_INTERNAL_SECRET": "x" * 40}
    assert json.loads(run(**production)[0])["level"] == "info"
    assert not run(BOOKSTREAM_LOG_FORMAT="text", **production)[0].startswith("{")


@pytest.mark.parametrize("value", [float("nan"), object(), {1: {"x"}}, b"\xff", {("a",): 1}])
def test_a_value_that_json_lacks_is_its_representation(value: object) -> None:
    line = render_line({"message": "x", "value": value})
    assert orjson.loads(line)["message"] == "x"


def test_a_value_that_holds_itself_is_its_representation() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert orjson.loads(render_line({"value": endless}))["value"] == "[[...]]"
