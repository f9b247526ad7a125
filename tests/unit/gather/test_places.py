from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from answerable.errors import SettingsError
from answerable.gather.places import Area, load_areas, locate
from answerable.settings import load_settings

RING = [[-3.0, 40.0], [-2.0, 40.0], [-2.0, 41.0], [-3.0, 41.0], [-3.0, 40.0]]


def feature(name: str | None, ring: Any, kind: str = "Polygon", **properties: Any) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {
        "type": "Feature",
        "properties": named | properties,
        "geometry": {"type": kind, "coordinates": [ring] if kind == "Polygon" else ring},
    }


def written(project: Any, *features: Any, **config: Any) -> Any:
    project.write("areas.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    project.site["areas"] = {"file": "areas.geojson"} | config
    project.sources = []
    project.add(id="other", columns={"record_id": "id", "created_at": "opened"})
    with project.store():
        return load_settings(project.folder)


def test_codes_come_from_names_or_a_property(project: Any) -> None:
    areas = load_areas(written(project, feature("Ünder the Hill", RING, id="A1")))
    assert [(a.code, a.name) for a in areas] == [("under-the-hill", "Ünder the Hill")]
    areas = load_areas(written(project, feature("Ünder the Hill", RING, id="A1"), code_property="id"))
    assert [a.code for a in areas] == ["a1"]


def test_parts_of_one_area_are_one(project: Any) -> None:
    east = [[x + 5, y] for x, y in RING]
    (area,) = load_areas(written(project, feature("Isles", RING), feature("Isles", east)))
    assert list(locate([area], np.array([40.5, 40.5, 40.5]), np.array([-2.5, 2.5, 0.0]))) == [0, 0, -1]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ([feature("東京", RING), feature("大阪", [[x + 5, y] for x, y in RING])], "same address"),
        ([feature(None, RING, label="x")], "label"),
        ([feature("Point", [1.0, 2.0], "Point")], "no polygon"),
        ([feature("Metres", [[x * 1e5, y * 1e5] for x, y in RING])], "no polygon"),
        ([], "no area"),
    ],
)
def test_boundaries_that_cannot_be_used_are_refused(project: Any, features: Any, words: str) -> None:
    settings = written(project, *features)
    with pytest.raises(SettingsError) as error:
        load_areas(settings)
    assert words in str(error.value)
    assert "areas.geojson" in error.value.where


@given(
    st.lists(st.tuples(st.floats(-1, 6), st.floats(-1, 6)), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=5),
)
def test_points_are_where_one_by_one_they_are(
    points: list[tuple[float, float]], squares: list[tuple[int, int, int]]
) -> None:
    shapes = [Polygon([(x, y), (x + s, y), (x + s, y + s), (x, y + s)]) for x, y, s in squares]
    areas = [Area(f"a{n}", f"A{n}", shape) for n, shape in enumerate(shapes)]
    found = locate(areas, np.array([y for _, y in points]), np.array([x for x, _ in points]))
    expected = [next((n for n, s in enumerate(shapes) if s.intersects(Point(x, y))), -1) for x, y in points]
    assert list(found) == expected


def test_a_row_without_coordinates_is_placed_by_its_area_s_name(project: Any) -> None:
    written(project, feature("Old Harbour", RING))
    project.write(
        "data/in/a.csv",
        "id,opened,lat,lon,where\n"
        "1,2024-01-01 10:00:01,40.5,-2.5,\n"
        "2,2024-01-01 10:00:02,0.0,0.0, old  HARBOUR\n"
        "3,2024-01-01 10:00:03,,,Elsewhere\n"
        "4,2024-01-01 10:00:04,50,-2.5,\n"
        "5,2024-01-01 10:00:05,250000,600000,\n"
        "6,2024-01-01 10:00:06,north,-2.5,\n",
    )
    project.sources = []
    columns = {
        "record_id": "id",
        "created_at": "opened",
        "latitude": "lat",
        "longitude": "lon",
        "area": "where",
    }
    project.add(columns=columns)
    project.gather()
    rows = project.rows("feedback")
    assert [r["area_code"] for r in rows] == ["old-harbour", "old-harbour", None, None, None, None]
    assert [r["latitude"] for r in rows] == [40.5, None, None, 50.0, None, None]
    assert project.findings() == {"place_missing": 3, "place_outside": 1, "number_unreadable": 1}
