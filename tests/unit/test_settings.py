"""Every mistake in the settings is named with its file, its line and what to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from answerable.errors import SettingsError
from answerable.settings import load_settings, month_starts

FILES = {
    "site.yml": """\
site:
  name: Town
  description: A town.
  url: https://town.example/
  publisher: The town
  contact: data@town.example
  timezone: Europe/London
""",
    "agencies.yml": """\
agencies:
  - code: works
    name: Public Works
    accounts: ["@TownWorks"]
    response_target_days: 3
    response_target_calendar: working
""",
    "topics.yml": """\
services:
  - {code: streets, name: Streets, agency: works}
topics:
  - code: potholes
    name: Potholes
    service: streets
    codes: {portal: [POTHOLE]}
""",
    "sources.yml": """\
sources:
  - id: portal
    connector: table
    name: The portal
    licence: {name: CC0}
    kind: service_request
    publish_rows: true
    path: requests.csv
    columns:
      record_id: id
      created_at: opened
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / "data" / name).write_text(text)
    return tmp_path


def change(project: Path, name: str, old: str, new: str) -> None:
    path = project / "data" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_settings_that_are_right_are_read(project: Path) -> None:
    settings = load_settings(project)
    assert settings.agency_by_account == {"townworks": "works"}
    assert settings.agency_by_name["public works"] == "works"
    assert settings.topic_agency(settings.topics[0]) == "works"
    assert settings.sources[0].id == "portal"


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "message"),
    [
        ("site.yml", "publisher: The town", "publischer: The town", 5, "did you mean publisher"),
        ("site.yml", "  publisher: The town\n", "", 1, "needs the key publisher"),
        ("site.yml", "Europe/London", "Europe/Londn", 7, "did you mean Europe/London"),
        ("site.yml", "https://town.example/", "town.example", 4, "begins with https"),
        ("site.yml", "name: Town\n", "name: Town\n  name: City\n", 3, "name stands twice"),
        ("site.yml", "name: Town", "name: [Town", 3, "is not YAML"),
        ("site.yml", "name: Town", "name: ${TOWN_NAME_THAT_NOBODY_SETS}", 2, "is not set"),
        (
            "agencies.yml",
            "response_target_days: 3",
            "response_target_days: -3",
            5,
            "greater than or equal to 0",
        ),
        ("agencies.yml", "code: works", "code: Public Works", 2, "a code is lower case"),
        ("topics.yml", "agency: works", "agency: work", 2, "did you mean works"),
        ("topics.yml", "service: streets", "service: street", 6, "did you mean streets"),
        ("topics.yml", "{portal:", "{portals:", 7, "did you mean portal"),
        ("sources.yml", "connector: table", "connector: tabel", 2, "table"),
        ("sources.yml", "kind: service_request", "kind: request", 6, "service_request"),
        ("sources.yml", "      created_at: opened\n", "", 2, "need created_at"),
        ("sources.yml", "created_at: opened", "created_on: opened", 2, "did you mean created_at"),
        ("sources.yml", "path: requests.csv", "paht: requests.csv", 8, "did you mean path"),
        ("sources.yml", "record_id: id", "record_id: {column: id, formt: x}", 10, "did you mean format"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_remedy(  # noqa: PLR0917
    project: Path, name: str, old: str, new: str, line: int, message: str
) -> None:
    change(project, name, old, new)
    with pytest.raises(SettingsError) as caught:
        load_settings(project)
    error = caught.value
    assert message in str(error)
    assert error.file == project / "data" / name
    assert error.line == line


def test_a_missing_file_and_a_missing_folder_are_named(project: Path, tmp_path: Path) -> None:
    (project / "data" / "topics.yml").unlink()
    with pytest.raises(SettingsError, match=r"topics\.yml"):
        load_settings(project)
    with pytest.raises(SettingsError, match="name the folder of a project"):
        load_settings(tmp_path / "nowhere")


def test_two_things_may_not_share_a_code(project: Path) -> None:
    change(project, "agencies.yml", "agencies:\n", "agencies:\n  - {code: works, name: Works}\n")
    with pytest.raises(SettingsError, match="the agency works stands twice"):
        load_settings(project)


def test_variables_come_from_the_environment_or_their_default(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project, "site.yml", "name: Town", "name: ${TOWN:-Elsewhere}")
    assert load_settings(project).site.name == "Elsewhere"
    monkeypatch.setenv("TOWN", "Port: of [call]")
    assert load_settings(project).site.name == "Port: of [call]"


def test_a_working_day_target_skips_weekends_and_holidays(project: Path) -> None:
    change(project, "site.yml", "timezone:", "calendar: {country: GB, subdivision: ENG}\n  timezone:")
    settings = load_settings(project)
    agency = settings.agencies[0]
    # Thursday before Easter 2024: Good Friday, the weekend and Easter Monday are free.
    assert settings.due_on(agency, date(2024, 3, 28)) == date(2024, 4, 4)
    assert settings.due_on(agency, date(2024, 6, 3)) == date(2024, 6, 6)


def test_an_unknown_country_is_a_mistake(project: Path) -> None:
    change(project, "site.yml", "timezone:", "calendar: {country: ZZ}\n  timezone:")
    with pytest.raises(SettingsError, match="no public holidays are known for ZZ"):
        load_settings(project)


def test_a_value_file_is_read_and_a_wrong_one_is_named(project: Path) -> None:
    settings = load_settings(project)
    change(
        project,
        "sources.yml",
        "record_id: id",
        "record_id: id\n      agency: {column: q, values_file: q.csv}",
    )
    settings = load_settings(project)
    mapping = settings.sources[0].columns["agency"]  # type: ignore[union-attr]
    with pytest.raises(SettingsError, match=r"q\.csv"):
        settings.values(mapping)
    (project / "data" / "q.csv").write_text("queue,agency\nA,works\n")
    with pytest.raises(SettingsError, match="columns value and code"):
        settings.values(mapping)
    (project / "data" / "q.csv").write_text("value,code\nA,works\n")
    assert settings.values(mapping) == {"A": "works"}


def test_months_begin_at_local_midnight(project: Path) -> None:
    zone = load_settings(project).site.zone
    starts = dict(month_starts("2023-12", "2024-07", zone))
    assert list(starts) == [f"2023-{12}", *(f"2024-{m:02d}" for m in range(1, 8))]
    assert starts["2024-01"].isoformat() == "2024-01-01T00:00:00"
    assert starts["2024-07"].isoformat() == "2024-06-30T23:00:00"
