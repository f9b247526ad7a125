"""Boundaries made ready for a drawing: flat, simplified to what a screen can show, and small."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import mapping, shape

__all__ = ["Outline", "height_for", "planar"]

_SIZE = 1000  # units across: finer than the widest drawing


@dataclass(frozen=True, slots=True)
class Outline:
    """One area in the drawing's plane (x to the right, y down, from 0 to 1,000); ``x, y`` is a point inside it."""

    area_code: str
    geometry: Mapping[str, Any]
    x: float
    y: float
    width: float


def planar(features: Sequence[Mapping[str, Any]]) -> tuple[Outline, ...]:
    """GeoJSON features in WGS 84 with the property ``area_code``, as outlines in a plane.

    Longitudes are shortened by the cosine of the middle latitude (equirectangular): right enough for a city or a
    region. Borders that two areas share stay shared.
    """
    shapes = [shape(feature["geometry"]) for feature in features]
    if not shapes:
        return ()
    west, south, east, north = shapely.total_bounds(shapes)
    shrink = math.cos(math.radians((south + north) / 2))
    span = max((east - west) * shrink, north - south) or 1.0
    scale = _SIZE / span

    def flat(points: Any) -> Any:
        moved = points.copy()
        moved[:, 0] = (points[:, 0] - west) * shrink * scale
        moved[:, 1] = (north - points[:, 1]) * scale
        return moved

    drawn = shapely.coverage_simplify([shapely.transform(s, flat) for s in shapes], 1.5)
    outlines = []
    for feature, geometry in zip(features, drawn, strict=True):
        inside = geometry.representative_point()
        left, _, right, _ = geometry.bounds
        outlines.append(
            Outline(
                str(feature["properties"]["area_code"]),
                _rounded(mapping(geometry)),
                round(inside.x, 1),
                round(inside.y, 1),
                round(right - left, 1),
            )
        )
    return tuple(outlines)


def height_for(outlines: Sequence[Outline], width: int) -> int:
    """The height in pixels of a map that is ``width`` pixels wide, never more than it is wide."""
    west, south, east, north = map(float, shapely.total_bounds([shape(dict(o.geometry)) for o in outlines]))
    return max(1, min(width, round(width * (north - south) / max(east - west, 1e-9))))


def _rounded(geometry: Mapping[str, Any]) -> dict[str, Any]:
    def tenths(part: Any) -> Any:
        return round(part, 1) if isinstance(part, float) else [tenths(inner) for inner in part]

    return {"type": geometry["type"], "coordinates": tenths(geometry["coordinates"])}
