"""Make the demonstration city's input files: `python data/demo/make.py --out DIR [--seed 7] [--rows 20000]`.

Everything is invented (README.md beside this file). The same seed writes the same bytes; only the standard library
is used. `truth.json` lists what was planted; it is for tests, and nothing that builds the site may read it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from city import City, People, load_city
from extras import write_inspections, write_permits, write_register
from petitions_files import write_petitions
from plants import Plants
from plants_posts import PlantedPosts, problem_posts, truth_of_posts
from posts_file import write_posts
from requests_file import write_requests

SHARE = {"requests": 0.75, "posts": 0.2, "inspections": 0.024, "permits": 0.01}
MADE = ("requests.csv", "posts.jsonl", "inspections.csv", "permits_export.csv", "areas.geojson", "truth.json")
FOLDERS = ("petitions", "register", "earlier")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description="Write the demonstration city's input files.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into (made if need be)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another city life")
    parser.add_argument("--rows", type=int, default=20000, help="how many feedback in all, about")
    options = parser.parse_args(arguments)
    if options.rows < 2000:
        parser.error("--rows must be 2000 or more: the planted failure is lost in fewer")
    make(options.out, options.seed, options.rows)


def make(out: Path, seed: int, rows: int) -> None:
    """Write all files of one city into a folder; what an earlier run wrote there is replaced."""
    city = load_city()
    people = People(city, seed)
    out.mkdir(parents=True, exist_ok=True)
    for name in MADE:
        (out / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
    _write_areas(out, city)
    count = {name: round(rows * share) for name, share in SHARE.items()}
    plants = Plants(city, seed, people.others())
    requests = write_requests(out, city, seed, count["requests"], people, planted=plants.requests())
    cells, rows_written = requests.pop("by_category_and_area"), requests.pop("rows")
    plants.name_records(rows_written)
    plant = PlantedPosts(plants, rows_written).plant
    posts = write_posts(out, city, seed, count["posts"], people, plant=plant)
    planted_posts = posts.pop("posts")
    petitions = write_petitions(out, city, seed, people, (plants.petitions(), plants.people))
    of_plant = petitions.pop("of_plant")
    plants.name_petitions(of_plant)
    truth: dict[str, Any] = {
        "note": "What was planted in the demonstration city. Everything is invented.",
        "city": city.facts["name"],
        "seed": seed,
        "timezone": city.facts["timezone"],
        "as_of": city.facts["as_of"],
        "requests": requests,
        "posts": posts,
        "petitions": petitions,
        "problems": plants.truth(rows_written, problem_posts(planted_posts, plants), of_plant),
        "planted": truth_of_posts(planted_posts),
        "inspections": write_inspections(out, city, seed, count["inspections"]),
        "broken_source": write_permits(out, city, seed, count["permits"]),
    }
    truth["register"] = write_register(out, cells, truth, plants.private_words)
    truth["personal_data"] = people.planted
    text = json.dumps(truth, ensure_ascii=False, indent=0, sort_keys=True)
    (out / "truth.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def _write_areas(out: Path, city: City) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": city.facts["area"][code]["name"]},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for code, ring in city.polygons.items()
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    (out / "areas.geojson").write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
