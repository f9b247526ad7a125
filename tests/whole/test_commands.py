"""The commands as a person calls them: a real process, its exit code, and what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.small_project import write_project

ANSWERABLE = Path(sys.executable).parent / "answerable"


def call(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run([ANSWERABLE, *words], check=False, capture_output=True, text=True, cwd=cwd, env=env)


def failed(code: int, *words: str | Path) -> str:
    """What a command says that must fail with a code: on the error stream, and without a traceback."""
    done = call(*words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = write_project(tmp_path_factory.mktemp("built") / "town")
    done = call("build", project)
    assert done.returncode == 0, done.stderr
    assert f"The site is in {project / 'build' / 'site'}" in done.stdout
    # In a pipe the progress is plain lines, one for each step.
    assert re.search(r"^\d\d:\d\d:\d\d gather", done.stderr, re.MULTILINE)
    assert "\x1b" not in done.stderr
    return project


def test_every_command_teaches() -> None:
    overview = call("--help").stdout
    for command in ("build", "gather", "check", "serve", "status", "explain"):
        assert command in overview
        taught = call(command, "--help")
        assert taught.returncode == 0
        assert len(taught.stdout.split()) > 30


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    done = call("build", built)
    assert done.returncode == 0
    assert "Nothing has changed since the last build." in done.stderr
    forced = call("build", "--force", built)
    assert "Nothing has changed" not in forced.stderr
    assert re.search(r"published .*: 0 files new or changed", forced.stderr)


def test_check_status_and_explain(built: Path) -> None:
    assert "data: fine" in call("check", built).stdout
    status = call("status", built).stdout
    assert re.search(r"portal .* 60 ", status)
    told = call("explain", "portal:R1", built)
    assert told.returncode == 0, told.stderr
    assert "Potholes: its source has it under this topic  [rule: code:potholes]" in told.stdout
    assert "yes" in told.stdout
    assert "no feedback is called portal:R999" in failed(2, "explain", "portal:R999", built)


def test_gathering_again_changes_nothing(built: Path) -> None:
    done = call("gather", built)
    assert done.returncode == 0
    assert "portal: unchanged, 60 feedback (0 new, 0 changed, 0 gone)" in done.stdout


def test_the_site_is_served_on_this_machine(built: Path) -> None:
    process = subprocess.Popen(
        [ANSWERABLE, "serve", built, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert found is not None
        with urllib.request.urlopen(found[0]) as answer:
            assert "What people in Town raised" in answer.read().decode()
    finally:
        process.terminate()
        process.communicate()


def test_a_wrong_call_is_explained(tmp_path: Path) -> None:
    assert "Did you mean 'build'" in failed(2, "buld")
    assert "no folder" in failed(2, "build", tmp_path / "nowhere")
    assert "no folder data/ here" in failed(3, "build", tmp_path)
    assert "run answerable build first" in failed(2, "serve", write_project(tmp_path / "town"))
    assert "answerable build" in failed(6, "status", tmp_path / "town")


def test_a_wrong_setting_names_its_line(tmp_path: Path) -> None:
    project = write_project(tmp_path / "town")
    path = project / "data" / "sources.yml"
    path.write_text(path.read_text().replace("publish_rows", "publish_row"))
    said = failed(3, "build", project)
    assert f"{path}:7: unknown key publish_row; did you mean publish_rows?" in said


def test_a_source_that_was_never_read_publishes_nothing(tmp_path: Path) -> None:
    project = write_project(tmp_path / "town")
    (project / "requests.csv").unlink()
    said = failed(4, "gather", project)
    assert "requests.csv" in said
    assert not (project / "build" / "site").exists()


def test_a_source_that_breaks_later_keeps_its_data(built: Path) -> None:
    path = built / "requests.csv"
    sound = path.read_bytes()
    try:
        path.write_text("nothing of use\n1\n")
        done = call("build", built)
        assert done.returncode == 0, done.stderr
        assert "warning: source portal" in done.stderr
        assert "Not up to date" in (built / "build" / "site" / "index.html").read_text("utf-8")
        assert "60" in call("status", built).stdout
        sources = built / "data" / "sources.yml"
        settings = sources.read_text()
        sources.write_text(settings.replace("publish_rows: true", "publish_rows: true\n    max_age_days: 0"))
        before = (built / "build" / "site" / "index.html").read_bytes()
        assert "has been failing since" in failed(5, "gather", built)
        failed(5, "build", built)
        assert (built / "build" / "site" / "index.html").read_bytes() == before
        sources.write_text(settings)
    finally:
        path.write_bytes(sound)


def test_a_store_that_is_written_to_is_named(built: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from answerable.store import Store\n"
        "with Store.open(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(built / "build" / "store")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        other.stdout.readline()
        assert str(other.pid) in failed(7, "build", "--force", built)
        assert call("status", built).returncode == 0
        assert call("explain", "portal:R1", built).returncode == 0
    finally:
        other.communicate("")
