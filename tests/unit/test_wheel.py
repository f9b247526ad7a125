"""What is shipped: the wheel carries all that a site needs, and the locks say what pyproject.toml says."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.small_project import write_project

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(\[[^]]*\])?==([^ ;\\]+)([^\\]*)", re.MULTILINE)


@dataclass(frozen=True)
class Installed:
    """An environment outside the repository that holds the wheel."""

    python: Path
    command: Path


def run(*words: str | Path, cwd: Path) -> str:
    """Runs a command apart from this repository; what it said is the message where it fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (
        f"{words[0]} {words[1]} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        *(
            "-m",
            "pip",
            "--disable-pip-version-check",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
        ),
        *("--no-index", "--wheel-dir", folder, ROOT),
        cwd=folder,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    # The libraries come from the environment that runs the tests, so that nothing is downloaded. A folder
    # named in a .pth is put on the path, but the .pth files in it are not read: the editable install of this
    # repository stays out.
    (own,) = (folder / "lib").glob("python3.*/site-packages")
    (own / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    run(
        sys.executable,
        *("-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet", "--no-deps"),
        *("--no-index", wheel),
        cwd=folder,
    )
    return Installed(python=python, command=folder / "bin" / "answerable")


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_the_templates_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name and not name.endswith("/")}
    package = {f"answerable/{name}" for name in files_below(ROOT / "generator" / "answerable")}
    templates = {f"answerable/site_templates/{name}" for name in files_below(ROOT / "site_templates")}
    assert names == package | templates


def test_the_installed_command_runs_outside_the_repository(installed: Installed, tmp_path: Path) -> None:
    where = run(installed.python, "-c", "import answerable; print(answerable.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(installed.python.parents[1])
    version = run(
        installed.python, "-c", "import answerable; print(answerable.__version__)", cwd=tmp_path
    ).strip()
    assert version in run(installed.command, "--version", cwd=tmp_path)


def test_the_installed_command_builds_a_project_outside_the_repository(
    installed: Installed, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "town")
    run(installed.command, "build", project, cwd=tmp_path)
    site = project / "build" / "site"
    assert "What people in Town raised" in (site / "index.html").read_text("utf-8")
    assert (site / "assets" / "answerable.css").exists()
    assert any((site / "issues").glob("*/index.html"))


def requirements_in(path: Path) -> dict[str, Requirement]:
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    found = (Requirement(line) for line in lines if line and not line.startswith("-r "))
    return {requirement.name: requirement for requirement in found}


def pins_in(path: Path) -> dict[tuple[str, str], str]:
    """``(name, marker) -> version``: a universal lock may pin one package twice, for different Pythons."""
    pins = PIN.findall(path.read_text(encoding="utf-8"))
    return {(name, marker.strip(" ;")): version for name, _, version, marker in pins}


def test_the_lock_is_made_of_the_ranges_in_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = {Requirement(line).name: Requirement(line) for line in project["project"]["dependencies"]}
    backend = {Requirement(line).name: Requirement(line) for line in project["build-system"]["requires"]}
    asked = requirements_in(ROOT / "requirements" / "site.in")
    # An editable install needs `editables`, which hatchling asks for only then.
    assert asked == declared | backend | {"editables": asked["editables"]}
    pins = {name: version for (name, _), version in pins_in(ROOT / "requirements" / "site.txt").items()}
    assert all(requirement.specifier.contains(pins[name]) for name, requirement in asked.items())


@pytest.mark.parametrize("name", ["site", "test", "bench", "snscrape"])
def test_a_lock_has_hashes_and_names_no_host(name: str) -> None:
    path = ROOT / "requirements" / f"{name}.txt"
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|index-url|find-links|@ ", text)
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    pinned = [block for block in blocks if PIN.match(block)]
    assert len(pinned) == len(pins_in(path)) > 0
    assert all("--hash=sha256:" in block for block in pinned)


@pytest.mark.parametrize(("smaller", "larger"), [("site", "test"), ("test", "bench")])
def test_a_larger_lock_repeats_the_pins_of_the_smaller(smaller: str, larger: str) -> None:
    few = pins_in(ROOT / "requirements" / f"{smaller}.txt")
    many = pins_in(ROOT / "requirements" / f"{larger}.txt")
    differing = {key: (version, many.get(key)) for key, version in few.items() if many.get(key) != version}
    assert differing == {}


def test_every_action_is_pinned_by_a_commit_and_says_its_version() -> None:
    used = [
        line.split("uses:")[1].strip()
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert used
    assert [
        line for line in used if not re.fullmatch(r"[\w-]+(?:/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ] == []
