"""The settings of a project: ``data/*.yml`` as frozen values.

Every mistake is an error that names the file, the line, the value and what to do; an unknown key comes with the nearest
known one. ``${NAME}`` and ``${NAME:-default}`` in a text stand for an environment variable.

    load_settings(project) -> Settings
    load_yaml(path, Model) -> Model        for further files, such as those under data/lookups/
"""

from __future__ import annotations

import csv
import functools
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import holidays
import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from answerable.errors import SettingsError
from answerable.live_settings import (
    AlaveteliSource,
    BlueskySource,
    CkanSource,
    DiscourseSource,
    FeedSource,
    GithubIssuesSource,
    MastodonSource,
    Open311Source,
    RedditSource,
    SnscrapeSource,
    SocrataSource,
    UkPetitionsSource,
    XSource,
)
from answerable.setting_types import Account, Code, Licence, Model, Subject, Url, Zone, did_you_mean
from answerable.source_settings import (
    COLUMNS,
    ColumnMap,
    PetitionsSource,
    RegisterSource,
    SnscrapeArchiveSource,
    TableSource,
    Threshold,
)

__all__ = [
    "COLUMNS",
    "Agency",
    "Areas",
    "AskedSource",
    "Calendar",
    "Code",
    "ColumnMap",
    "FileSource",
    "Licence",
    "Model",
    "PetitionsSource",
    "RegisterSource",
    "RowsSource",
    "Service",
    "Settings",
    "Site",
    "SnscrapeArchiveSource",
    "Source",
    "TableSource",
    "Threshold",
    "Topic",
    "Url",
    "fold",
    "load_settings",
    "load_yaml",
    "parse_yaml",
]


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@functools.lru_cache(maxsize=512)
def _public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))


class Calendar(Model):
    """Which days are working days: for response targets that count them."""

    working_days: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")
    country: str | None = Field(
        None, description="Country whose public holidays are free (ISO 3166, such as GB)"
    )
    subdivision: str | None = Field(None, description="Part of that country (ISO 3166-2, such as SCT)")
    holidays: tuple[date, ...] = Field((), description="Further free days")

    @model_validator(mode="after")
    def _known_country(self) -> Calendar:
        if not self.working_days:
            raise ValueError("a calendar needs at least one working day")
        if self.country is not None:
            try:
                holidays.country_holidays(self.country, subdiv=self.subdivision)
            except NotImplementedError as error:
                raise ValueError(
                    f"no public holidays are known for {self.country} {self.subdivision or ''}"
                ) from error
        return self

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on that day."""
        if WEEKDAYS[day.weekday()] not in self.working_days or day in self.holidays:
            return False
        return self.country is None or day not in _public_holidays(self.country, self.subdivision, day.year)

    def add_working_days(self, day: date, count: int) -> date:
        """The day that is ``count`` working days later: day zero is the day itself."""
        while count > 0:
            day += timedelta(days=1)
            count -= self.is_working_day(day)
        return day


class Areas(Model):
    """The boundaries of the site's areas."""

    file: str = Field(description="A GeoJSON file of polygons in WGS 84")
    name_property: str = "name"
    code_property: str | None = Field(None, description="Where missing, the code is made from the name")
    attribution: str = ""
    licence: Licence | None = None


class Site(Model):
    """The site as a whole."""

    name: str
    description: str
    url: Url = Field(description="The address at which it is published")
    publisher: str
    contact: str = Field(description="An email address or a web address for questions and corrections")
    language: str = "en"
    timezone: Zone = "UTC"
    notice: str = Field("", description="A sentence shown on top of every page")
    repository: Url = ""
    licence: Licence = Licence(name="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/")
    calendar: Calendar = Calendar()
    areas: Areas | None = None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)


class Agency(Model):
    """A public body."""

    code: Code
    name: str
    url: Url = ""
    accounts: tuple[Account, ...] = Field((), description="Its official accounts, without @")
    names: tuple[str, ...] = Field((), description="Other names by which sources call it")
    topic: Code | None = Field(None, description="What is put to it is about, where nothing else says")
    response_target_days: int | None = Field(None, ge=0, description="Its own target for a response")
    response_target_calendar: Literal["calendar", "working"] = "calendar"


class Service(Model):
    """A public service; topics belong to it."""

    code: Code
    name: str
    agency: Code | None = Field(None, description="The agency responsible where a source does not say")


