"""A figure: a chart, the sentence that says what it shows, the same numbers as a table and as a file.

The chart stands in the page twice, as SVG: wide, and narrow for phones, where text would otherwise shrink; the
stylesheet shows one of them. Colours are CSS variables, so both follow the light or dark scheme. Nothing in it needs a
script or an inline style.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET  # reads only what vl-convert wrote
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as remembered
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup, escape

from answerable.draw.numbers import Number, Row
from answerable.draw.theme import colour_variables

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Figure", "Key", "Line", "Spec", "figure_files", "render_figure", "svg", "vega_bundle"]

Spec = Mapping[str, Any]
"""A Vega-Lite specification."""

_SVG = "http://www.w3.org/2000/svg"
_CLEANING = "4"  # to be raised when `_cleaned` changes, so that cached drawings are made anew


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour of a chart means: ``colour`` is a name of ``theme.COLOURS``."""

    colour: str
    label: str
    shape: Literal["bar", "line", "dot", "band"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a figure's table; a cell is empty where there is none, ``name`` is the head in plain text."""

    head: str | Markup
    cells: tuple[Number | None, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and all that belongs to it.

    ``description`` is for those who cannot see the drawing; ``head`` and ``columns`` are the headings of the table.
    """

    id: str
    title: str
    sentence: Markup
    description: str
    wide: Spec
    narrow: Spec
    head: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    keys: tuple[Key, ...] = ()
    notes: tuple[str | Markup, ...] = ()

    @property
    def csv(self) -> str:
        """The rows of ``measure_result`` behind the figure, with the name of each group."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("name", *Row._fields))
        seen: set[Row] = set()
        for line in self.lines:
            for cell in line.cells:
                if cell is not None and cell.row not in seen:
                    seen.add(cell.row)
                    name = line.name or str(line.head)
                    writer.writerow((_defused(name), *(_plain(v) for v in cell.row)))
        return text.getvalue()

    def json(self, spec: Spec) -> str:
        """One of the two specifications for Vega-Lite, with the variable that each colour becomes in a page."""
        whole = {**spec, "description": self.description, "usermeta": {"colours": colour_variables()}}
        return json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: object) -> object:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _defused(text: str) -> str:
    # A spreadsheet would run a cell that begins like a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def figure_files(figure: Figure) -> dict[str, bytes]:
    """The files of a figure, by their path in the site."""
    stem = f"data/figures/{figure.id}"
    return {
        f"{stem}.csv": figure.csv.encode(),
        f"{stem}.json": figure.json(figure.wide).encode(),
        f"{stem}.narrow.json": figure.json(figure.narrow).encode(),
    }


def render_figure(figure: Figure, environment: Environment, *, cache: Path, base: str) -> Markup:
    """The HTML of a figure, without empty lines, so that it may stand in Markdown as a raw block.

    Args:
        figure: what to show.
        environment: Jinja's, rooted at ``site_templates``, with ``autoescape`` on.
        cache: the folder where drawings are kept.
        base: how the page reaches the site's root: ``""``, ``"../"``, ``"../../"``.
    """
    html = environment.get_template("partials/figure.html.jinja").render(
        figure=figure,
        wide=Markup(svg(figure.wide, cache, label=figure.description)),  # noqa: S704  made below, from escaped parts
        narrow=Markup(svg(figure.narrow, cache, label=figure.description)),  # noqa: S704
        base=base,
    )
    return Markup("\n".join(line for line in html.splitlines() if line.strip()))  # noqa: S704


def svg(spec: Spec, cache: Path, *, label: str = "") -> str:
    """A drawing as an ``<svg>`` for a page: colours as CSS variables, no style, no script, ids of its own.

    Kept in ``cache`` by the hash of the specification and the version of the program that draws it.
    """
    import vl_convert

    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    key = hashlib.blake2b(f"{_drawer()}\0{text}".encode(), digest_size=12).hexdigest()
    path = cache / f"{key}.svg"
    try:
        drawn = path.read_text("utf-8")
    except FileNotFoundError:
        drawn = _cleaned(vl_convert.vegalite_to_svg(text, vl_version=_vegalite()), key)
        _keep(path, drawn.encode())
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


@remembered
def _drawer() -> str:
    return f"{version('vl-convert-python')} {_vegalite()} {_CLEANING}"


@remembered
def _vegalite() -> str:
    """The version of Vega-Lite that Altair writes for, without its last part, as vl-convert wants it."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.split(".")[:2])


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)


# What says where things are. (Texts and opacities keep their decimals.)
_PLACES = frozenset(
    {"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "points"}
)
_NOT_IN_A_PAGE = frozenset({"class", "pointer-events", "font-family", "aria-hidden", "role", "aria-label"})
_NO_ATTRIBUTE = frozenset({"", "cursor", "pointer-events", "white-space"})


def _cleaned(drawing: str, key: str) -> str:
    ET.register_namespace("", _SVG)
    # The drawing library counts its clips over the whole process: the same drawing has to have the same bytes.
    clips = {
        name: f"clip{i}" for i, name in enumerate(dict.fromkeys(re.findall(r'\bid="(clip\d+)"', drawing)))
    }
    drawing = re.sub(r"\bclip\d+\b", lambda found: clips.get(found[0], found[0]), drawing)
    root = ET.fromstring(drawing)  # noqa: S314  our own drawing
    for parent in root.iter():
        for element in list(parent):
            if element.tag in {f"{{{_SVG}}}style", f"{{{_SVG}}}script"}:
                parent.remove(element)
    for element in root.iter():
        # A strict policy forbids style attributes; each of their properties has an attribute of its own.
        for declaration in element.attrib.pop("style", "").split(";"):
            name, _, value = declaration.partition(":")
            if name.strip() not in _NO_ATTRIBUTE:
                element.set(name.strip(), value.strip())
        for name in _NOT_IN_A_PAGE & element.attrib.keys():
            del element.attrib[name]
        for name, value in element.attrib.items():
            element.set(name, _attribute(name, value, key))
    return ET.tostring(root, encoding="unicode")


def _attribute(name: str, value: str, key: str) -> str:
    if name == "id":
        return f"{key}-{value}"  # several drawings stand in one page
    if name in _PLACES:
        # Tenths of a pixel are enough, and half as heavy as what is drawn.
        return re.sub(r"-?\d+\.\d{2,}", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)
    return colour_variables().get(value.lower(), value).replace("url(#", f"url(#{key}-")


def vega_bundle(cache: Path) -> bytes:
    """The browser's bundle of Vega, Vega-Lite and Vega-Embed, served as ``assets/vega.js`` and loaded as a module.

    It takes some seconds to make and is kept in ``cache``.
    """
    path = cache / f"vega-{version('vl-convert-python')}-{_vegalite()}.js"
    if not path.exists():
        _keep(path, _bundled())
    return path.read_bytes()


@remembered
def _bundled() -> bytes:
    """The bundle as it is made, once in a process."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_vegalite()).encode()
