"""How charts look: colours that follow the page's light or dark scheme, type, and Altair's configuration.

A chart is drawn in the colours of ``COLOURS``, which are those of the light scheme, so that a downloaded specification
looks right by itself. In a page each of them becomes a CSS variable (``colour_variables``) that the stylesheet sets for
both schemes. The two data colours are blue and orange of Okabe and Ito's palette, darkened until they have a contrast
of at least 4.5 to 1 on the page: people with any of the common colour blindnesses can tell them apart.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Any

import altair as alt

__all__ = ["AREA_CLASSES", "COLOURS", "NARROW", "WIDE", "colour_variables", "configured"]

WIDE = 680
"""Width in pixels of the drawing for a page's column."""
NARROW = 320
"""Width in pixels of the drawing for a phone that is 360 pixels wide."""

COLOURS = MappingProxyType(
    {
        "paper": "#ffffff",
        "ink": "#1d2a33",
        "muted": "#56636d",
        "rule": "#d9dde1",
        "blue": "#0a659e",
        "blue-soft": "#b9d3e6",
        "orange": "#a84a00",
        "empty": "#e9ebee",
        "few": "#c5cacf",
        "hidden": "#9aa3aa",
        "area-1": "#d6e6f2",
        "area-2": "#a3c8e1",
        "area-3": "#639fc9",
        "area-4": "#2b76ad",
        "area-5": "#0b4a7a",
    }
)
"""The colours that charts may use, by what they are for; ``answerable.css`` has a ``--chart-<name>`` for each."""

AREA_CLASSES = ("area-1", "area-2", "area-3", "area-4", "area-5")
"""The colours of a map's classes, from few to many."""

_FONT = "Helvetica, Arial, sans-serif"


@cache
def colour_variables() -> dict[str, str]:
    """For each colour as it stands in a specification, the CSS variable that takes its place in a page."""
    return {colour: f"var(--chart-{name})" for name, colour in COLOURS.items()}


def configured(chart: alt.LayerChart | alt.FacetChart) -> dict[str, Any]:
    """The specification of a chart with the house's configuration."""
    styled = chart.properties(autosize=alt.AutoSizeParams(type="fit-x", contains="padding")).configure(
        aria=False,  # the page's own label and table speak for the drawing as a whole
        background="transparent",
        font=_FONT,
        padding={"left": 4, "right": 6, "top": 6, "bottom": 2},
        axis=alt.AxisConfig(
            domainColor=COLOURS["muted"],
            gridColor=COLOURS["rule"],
            tickColor=COLOURS["muted"],
            labelColor=COLOURS["ink"],
            titleColor=COLOURS["muted"],
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelPadding=5,
        ),
        legend=alt.LegendConfig(
            labelColor=COLOURS["ink"], titleColor=COLOURS["muted"], labelFontSize=12, titleFontSize=12
        ),
        text=alt.MarkConfig(color=COLOURS["ink"], fontSize=12),
        view=alt.ViewConfig(stroke=None),
    )
    spec: dict[str, Any] = styled.to_dict()
    return spec