class Topic(Model):
    """What feedback can be about."""

    code: Code
    name: str
    service: Code
    description: str = ""
    agency: Code | None = Field(None, description="The agency responsible, where it is not the service's")
    codes: dict[str, tuple[str, ...]] = Field(
        {}, description="The service codes that mean this topic, by source (`any` for every source)"
    )
    phrases: tuple[str, ...] = Field(
        (), description="Phrases that mean this topic in a text; * stands for any letters"
    )
    like: Subject | None = Field(
        None,
        description="A common subject: its shipped phrases (en, de, es, fr, pt) count where no topic's own phrase does",
    )


FileSource = TableSource | PetitionsSource | SnscrapeArchiveSource | RegisterSource
"""The sources that are files on this machine."""

RowsSource = (
    AlaveteliSource
    | BlueskySource
    | CkanSource
    | DiscourseSource
    | FeedSource
    | MastodonSource
    | Open311Source
    | RedditSource
    | SnscrapeSource
    | SocrataSource
    | UkPetitionsSource
    | XSource
)
"""The live sources that give feedback."""

AskedSource = RowsSource | GithubIssuesSource
"""The sources that are asked over the network (an instance of ``LiveSource`` is one)."""

Source = Annotated[FileSource | AskedSource, Field(discriminator="connector")]


class _SiteFile(Model):
    site: Site


class _AgenciesFile(Model):
    agencies: tuple[Agency, ...] = Field(min_length=1)


class _TopicsFile(Model):
    services: tuple[Service, ...] = Field(min_length=1)
    topics: tuple[Topic, ...] = Field(min_length=1)


class _SourcesFile(Model):
    sources: tuple[Source, ...] = Field(min_length=1)


class Settings(Model):
    """All settings of a project, checked against each other."""

    project: Path
    site: Site
    agencies: tuple[Agency, ...]
    services: tuple[Service, ...]
    topics: tuple[Topic, ...]
    sources: tuple[Source, ...]

    @cached_property
    def agency_by_code(self) -> dict[str, Agency]:
        """Agencies by their code."""
        return {a.code: a for a in self.agencies}

    @cached_property
    def agency_by_account(self) -> dict[str, str]:
        """The agency's code of each official account."""
        return {account: a.code for a in self.agencies for account in a.accounts}

    @cached_property
    def agency_by_name(self) -> dict[str, str]:
        """The agency's code by each of its names, folded (`fold`), and by its code."""
        return {fold(n): a.code for a in self.agencies for n in (a.code, a.name, *a.names)}

    @cached_property
    def topic_by_code(self) -> dict[str, Topic]:
        """Topics by their code."""
        return {t.code: t for t in self.topics}

    @cached_property
    def service_by_code(self) -> dict[str, Service]:
        """Services by their code."""
        return {s.code: s for s in self.services}

    @cached_property
    def source_by_id(self) -> dict[str, Source]:
        """Sources by their id."""
        return {s.id: s for s in self.sources}

    def topic_agency(self, topic: Topic) -> str | None:
        """The agency responsible for a topic where a source does not say."""
        return topic.agency or self.service_by_code[topic.service].agency

    def due_on(self, agency: Agency, raised_on: date) -> date | None:
        """The day on which the agency's own target for a response ends; None where it has no target."""
        if agency.response_target_days is None:
            return None
        if agency.response_target_calendar == "working":
            return self.site.calendar.add_working_days(raised_on, agency.response_target_days)
        return raised_on + timedelta(days=agency.response_target_days)

    def source_zone(self, source: Source) -> str:
        """The zone of a source's times that carry none."""
        return source.timezone or self.site.timezone

    def lookup(self, name: str) -> Path:
        """A file of reviewed decisions under data/lookups/."""
        return self.project / "data" / "lookups" / name

    def values(self, mapping: ColumnMap) -> dict[str, str] | None:
        """A value map from the settings or from its file.

        Raises:
            SettingsError: the file is missing or has not the columns ``value`` and ``code``.
        """
        if mapping.values_file is None:
            return mapping.values
        path = self.project / "data" / mapping.values_file
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except OSError as error:
            raise SettingsError(f"cannot be read: {error.strerror}", file=path) from error
        if not rows or not {"value", "code"} <= rows[0].keys():
            raise SettingsError(
                "needs the columns value and code", file=path, line=1, remedy="name them in the first line"
            )
        return {**{row["value"]: row["code"] for row in rows}, **(mapping.values or {})}


def fold(text: str) -> str:
    """A name as it is compared: case and runs of white space do not matter."""
    return " ".join(text.casefold().split())


M = TypeVar("M", bound=BaseModel)


