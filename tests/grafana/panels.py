"""The sorts of panels that the dashboard is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as style
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
Targets: TypeAlias = "dict[str, str]"
"""Queries by what their series are called in the legend."""


def target(
    expression: str, legend: str, place: int, shape: PromQueryFormat = PromQueryFormat.TIME_SERIES
) -> prometheus.Dataquery:
    """A query; of a table only its latest values."""
    query = prometheus.Dataquery().expr(expression).legend_format(legend)
    query = query.ref_id(chr(ord("A") + place)).datasource(SOURCE).format(shape)
    return query.instant() if shape is PromQueryFormat.TABLE else query.range()


def _equipped(panel: Any, title: str, text: str, targets: Targets, size: tuple[int, int]) -> Any:
    width, height = size
    panel = panel.title(title).description(text).datasource(SOURCE).span(width).height(height)
    for place, (legend, expression) in enumerate(targets.items()):
        panel = panel.with_target(target(expression, legend, place))
    return panel


def lines(
    title: str,
    text: str,
    targets: Targets,
    *,
    unit: str = "s",
    size: tuple[int, int] = (12, 8),
    dashed: str = "",
    stacked: bool = False,
) -> Builder[model.Panel]:
    """Lines over time; those whose names match ``dashed`` are limits."""
    panel: timeseries.Panel = _equipped(timeseries.Panel(), title, text, targets, size)
    legend = common.VizLegendOptions().display_mode(style.LegendDisplayMode.LIST)
    legend = legend.placement(style.LegendPlacement.BOTTOM).show_legend(True)
    tooltip = common.VizTooltipOptions().mode(style.TooltipDisplayMode.MULTI)
    panel = panel.unit(unit).min(0).legend(legend).tooltip(tooltip).line_width(1)
    panel = panel.show_points(style.VisibilityMode.AUTO).fill_opacity(40 if stacked else 0)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(style.StackingMode.NORMAL).group("A"))
    if dashed:
        look = {"custom.lineStyle": {"fill": "dash", "dash": [8, 8]}, "custom.showPoints": "never"}
        values = [model.DynamicConfigValue(name, value) for name, value in look.items()]
        panel = panel.override_by_regexp(dashed, values)
    return panel


def states(
    title: str, text: str, targets: Targets, names: dict[str, str], size: tuple[int, int] = (12, 8)
) -> Builder[model.Panel]:
    """What held when: ``names`` are the states, from 1 on, with their colours."""
    panel: statetimeline.Panel = _equipped(statetimeline.Panel(), title, text, targets, size)
    panel = panel.mappings([_mapping(names)]).merge_values(True).row_height(0.8)
    return panel.show_value(style.VisibilityMode.NEVER).fill_opacity(80)


def numbers(
    title: str,
    text: str,
    targets: Targets,
    *,
    unit: str = "s",
    size: tuple[int, int] = (8, 4),
    colours: dict[str, str] | None = None,
) -> Builder[model.Panel]:
    """The latest values, large."""
    panel: stat.Panel = _equipped(stat.Panel(), title, text, targets, size)
    panel = panel.unit(unit).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel = panel.graph_mode(style.BigValueGraphMode.NONE)
    panel = panel.text_mode(style.BigValueTextMode.VALUE_AND_NAME)
    for name, colour in (colours or {}).items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel = panel.override_by_name(name, [model.DynamicConfigValue("color", fixed)])
    return panel


def heat(title: str, text: str, expression: str, size: tuple[int, int]) -> Builder[model.Panel]:
    """A histogram over time; exemplars lead to runs."""
    panel: heatmap.Panel = _equipped(heatmap.Panel(), title, text, {}, size)
    query = target(expression, "{{le}}", 0, PromQueryFormat.HEATMAP).exemplar(True)
    colours = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges")
    panel = panel.with_target(query).calculate(False).color(colours.steps(64))
    return panel.y_axis(heatmap.YAxisConfig().unit("s")).interval("1m")


def rows(
    title: str,
    text: str,
    columns: dict[str, tuple[str, str]],
    named: dict[str, dict[str, str]],
    size: tuple[int, int] = (24, 7),
) -> Builder[model.Panel]:
    """A table: by column its query and its unit; by column or label the colours of values.

    A query without a unit is there for its labels.
    """
    panel: table.Panel = _equipped(table.Panel(), title, text, {}, size)
    renamed, hidden = {}, {"Time": True}
    for place, (name, (expression, unit)) in enumerate(columns.items()):
        panel = panel.with_target(target(expression, name, place, PromQueryFormat.TABLE))
        field = f"Value #{chr(ord('A') + place)}"
        if unit:
            renamed[field] = name
            panel = panel.override_by_name(name, [model.DynamicConfigValue("unit", unit)])
        else:
            hidden[field] = True
    for name, colours in named.items():
        cells = {"type": "color-text"}
        mapping = model.ValueMap(
            {value: model.ValueMappingResult(value, colour) for value, colour in colours.items()}
        )
        looks = {"mappings": [mapping], "custom.cellOptions": cells}
        values = [model.DynamicConfigValue(key, value) for key, value in looks.items()]
        panel = panel.override_by_name(name, values)
    tidy = {"excludeByName": hidden, "renameByName": renamed, "indexByName": {}}
    panel = panel.with_transformation(model.DataTransformerConfig("merge", options={}))
    return panel.with_transformation(model.DataTransformerConfig("organize", options=tidy))


def parts(
    title: str, text: str, expression: str, row: str, column: tuple[str, tuple[str, ...]]
) -> Builder[model.Panel]:
    """Bars made of parts: a bar for every value of ``row``, the parts in their order."""
    label, order = column
    panel: barchart.Panel = _equipped(barchart.Panel(), title, text, {}, (12, 9))
    panel = panel.with_target(target(expression, "", 0, PromQueryFormat.TABLE))
    matrix = {"columnField": label, "rowField": row, "valueField": "Value", "emptyValue": "null"}
    first = f"{row}\\{label}"
    index = {name: place for place, name in enumerate((first, *order))}
    panel = panel.with_transformation(
        model.DataTransformerConfig("groupingToMatrix", options=matrix)
    )
    panel = panel.with_transformation(
        model.DataTransformerConfig("organize", options={"indexByName": index})
    )
    panel = panel.x_field(first).stacking(style.StackingMode.NORMAL).unit("s").fill_opacity(80)
    return panel.orientation(style.VizOrientation.HORIZONTAL)


def _mapping(names: dict[str, str]) -> model.ValueMap:
    return model.ValueMap(
        {
            str(place): model.ValueMappingResult(name, colour, index=place)
            for place, (name, colour) in enumerate(names.items(), 1)
        }
    )


def row(title: str) -> build.Row:
    """The title of the panels below it."""
    return build.Row(title)
