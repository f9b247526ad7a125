"""What each kind of source is told in ``data/sources.yml``: one model for each connector."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from answerable.setting_types import Code, Licence, Model, Url, Zone, did_you_mean

__all__ = [
    "COLUMNS",
    "BaseSource",
    "Channel",
    "ColumnMap",
    "Columns",
    "Kind",
    "PetitionsSource",
    "RegisterSource",
    "SnscrapeArchiveSource",
    "TableSource",
    "Threshold",
]


class ColumnMap(Model):
    """How one column of ours is read from a file. A bare text in the settings is the name of the column."""

    column: str | tuple[str, ...] | None = Field(
        None, description="The column; several are joined by the separator"
    )
    separator: Annotated[str, StringConstraints(strip_whitespace=False)] = ": "
    constant: str | None = Field(None, description="The same value for every row")
    format: str | tuple[str, ...] | None = Field(
        None,
        description="How times are written: strptime, `epoch_seconds`, `epoch_milliseconds`; several are tried in turn",
    )
    values: dict[str, str] | None = Field(None, description="What a value of the source becomes")
    values_file: str | None = Field(
        None, description="The same from a CSV with the columns value and code, in data/"
    )
    missing: tuple[str, ...] = Field(("",), description="Values that mean that there is none")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnMap:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either a column or a constant")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source that it needs."""
        if self.column is None:
            return ()
        return (self.column,) if isinstance(self.column, str) else self.column


Kind = Literal["service_request", "post", "petition", "information_request", "comment"]
Channel = Literal[
    "311", "web", "app", "phone", "email", "social", "petition", "letter", "in_person", "other", "unknown"
]


class BaseSource(Model):
    """What every source says of itself."""

    id: Code
    name: str
    description: str = ""
    url: Url = ""
    licence: Licence
    attribution: str = ""
    language: str | None = Field(None, description="The language of its texts, where all are in one")
    timezone: Zone | None = Field(None, description="The zone of times that carry none; else the site's")
    ignore_offset: bool = Field(False, description="Take times as local although the file writes an offset")
    as_of: datetime | None = Field(None, description="T: the instant up to which it is complete")
    publish_rows: bool = Field(description="Whether each row is already public and may be published")
    rates: bool = Field(
        True, description="Whether rates may be computed: false for data chosen by having an answer"
    )
    extract_note: str = Field(
        "", description="Why this is an extract, in a sentence that is shown with every figure"
    )
    max_age_days: int = Field(
        30, ge=0, description="How long the site is published after the source began to fail"
    )
    agency: Code | None = Field(None, description="The agency responsible for all of it")
    update_history: Literal["full", "latest_only"] = "full"


class Threshold(Model):
    """From which day on how many signatures make an answer due."""

    since: date
    signatures: int = Field(ge=1)


COLUMNS = (
    "record_id",
    "created_at",
    "updated_at",
    "acknowledged_at",
    "closed_at",
    "reopened_at",
    "confirmed_at",
    "status",
    "closing_reason",
    "channel",
    "agency",
    "service",
    "area",
    "latitude",
    "longitude",
    "lang",
    "url",
    "title",
    "text",
    "author",
    "is_official",
    "is_repost",
    "mentions",
    "hashtags",
    "reply_to_id",
    "conversation_id",
    "support_count",
    "threshold_count",
    "threshold_reached_at",
    "note",
    "note_at",
    "note_url",
    "answer_id",
)
"""The columns of ours that a file's columns can be mapped onto."""


class Columns(Model):
    """A source whose columns are mapped onto ours."""

    columns: dict[str, ColumnMap]
    closed_statuses: tuple[str, ...] = Field((), description="The source's statuses that mean closed")
    open_statuses: tuple[str, ...] = Field((), description="The source's statuses that mean open")

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        for name in self.columns:
            if name not in COLUMNS:
                raise ValueError(f"unknown column {name}{did_you_mean(name, COLUMNS)}")
        for name in ("record_id", "created_at"):
            if name not in self.columns:
                raise ValueError(f"the columns need {name}")
        return self


class TableSource(BaseSource, Columns):
    """Rows of a CSV, Parquet or JSON Lines file."""

    connector: Literal["table"]
    kind: Kind
    channel: Channel = "unknown"
    path: str | tuple[str, ...] = Field(description="A file or a pattern with *, from the project's folder")
    format: Literal["csv", "parquet", "jsonl"] | None = Field(
        None, description="Where missing: from the file's name"
    )
    encoding: str = "utf-8"
    delimiter: str | None = None
    extract: Literal["full", "increment"] = Field(
        "full",
        description="full: a row that is missing from newer files is gone; increment: newer files add and change",
    )

    @property
    def paths(self) -> tuple[str, ...]:
        """The file names and patterns."""
        return (self.path,) if isinstance(self.path, str) else self.path


class PetitionsSource(BaseSource):
    """Petitions: JSON files as the UK Parliament serves them, or a table with columns."""

    connector: Literal["petitions"]
    kind: Literal["petition"] = "petition"
    channel: Channel = "petition"
    path: str | tuple[str, ...] = Field(description="A file or a pattern with *, from the project's folder")
    format: Literal["json", "csv", "parquet", "jsonl"] = "json"
    encoding: str = "utf-8"
    delimiter: str | None = None
    extract: Literal["full", "increment"] = "full"
    columns: dict[str, ColumnMap] = Field({}, description="Needed for every format but json")
    closed_statuses: tuple[str, ...] = ("closed", "rejected", "hidden", "stopped")
    open_statuses: tuple[str, ...] = ("open", "pending", "validated", "sponsored", "flagged")
    thresholds: tuple[Threshold, ...] = Field(
        (), description="Signatures that make an answer due, by the day it came into force"
    )
    answering_agency: Code | None = Field(None, description="The agency whose answer it is")

    @property
    def paths(self) -> tuple[str, ...]:
        """The file names and patterns."""
        return (self.path,) if isinstance(self.path, str) else self.path


class SnscrapeArchiveSource(BaseSource):
    """JSON Lines as snscrape 0.7 writes them."""

    connector: Literal["snscrape_archive"]
    kind: Literal["post"] = "post"
    channel: Channel = "social"
    path: str | tuple[str, ...] = Field(description="A file or a pattern with *, from the project's folder")
    extract: Literal["full", "increment"] = "full"

    @property
    def paths(self) -> tuple[str, ...]:
        """The file names and patterns."""
        return (self.path,) if isinstance(self.path, str) else self.path


class RegisterSource(BaseSource):
    """What officials put on the record: Markdown files with front matter."""

    connector: Literal["register"]
    path: str = "data/responses/*.md"

    @property
    def paths(self) -> tuple[str, ...]:
        """The file names and patterns."""
        return (self.path,)