def load_settings(project: Path) -> Settings:
    """The settings of the project in that folder.

    Raises:
        SettingsError: a file is missing or wrong, or two of them contradict each other.
    """
    data = project / "data"
    if not data.is_dir():
        raise SettingsError(
            "no folder data/ here",
            file=project,
            remedy="name the folder of a project: answerable build PROJECT",
        )
    site = load_yaml(data / "site.yml", _SiteFile).site
    agencies = load_yaml(data / "agencies.yml", _AgenciesFile).agencies
    topics = load_yaml(data / "topics.yml", _TopicsFile)
    sources = load_yaml(data / "sources.yml", _SourcesFile).sources
    settings = Settings(
        project=project,
        site=site,
        agencies=agencies,
        services=topics.services,
        topics=topics.topics,
        sources=tuple(_in_zone(s, site) for s in sources),
    )
    _check_together(settings)
    return settings


def _in_zone(source: Source, site: Site) -> Source:
    """An Open311 source's times without an offset are the site's, where it names no zone: its items are read alone."""
    if isinstance(source, Open311Source) and source.timezone is None:
        return source.model_copy(update={"timezone": site.timezone})
    return source


def _check_together(settings: Settings) -> None:
    data = settings.project / "data"

    def once(codes: Iterator[str], what: str, file: str) -> None:
        seen: set[str] = set()
        for code in codes:
            if code in seen:
                raise SettingsError(
                    f"{what} {code} stands twice", file=data / file, line=_line_of(data / file, code)
                )
            seen.add(code)

    once((a.code for a in settings.agencies), "the agency", "agencies.yml")
    once((x for a in settings.agencies for x in a.accounts), "the account", "agencies.yml")
    once((s.code for s in settings.services), "the service", "topics.yml")
    once((t.code for t in settings.topics), "the topic", "topics.yml")
    once((s.id for s in settings.sources), "the source", "sources.yml")
    _check_references(settings)


def _check_references(settings: Settings) -> None:
    """Every code that one file takes from another is there."""
    data = settings.project / "data"
    for code, what, file in (
        *((s.agency, "agency", "topics.yml") for s in settings.services),
        *((t.agency, "agency", "topics.yml") for t in settings.topics),
        *((s.agency, "agency", "sources.yml") for s in settings.sources),
        *((getattr(s, "answering_agency", None), "agency", "sources.yml") for s in settings.sources),
    ):
        if code is not None and code not in settings.agency_by_code:
            raise SettingsError(
                f"{what} {code} is not in agencies.yml{did_you_mean(code, settings.agency_by_code)}",
                file=data / file,
                line=_line_of(data / file, code),
            )
    for agency in settings.agencies:
        if agency.topic is not None and agency.topic not in settings.topic_by_code:
            raise SettingsError(
                f"agency {agency.code}: there is no topic {agency.topic}"
                + did_you_mean(agency.topic, settings.topic_by_code),
                file=data / "agencies.yml",
                line=_line_of(data / "agencies.yml", agency.topic),
            )
    for topic in settings.topics:
        if topic.service not in settings.service_by_code:
            raise SettingsError(
                f"topic {topic.code}: there is no service {topic.service}"
                + did_you_mean(topic.service, settings.service_by_code),
                file=data / "topics.yml",
                line=_line_of(data / "topics.yml", topic.service),
            )
        for source_id in topic.codes:
            if source_id != "any" and source_id not in settings.source_by_id:
                raise SettingsError(
                    f"topic {topic.code}: there is no source {source_id}"
                    + did_you_mean(source_id, (*settings.source_by_id, "any")),
                    file=data / "topics.yml",
                    line=_line_of(data / "topics.yml", source_id),
                )
    for source in settings.sources:
        if isinstance(source, PetitionsSource) and source.format != "json" and not source.columns:
            raise SettingsError(
                f"source {source.id}: a table of petitions needs columns",
                file=data / "sources.yml",
                line=_line_of(data / "sources.yml", source.id),
            )


