import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from answerable.draw import charts
from answerable.draw.figure import Figure, Key, Line, figure_files, render_figure, svg, vega_bundle
from answerable.draw.numbers import Number, Row
from answerable.draw.theme import COLOURS, NARROW, WIDE

MakeRow = Callable[..., Row]
TEMPLATES = Path(__file__).parents[3] / "site_templates"
ATTACK = '"><script>alert(1)</script> & co'


def months(count: int = 12) -> pd.DataFrame:
    dates = [f"{p}-01" for p in pd.period_range("2024-01", periods=count, freq="M")]
    return pd.DataFrame(
        {"month": dates, "raised": range(count), "open": range(count), "text": [ATTACK] * count}
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)


@pytest.fixture
def figure(make_row: MakeRow) -> Figure:
    row = make_row(
        "response_rate", 0.63, low=0.61, high=0.65, unit="share", breakdown="agency", group_code="x"
    )
    return Figure(
        id="a-figure",
        title=ATTACK,
        sentence=Markup("In all {}.").format(Number(row)),
        description=ATTACK,
        wide=charts.raised_and_open(months(), width=WIDE),
        narrow=charts.raised_and_open(months(), width=NARROW),
        head="Agency",
        columns=("Share", "Open"),
        lines=(Line("=cmd", (Number(row, is_with_interval=True), None)), Line("again", (Number(row),))),
        keys=(Key("blue", "estimate", "dot"),),
        notes=("Closing & resolving", Markup("up to <time>then</time>")),
    )


def test_a_drawing_is_clean_for_a_strict_policy_and_both_schemes(cache: Path) -> None:
    rows = pd.DataFrame(
        {"name": [ATTACK, "b"], "value": [0.5, None], "low": [0.4, None], "high": [None, None]}
    )
    rows["text"] = ["half", "too few to say"]
    for spec in (
        charts.raised_and_open(months(), width=WIDE),
        charts.values_with_intervals(rows, width=NARROW, kind="rate"),
        charts.bars(rows, width=WIDE),
    ):
        drawing = svg(spec, cache, label=ATTACK)
        root = ET.fromstring(drawing)
        assert root.get("role") == "img"
        assert root.get("aria-label") == ATTACK
        assert float(root.get("width", 0)) in {WIDE, NARROW}
        for element in root.iter():
            assert not {"style", "class"} & element.attrib.keys()
            assert not any(name.startswith("on") for name in element.attrib)
            assert element.tag.rpartition("}")[2] not in {"script", "style"}
            for name, value in element.attrib.items():
                if name in {"fill", "stroke"}:
                    assert re.fullmatch(r"var\(--chart-[a-z0-9-]+\)|none|transparent", value), value
        assert "<script" not in drawing


def test_texts_keep_their_decimals(cache: Path) -> None:
    rows = pd.DataFrame({"name": ["a", "b"], "value": [1.0, 2.0], "text": ["0.0625 parts", "1.25 parts"]})
    assert "0.0625 parts" in svg(charts.bars(rows, width=WIDE), cache)


def test_ids_of_two_drawings_in_one_page_differ(cache: Path) -> None:
    rows = pd.DataFrame({"name": ["a"], "value": [0.5], "low": [0.4], "high": [0.6], "text": ["half"]})
    found: list[set[str]] = []
    for width in (WIDE, NARROW):
        drawing = svg(charts.values_with_intervals(rows, width=width, kind="rate"), cache)
        ids = set(re.findall(r' id="([^"]+)"', drawing))
        assert ids
        assert set(re.findall(r"url\(#([^)]+)\)", drawing)) <= ids
        found.append(ids)
    assert not found[0] & found[1]


def test_a_drawing_is_made_once(tmp_path: Path) -> None:
    spec = charts.raised_and_open(months(), width=WIDE)
    first = svg(spec, tmp_path, label="one")
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text("utf-8").replace("<svg ", '<svg data-kept="" ', 1), "utf-8")
    assert "data-kept" in svg(spec, tmp_path, label="two")
    assert "data-kept" not in first
    other = charts.raised_and_open(months(13), width=WIDE)
    assert "data-kept" not in svg(other, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_drawing_a_chart_again_does_not_change_the_first() -> None:
    first = charts.raised_and_open(months(12), width=WIDE)
    before = json.dumps(first)
    second = charts.raised_and_open(months(12).assign(raised=99), width=WIDE)
    assert json.dumps(first) == before
    assert second["datasets"] != first["datasets"]


def test_the_page_has_the_drawing_the_sentence_the_table_and_the_files(
    figure: Figure, environment: Environment, cache: Path
) -> None:
    html = render_figure(figure, environment, cache=cache, base="../../")
    assert "\n\n" not in html  # it may stand in Markdown
    assert "<script" not in html
    assert not re.search(r'\s(style|onclick|onload)="', html)
    assert html.count("<svg ") == 2
    assert "In all <span " in html
    assert 'href="../../data/figures/a-figure.csv"' in html
    assert 'data-figure="../../data/figures/a-figure.json"' in html
    assert 'data-vega="../../assets/vega.js"' in html
    assert re.search(r"<button[^>]* hidden", html)
    assert "Closing &amp; resolving" in html
    assert "up to <time>then</time>" in html
    assert Markup(html).striptags().count("63 % (61 to 65 %)") == 1


def test_the_files_hold_the_same_numbers(figure: Figure) -> None:
    files = figure_files(figure)
    assert set(files) == {f"data/figures/a-figure{end}" for end in (".csv", ".json", ".narrow.json")}
    (record,) = csv.DictReader(io.StringIO(files["data/figures/a-figure.csv"].decode()))
    assert record["name"] == "'=cmd"  # not a formula
    assert (record["measure"], record["value"], record["low"], record["high"]) == (
        "response_rate",
        "0.63",
        "0.61",
        "0.65",
    )
    assert (record["numerator"], record["is_too_few"]) == ("", "false")
    for end, width in ((".json", WIDE), (".narrow.json", NARROW)):
        spec: dict[str, Any] = json.loads(files[f"data/figures/a-figure{end}"])
        assert spec["width"] == width
        assert spec["usermeta"]["colours"] == {
            colour: f"var(--chart-{name})" for name, colour in COLOURS.items()
        }
        assert spec["description"] == ATTACK


def test_the_bundle_says_how_it_is_called(cache: Path) -> None:
    bundle = vega_bundle(cache)
    assert b"window.vegaEmbed" in bundle
    assert len(bundle) > 500_000
    assert vega_bundle(cache) == bundle
