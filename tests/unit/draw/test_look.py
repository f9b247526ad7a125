"""The stylesheet and the charts agree, and what is written can be read."""

import math
import re
from itertools import pairwise
from pathlib import Path

import pytest

from answerable.draw.geo import height_for, planar
from answerable.draw.theme import AREA_CLASSES, COLOURS

CSS = (Path(__file__).parents[3] / "site_templates" / "assets" / "answerable.css").read_text("utf-8")


def variables(opening: str) -> dict[str, str]:
    block = CSS[CSS.index(opening) :]
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", block[: block.index("}")]))


LIGHT = variables(":root,")
DARK = variables('[data-md-color-scheme="slate"] {')


def luminance(colour: str) -> float:
    def linear(part: str) -> float:
        c = int(part, 16) / 255
        return c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[i : i + 2]) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_charts_and_stylesheet_have_the_same_colours() -> None:
    assert {f"chart-{name}": colour for name, colour in COLOURS.items()} == {
        name: colour for name, colour in LIGHT.items() if name.startswith("chart-")
    }
    assert set(LIGHT) == set(DARK)
    assert len(set(COLOURS.values())) == len(COLOURS)  # each stands for one variable


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(scheme: dict[str, str]) -> None:
    for text, ground in (
        ("ink", "paper"), ("muted", "paper"), ("link", "paper"), ("link-hover", "paper"), ("ink", "panel"),
        ("muted", "panel"), ("link", "panel"), ("good", "good-soft"), ("wait", "wait-soft"), ("late", "late-soft"),
        ("calm", "calm-soft"), ("ink", "calm-soft"), ("notice-ink", "notice"), ("chart-ink", "chart-paper"),
        ("chart-muted", "chart-paper"), ("paper", "ink"),
    ):  # fmt: skip
        assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
    for mark in ("chart-blue", "chart-orange"):
        assert contrast(scheme[mark], scheme["chart-paper"]) >= 4.5, mark
        assert contrast(scheme[mark], scheme["chart-blue-soft"]) >= 3, mark


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_classes_of_a_map_go_one_way(scheme: dict[str, str]) -> None:
    steps = [contrast(scheme[f"chart-{name}"], scheme["chart-paper"]) for name in AREA_CLASSES]
    assert all(more > 1.2 * less for less, more in pairwise(steps))


def test_no_page_asks_another_host_for_anything() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
    assert "@font-face" not in CSS


def test_outlines_keep_their_neighbours_and_fit_their_frame() -> None:
    def feature(code: str, west: float, south: float) -> dict[str, object]:
        # A border with many points on it, which are simplified away in both neighbours alike.
        steps = [south + i / 50 for i in range(51)]
        ring = [[west, s] for s in steps] + [[west + 1, s] for s in reversed(steps)] + [[west, south]]
        return {
            "type": "Feature",
            "properties": {"area_code": code},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }

    outlines = planar([feature("a", 10, 60), feature("b", 11, 60)])
    assert [o.area_code for o in outlines] == ["a", "b"]
    points = [[tuple(p) for p in o.geometry["coordinates"][0]] for o in outlines]
    assert all(len(ring) <= 6 for ring in points)
    assert len(set(points[0]) & set(points[1])) == 2
    xs, ys = ([p[i] for ring in points for p in ring] for i in (0, 1))
    # Two degrees of longitude at 60.5 degrees north are as wide as one degree of latitude is high, nearly.
    assert max(xs) - min(xs) == pytest.approx(2 * math.cos(math.radians(60.5)) * 1000, abs=0.2)
    assert (min(ys), max(ys)) == (0, 1000)
    assert height_for(outlines, 300) == 300
    for outline, ring in zip(outlines, points, strict=True):
        assert min(p[0] for p in ring) < outline.x < max(p[0] for p in ring)


def test_no_boundaries_make_no_outlines() -> None:
    assert planar([]) == ()