def load_yaml(path: Path, model: type[M]) -> M:
    """Read a YAML file into a model.

    Raises:
        SettingsError: the file is missing, is not YAML, repeats a key, or does not fit the model.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=path, remedy="make the file") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"is not UTF-8: {error}", file=path, remedy="save the file as UTF-8") from error
    return parse_yaml(text, path, model)


def parse_yaml(text: str, path: Path, model: type[M]) -> M:
    """Read a YAML text into a model; ``path`` is the file that mistakes are reported in.

    Raises:
        SettingsError: the text is not YAML, repeats a key, or does not fit the model.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise SettingsError(
            f"is not YAML: {error.problem}", file=path, line=mark.line + 1 if mark else None
        ) from error
    if node is None:
        raise SettingsError("is empty", file=path)
    lines: dict[tuple[str | int, ...], int] = {}
    value = _value(node, (), lines, path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _explained(error, path, lines, model) from error


# The same, ten times as fast, where libyaml is.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def _value(
    node: yaml.Node, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], path: Path
) -> Any:
    """The plain value of a YAML node, noting the line of each part."""
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(_scalar(key_node, path)) if isinstance(key_node, yaml.ScalarNode) else ""
            if key in found:
                raise SettingsError(
                    f"the key {key} stands twice", file=path, line=key_node.start_mark.line + 1
                )
            found[key] = _value(value_node, (*at, key), lines, path)
            lines[(*at, key)] = key_node.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*at, i), lines, path) for i, item in enumerate(node.value)]
    return _scalar(node, path)


def _scalar(node: yaml.Node, path: Path) -> Any:
    try:
        value = node.value if node.tag == _TEXT else yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(f"cannot be read: {error}", file=path, line=node.start_mark.line + 1) from error
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        found = os.environ.get(name, default)
        if found is None:
            raise SettingsError(
                f"the environment variable {name} is not set",
                file=path,
                line=node.start_mark.line + 1,
                remedy=f"set it, as in {name}=... answerable build",
            )
        return found

    return _VARIABLE.sub(variable, value)


def _explained(
    error: ValidationError, path: Path, lines: dict[tuple[str | int, ...], int], model: type[BaseModel]
) -> SettingsError:
    """The first mistake of a validation, in words."""
    # An unknown key comes before the missing one that it was probably meant to be.
    problems = sorted(error.errors(include_url=False), key=lambda p: p["type"] != "extra_forbidden")
    problem = problems[0]
    at = tuple(p for p in problem["loc"])
    known = _known_place(at, lines)
    line = lines.get(known, 1)
    name = ".".join(str(p) for p in known) or "the file"
    kind = problem["type"]
    if kind == "extra_forbidden":
        keys = _keys_at(model, at[:-1])
        return SettingsError(
            f"unknown key {at[-1]}{did_you_mean(str(at[-1]), keys)}",
            file=path,
            line=line,
            remedy=f"known here: {', '.join(sorted(keys))}" if keys else "",
        )
    if kind == "missing":
        return SettingsError(f"{name} needs the key {at[-1]}", file=path, line=line, remedy=f"add {at[-1]}:")
    message = problem["msg"].removeprefix("Value error, ")
    shown = problem.get("input")
    given = f" (given: {shown!r})" if isinstance(shown, str | int | float | bool) else ""
    return SettingsError(f"{name}: {message}{given}", file=path, line=line)


def _known_place(at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """The longest part of a place that stands in the file (a union adds its tag to pydantic's places)."""
    place: tuple[str | int, ...] = ()
    for part in at:
        if (*place, part) in lines:
            place = (*place, part)
    return place


def _keys_at(model: type[BaseModel], at: tuple[str | int, ...]) -> list[str]:
    """The keys that the model knows at a place."""
    models: list[Any] = [model]
    for part in at:
        found: list[Any] = []
        for m in models:
            if isinstance(part, str) and part in m.model_fields:
                found += _models_in(m.model_fields[part].annotation)
            else:
                tagged = [x for x in [m] if _tag(x) == part]
                found += tagged or ([m] if isinstance(part, int) else [])
        models = found or models
    return sorted({name for m in models for name in m.model_fields})


def _tag(model: Any) -> object:
    field = model.model_fields.get("connector")
    return getattr(field.annotation, "__args__", (None,))[0] if field is not None else None


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]


def _line_of(path: Path, code: str) -> int | None:
    """The last line of a file on which a code stands as a word of its own."""
    pattern = re.compile(rf"(?<![\w-])@?{re.escape(code)}(?![\w-])", re.IGNORECASE)
    found = [i for i, text in enumerate(path.read_text("utf-8").splitlines(), 1) if pattern.search(text)]
    return found[-1] if found else None


def month_starts(first: str, last: str, zone: ZoneInfo) -> list[tuple[str, datetime]]:
    """Every month from ``first`` to ``last`` (YYYY-MM), with the UTC instant at which it begins in a time zone."""
    year, month = (int(part) for part in first.split("-"))
    starts = []
    while f"{year:04d}-{month:02d}" <= last:
        local = datetime.combine(date(year, month, 1), time(), tzinfo=zone)
        starts.append((f"{year:04d}-{month:02d}", local.astimezone(UTC).replace(tzinfo=None)))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return starts
