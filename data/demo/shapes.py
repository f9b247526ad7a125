"""Neighbourhoods with natural outlines that share their borders exactly.

The land is cut into the cells nearest to each area's centre; every border is then drawn with many small steps, and all
points are pushed about by one smooth function of their position. Two neighbours have the same points on their
border before the push, hence after it too.
"""

from __future__ import annotations

import itertools
import math
import random

Point = tuple[float, float]
STEP_KM = 0.16
KM_PER_DEGREE = 111.2
# size (km), wavelength (km) of the waves that push points about; together they never fold the plane
WAVES = ((0.30, 5.0), (0.08, 1.7), (0.022, 0.52))


def tile(
    outline: list[Point], seeds: dict[str, Point], center: tuple[float, float]
) -> dict[str, list[Point]]:
    """Cut the outline (km) into one ring for each seed; rings are closed, anticlockwise, (longitude, latitude)."""
    corners: list[Point] = []
    rings = {}
    for code, seed in seeds.items():
        cell = outline
        for other, place in seeds.items():
            if other != code:
                cell = _nearer(cell, seed, place)
        rings[code] = _without_spikes(_distinct([_snapped(point, corners) for point in cell]))
    tiled = {}
    for code, ring in rings.items():
        steps = [p for a, b in zip(ring, ring[1:] + ring[:1], strict=True) for p in _stepped(a, b)]
        moved = [_degrees(_pushed(point), center) for point in steps]
        tiled[code] = [*moved, moved[0]]
    return tiled


def contains(ring: list[Point], point: Point) -> bool:
    """Whether a point lies inside a closed ring (even-odd rule)."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in itertools.pairwise(ring):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def line_inside(ring: list[Point], rng: random.Random) -> tuple[Point, Point]:
    """Two ends of a street of some 300 to 700 m, both well inside a ring."""
    xs, ys = [p[0] for p in ring], [p[1] for p in ring]
    while True:
        start = (rng.uniform(min(xs), max(xs)), rng.uniform(min(ys), max(ys)))
        angle, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 0.7) / KM_PER_DEGREE
        end = (start[0] + 1.3 * length * math.cos(angle), start[1] + length * math.sin(angle))
        margin = 0.0016
        around = [
            (x + dx, y + dy) for x, y in (start, end) for dx in (-margin, margin) for dy in (-margin, margin)
        ]
        if all(contains(ring, point) for point in around):
            return start, end


def _nearer(ring: list[Point], near: Point, far: Point) -> list[Point]:
    """The part of a ring that is nearer to one point than to another (Sutherland-Hodgman)."""
    nx, ny = far[0] - near[0], far[1] - near[1]
    limit = nx * (near[0] + far[0]) / 2 + ny * (near[1] + far[1]) / 2
    kept: list[Point] = []
    for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
        side_a, side_b = nx * a[0] + ny * a[1] - limit, nx * b[0] + ny * b[1] - limit
        if side_a <= 0:
            kept.append(a)
        if (side_a < 0 < side_b) or (side_b < 0 < side_a):
            share = side_a / (side_a - side_b)
            kept.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
    return kept


def _snapped(point: Point, corners: list[Point]) -> Point:
    """The corner that is already known at this place, so that neighbours have the very same one."""
    for corner in corners:
        if abs(corner[0] - point[0]) < 1e-4 and abs(corner[1] - point[1]) < 1e-4:
            return corner
    corners.append(point)
    return point


def _distinct(ring: list[Point]) -> list[Point]:
    return [point for before, point in zip(ring[-1:] + ring[:-1], ring, strict=True) if point != before]


def _without_spikes(ring: list[Point]) -> list[Point]:
    """A cut through a bay leaves a line there and back on the water: take it away."""
    at = 0
    while at < len(ring):
        (ax, ay), (bx, by), (cx, cy) = ring[at - 1], ring[at], ring[(at + 1) % len(ring)]
        ux, uy, vx, vy = bx - ax, by - ay, cx - bx, cy - by
        if abs(ux * vy - uy * vx) < 1e-6 and ux * vx + uy * vy < 0:
            ring = _distinct(ring[:at] + ring[at + 1 :])
            at = 0
        else:
            at += 1
    return ring


def _stepped(a: Point, b: Point) -> list[Point]:
    """Points from a (included) to b (not included), the same ones whichever way the border is walked."""
    low, high = min(a, b), max(a, b)
    count = max(1, round(math.dist(low, high) / STEP_KM))
    points = [
        (low[0] + i / count * (high[0] - low[0]), low[1] + i / count * (high[1] - low[1]))
        for i in range(count + 1)
    ]
    points[-1] = high
    return points[:-1] if a == low else points[:0:-1]


def _pushed(point: Point) -> Point:
    x, y = point
    for phase, (size, wave) in enumerate(WAVES, start=1):
        k = 2 * math.pi / wave
        x += size * math.sin(k * (0.9 * point[1] + 0.3 * point[0]) + 1.7 * phase)
        y += size * math.sin(k * (0.8 * point[0] - 0.4 * point[1]) + 0.6 * phase)
    return x, y


def _degrees(point: Point, center: tuple[float, float]) -> Point:
    lat = center[0] + point[1] / KM_PER_DEGREE
    lon = center[1] + point[0] / (KM_PER_DEGREE * math.cos(math.radians(center[0])))
    return round(lon, 6), round(lat, 6)
