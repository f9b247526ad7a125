"""What the docs say of connectors, settings and commands is what the program knows."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from pydantic import BaseModel

from answerable.cli import app
from answerable.live_settings import Budget, LiveSource
from answerable.settings import Source, load_settings
from answerable.source_settings import BaseSource

ROOT = Path(__file__).parents[2]
CONNECTORS = ROOT / "docs" / "connectors"
INDEX = (CONNECTORS / "README.md").read_text(encoding="utf-8")

MODELS: dict[str, type[BaseSource]] = {
    get_args(model.model_fields["connector"].annotation)[0]: model
    for model in typing.get_args(typing.get_args(Source)[0])
}
"""Every model of the settings' union, by the name of its connector."""

ROW = re.compile(r"^\| `(\w+)` \| .+ \| ([^|]+) \|$", re.MULTILINE)
BLOCK = re.compile(r"^```yaml\n(sources:.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s`/])answerable ([a-z]+)\b([^\n`]*)")
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)

OTHER_FILES = {
    "site.yml": "site: {name: T, description: T, url: 'https://t.example', publisher: T, contact: t@t.example}",
    "agencies.yml": "agencies: [{code: city, name: The city}]",
    "topics.yml": "{services: [{code: all, name: All}], topics: [{code: all, name: All, service: all}]}",
}


def page(name: str) -> str:
    return (CONNECTORS / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next of its rank."""
    parts = SECTION.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[title]


def default(model: type[BaseModel], name: str) -> str:
    """A setting's default as the tables write it."""
    field = model.model_fields[name]
    value: Any = field.default
    if field.is_required():
        return "needed"
    if isinstance(value, Budget):
        return ", ".join(f"`{n}`" for n in value.model_dump().values())
    if value in (None, (), {}, ""):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{', '.join(map(str, value))}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def shared(model: type[BaseSource]) -> type[BaseSource]:
    return LiveSource if issubclass(model, LiveSource) else BaseSource


def test_every_connector_has_a_page_and_is_listed() -> None:
    pages = {p.stem for p in CONNECTORS.glob("*.md")} - {"README"}
    assert pages == MODELS.keys()
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \|", INDEX, re.MULTILINE)
    assert sorted(name for name, _ in listed) == sorted(MODELS)
    assert all(name == file for name, file in listed)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_page_names_every_setting_with_its_default_and_no_other(name: str) -> None:
    model = MODELS[name]
    told = dict(ROW.findall(section(page(name), "Settings")))
    own = model.model_fields.keys() - shared(model).model_fields.keys() - {"connector"}
    changed = {n for n in shared(model).model_fields if default(model, n) != default(shared(model), n)}
    assert own | changed == told.keys()
    assert told == {n: default(model, n) for n in told}


def test_the_shared_settings_stand_once_with_their_defaults() -> None:
    every = dict(ROW.findall(section(INDEX, "Every source")))
    live = dict(ROW.findall(section(INDEX, "Live sources")))
    assert every == {n: default(BaseSource, n) for n in BaseSource.model_fields}
    assert live == {
        n: default(LiveSource, n) for n in LiveSource.model_fields if n not in BaseSource.model_fields
    }


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_example_is_valid(name: str, tmp_path: Path) -> None:
    (block,) = BLOCK.findall(section(page(name), "Example"))
    (tmp_path / "data").mkdir()
    for file, text in (OTHER_FILES | {"sources.yml": block}).items():
        (tmp_path / "data" / file).write_text(text, encoding="utf-8")
    (source,) = load_settings(tmp_path).sources
    assert type(source) is MODELS[name]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_page_has_its_parts(name: str) -> None:
    assert page(name).startswith(f"# {name}\n")
    titles = SECTION.findall(page(name))
    assert titles == ["Settings", "Terms", "Limits, and what is lost", "Example"]


def texts() -> Iterator[tuple[str, str]]:
    """Every text that tells somebody what to type, by its name."""
    found = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
    found += [*(ROOT / "examples").rglob("*.yml"), *(ROOT / ".github").rglob("*.yml")]
    for path in found:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_the_commands_and_options_that_are_named_exist() -> None:
    group = typer.main.get_command(app)
    known = {
        name: {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    }
    wrong = []
    named = set()
    for where, text in texts():
        for name, rest in COMMAND.findall(text):
            if name not in known:
                # "answerable" is a word too: only what looks like a call is one.
                wrong += [f"{where}: answerable {name}"] if rest.strip().startswith(("-", ".")) else []
                continue
            named.add(name)
            said = re.findall(r"(?<!\S)(--[a-z-]+)", rest.partition("#")[0].partition(" && ")[0])
            wrong += [f"{where}: answerable {name} {option}" for option in said if option not in known[name]]
    assert wrong == []
    assert named == known.keys()
    alone = [
        (where, option)
        for where, text in texts()
        if where.startswith("docs/connectors/")
        for option in re.findall(r"`(--[a-z-]+)", text)
        if option not in {o for options in known.values() for o in options} - {"--jsonl"}
    ]
    assert alone == []


def test_every_link_to_a_file_leads_somewhere() -> None:
    lost = []
    for where, text in texts():
        if not where.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if "://" in target or not path:
                continue
            file = (ROOT / where).parent / path
            titles = (
                re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                if file.is_file()
                else []
            )
            if not file.exists() or (anchor and anchor not in {t.lower().replace(" ", "-") for t in titles}):
                lost.append(f"{where}: {target}")
    assert lost == []
