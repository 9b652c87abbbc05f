"""Dashboards are what their code says, and name metrics and labels that there are."""

import json
import re
from collections.abc import Iterator

import pytest
from deploy.observability.boards import BOARDS
from deploy.observability.generate import FOLDER, build_files
from deploy.observability.panels import COLOURS, Board, Panel
from deploy.observability.slo import OBJECTIVES

from bookcore.kit.admin.families import METRICS

WORDS = {
    *("sum", "max", "min", "avg", "count", "rate", "increase", "avg_over_time", "histogram_quantile"),
    *("label_replace", "time", "or", "and"),
}
"""Of PromQL."""
BESIDE = {"up": set(), "ALERTS": {"alertname", "severity", "alertstate"}}
"""Prometheus' own metrics."""
NAMES = ("overview", "gateway", "pipeline", "crawl", "stores", "models")


def list_panels(board: Board) -> Iterator[Panel]:
    for row in board.rows:
        yield from row.panels


def read_metrics(expression: str) -> set[str]:
    """Every word of an expression that is none of PromQL."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)', "", expression)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", bare)) - WORDS


def list_labels(metric: str) -> set[str]:
    if metric.startswith("slo:error_ratio:rate"):
        return {"objective"}
    if metric in BESIDE:
        return BESIDE[metric] | {"job", "instance"}
    family = METRICS[re.sub("_bucket$", "", metric)]
    assert not family.meaning.startswith("deprecated"), metric
    return {*family.labels, "job", "instance"} | ({"le"} if family.buckets else set())


def test_every_generated_file_is_up_to_date() -> None:
    files = build_files()
    assert {path.stem for path in files if path.suffix == ".json"} == set(NAMES)
    assert set((FOLDER / "dashboards").iterdir()) <= files.keys()
    stale = [str(path) for path, text in files.items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run: make docs"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.name))
def test_a_panel_names_metrics_and_labels_that_there_are(board: Board) -> None:
    for panel in list_panels(board):
        for query in panel.queries:
            metrics = read_metrics(query.expression)
            assert metrics, panel.title
            known = {label for metric in metrics for label in list_labels(metric)} | {"class"}
            grouped = " ".join(re.findall(r"by \(([^)]*)\)", query.expression))
            chosen = " ".join(re.findall(r"(\w+)(?:=|!=)~?\"", query.expression))
            shown = " ".join(re.findall(r"\{\{(\w+)\}\}", query.legend))
            assert set(re.findall(r"\w+", f"{grouped} {chosen}")) <= known, panel.title
            assert set(shown.split()) <= {*re.findall(r"\w+", grouped), "objective"}, panel.title


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.name))
def test_a_panel_tells_its_unit_and_what_is_healthy(board: Board) -> None:
    panels = list(list_panels(board))
    assert len({panel.title for panel in panels}) == len(panels) <= 15
    for panel in panels:
        assert panel.unit, panel.title
        assert "Healthy: " in panel.description, panel.title
        assert set(panel.colours) <= COLOURS.keys()
        legends = [query.legend for query in panel.queries]
        assert all(legends), panel.title
    text = json.loads((FOLDER / f"dashboards/{board.name}.json").read_text())
    written = [each for each in text["panels"] if each["type"] != "row"]
    assert [each["title"] for each in written] == [panel.title for panel in panels]
    for each, panel in zip(written, panels, strict=True):
        assert each["datasource"]["uid"] == "$datasource"
        assert [target["expr"] for target in each["targets"]] == [q.expression for q in panel.queries]
    variables = {each["name"] for each in text["templating"]["list"]}
    assert variables == {"datasource"} | ({"source"} if board.source_metric else set())


def test_the_overview_shows_the_burn_of_every_objective() -> None:
    (overview,) = (board for board in BOARDS if board.name == "overview")
    shown = str([panel.queries for panel in overview.rows[0].panels])
    assert [each.name for each in OBJECTIVES if f'"{each.name}"' not in shown] == []
