"""Which area of the site a place is in.

areas = load_areas(settings)
area_expr(areas, latitude, longitude)      # an Ibis expression: the code of the area, or NULL
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from answerable.errors import SettingsError
from answerable.settings import Settings, fold
from answerable.slugs import slugify

__all__ = ["Area", "area_by_name", "area_expr", "areas_digest", "load_areas", "locate"]


@dataclass(frozen=True, slots=True)
class Area:
    """A place of the site's boundaries; ``geometry`` is a polygon or several, in degrees (WGS 84)."""

    code: str
    name: str
    geometry: BaseGeometry


def load_areas(settings: Settings) -> tuple[Area, ...]:
    """The site's areas in the order of their file; none where the site names no file.

    Raises:
        SettingsError: the file is missing, is not GeoJSON in WGS 84, or an area has no name of its own.
    """
    config = settings.site.areas
    if config is None:
        return ()
    path = settings.project / config.file
    try:
        features = json.loads(path.read_text("utf-8"))["features"]
    except OSError as error:
        raise SettingsError(
            f"cannot be read: {error.strerror}", file=path, remedy="correct areas.file in data/site.yml"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            "is not GeoJSON with features", file=path, remedy="export the boundaries as GeoJSON"
        ) from error
    areas: dict[str, Area] = {}
    origin: dict[str, str] = {}
    for number, feature in enumerate(features, 1):
        properties = feature.get("properties") or {}
        name = str(properties.get(config.name_property) or "").strip()
        if not name:
            raise SettingsError(
                f"area {number} has no property {config.name_property}",
                file=path,
                remedy=f"set areas.name_property in data/site.yml to one of: {', '.join(sorted(properties))}",
            )
        known_as = str(properties.get(config.code_property) or "") if config.code_property else ""
        known_as = known_as or name
        code = slugify(known_as)
        if origin.setdefault(code, known_as) != known_as:
            raise SettingsError(
                f"areas {origin[code]} and {known_as} would have the same address ({code})",
                file=path,
                remedy="set areas.code_property in data/site.yml to a property with a code in Latin letters or digits",
            )
        geometry = _geometry(feature.get("geometry"))
        if geometry is None:
            raise SettingsError(f"area {name} is no polygon in longitude and latitude", file=path)
        if code in areas:
            # Several features of one area, such as islands, are one area.
            geometry = shapely.union(areas[code].geometry, geometry)
        areas[code] = Area(code, areas[code].name if code in areas else name, geometry)
    if not areas:
        raise SettingsError("holds no area", file=path)
    return tuple(areas.values())


def _geometry(value: Any) -> BaseGeometry | None:
    try:
        geometry = shape(value)
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError):
        return None
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        return None
    west, south, east, north = geometry.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        return None
    return geometry if geometry.is_valid else shapely.make_valid(geometry)


def areas_digest(settings: Settings) -> str:
    """What the areas are made of, so that a changed boundary places everything anew."""
    return "|".join(f"{a.code}:{a.name}:{shapely.to_wkb(a.geometry, hex=True)}" for a in load_areas(settings))


def area_by_name(areas: Sequence[Area]) -> dict[str, str]:
    """The code of an area by its folded name and by its code."""
    return {**{fold(a.name): a.code for a in areas}, **{a.code: a.code for a in areas}}


def locate(
    areas: Sequence[Area], latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The number of the area that each point is in, or -1; on a border, the first of the file."""
    found = np.full(len(latitude), -1, dtype=np.int64)
    for number, area in enumerate(areas):
        west, south, east, north = area.geometry.bounds
        with np.errstate(invalid="ignore"):
            near = np.flatnonzero(
                (found < 0)
                & (longitude >= west)
                & (longitude <= east)
                & (latitude >= south)
                & (latitude <= north)
            )
        if len(near):
            shapely.prepare(area.geometry)
            inside = shapely.intersects_xy(area.geometry, longitude[near], latitude[near])
            found[near[inside]] = number
    return found


_NUMBERS = itertools.count()


def area_expr(areas: Sequence[Area], latitude: ir.Value, longitude: ir.Value) -> ir.Value:
    """The code of the area that a point is in; NULL where it is in none or there is no point."""
    if not areas:
        return ibis.null("string")
    # Each function needs a name of its own in the engine: boundaries may differ within one process.
    function = ibis.udf.scalar.pyarrow(
        _placed(tuple(areas)),
        name=f"area_of_point_{next(_NUMBERS)}",
        signature=(("float64", "float64"), "string"),
    )
    return function(latitude, longitude).nullif("")


def _placed(areas: tuple[Area, ...]) -> Callable[[Any, Any], Any]:
    # The engine leaves out points with a NULL, and takes none back: the empty text after the last code stands for none.
    codes = pa.array([*(a.code for a in areas), ""], pa.string())

    def area_of_point(latitude: Any, longitude: Any) -> Any:
        numbers = locate(areas, _floats(latitude), _floats(longitude)) % len(codes)
        return codes.take(pa.array(numbers))

    return area_of_point


def _floats(column: Any) -> NDArray[np.float64]:
    array: NDArray[np.float64] = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return array
