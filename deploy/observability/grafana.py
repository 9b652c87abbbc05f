"""Grafana's JSON of a dashboard, by grafana-foundation-sdk.

Of the first schema, which every Grafana reads from files; the SDK calls it the old one.
"""

from itertools import count

from deploy.observability.panels import COLOURS, Board, Panel
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.dashboard import Row as RowBuilder
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

_TAG = "bookstream"
_SOURCE = DataSourceRef(type_val="prometheus", uid="$datasource")
_HEIGHT, _ROW = 8, 24
"""Of Grafana's grid."""


def dump_dashboard(board: Board) -> str:
    """The text of its file."""
    return JSONEncoder(sort_keys=True, indent=1).encode(build_dashboard(board).build()) + "\n"


def build_dashboard(board: Board) -> Dashboard:
    """Rows of panels of equal width; variables `datasource` and, for boards about sources, `source`."""
    dashboard = (
        Dashboard(board.title)
        .uid(f"bookstream-{board.name}")
        .description(board.description)
        .tags([_TAG])
        .readonly()
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_build_link())
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    if board.source_metric:
        dashboard = dashboard.with_variable(_build_source_variable(board.source_metric))
    numbers = count(1)
    for row in board.rows:
        dashboard = dashboard.with_row(RowBuilder(row.title).id(next(numbers)))
        width = _ROW // min(len(row.panels), 3)
        for panel in row.panels:
            built = _build_panel(panel).id(next(numbers)).span(width).height(_HEIGHT)
            dashboard = dashboard.with_panel(built)
    return dashboard


def _build_link() -> DashboardLink:
    link = DashboardLink("Bookstream").type(DashboardLinkType.DASHBOARDS).tags([_TAG])
    return link.as_dropdown(True).keep_time(True).include_vars(True)  # noqa: FBT003 - the builder's own


def _build_source_variable(metric: str) -> QueryVariable:
    variable = QueryVariable("source").label("Source").datasource(_SOURCE)
    variable = variable.query(f"label_values({metric}, source)").refresh(
        VariableRefresh.ON_TIME_RANGE_CHANGED
    )
    return variable.multi(True).include_all(True).all_value(".*")  # noqa: FBT003 - the builder's own


def _build_panel(panel: Panel) -> Stat | Timeseries:
    built = Stat() if panel.is_number else _build_graph(panel)
    built = built.title(panel.title).description(panel.description).unit(panel.unit).datasource(_SOURCE)
    if panel.limit is not None:
        built = built.thresholds(_build_thresholds(panel.limit, is_floor=panel.is_floor))
    for name in sorted({query.legend for query in panel.queries} & COLOURS.keys() | {*panel.colours}):
        colour = {"mode": "fixed", "fixedColor": COLOURS[name]}
        built = built.override_by_name(name, [DynamicConfigValue(id_val="color", value=colour)])
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend)
        built = built.with_target(target.instant() if panel.is_number else target.range())
    return built


def _build_graph(panel: Panel) -> Timeseries:
    legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    graph = Timeseries().min(0).fill_opacity(8).line_width(1).legend(legend).tooltip(tooltip)
    if panel.limit is None:
        return graph
    return graph.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))


def _build_thresholds(limit: float, *, is_floor: bool) -> ThresholdsConfig:
    below, above = ("red", "green") if is_floor else ("green", "red")
    steps = [Threshold(color=below), Threshold(color=above, value=limit)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
