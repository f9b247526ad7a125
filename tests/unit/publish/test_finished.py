"""What looks over a finished site finds dead links and numbers that are not in the data."""

from pathlib import Path

import pytest

from answerable.publish.finished import LinkChecker, dead_links, unexplained_numbers, visible_digits

MEASURES = (
    "measure,method_version,interval,breakdown,group_code,value,low,high,numerator,denominator,unit,is_not_reached,"
    "is_too_few,is_suppressed\nraised,1,all,all,all,1234,,,1234,,feedback,false,false,false\n"
)
SPAN = (
    '<span class="number" data-measure="{}" data-breakdown="all" data-group="all" data-interval="all"'
    ' data-field="value" data-form="count">{}</span>'
)


def a_site(folder: Path, body: str) -> Path:
    (folder / "data").mkdir()
    (folder / "data" / "measures.csv").write_text(MEASURES, "utf-8")
    (folder / "data" / "areas.csv").write_text("area_code,name\nward-3,Ward 3\n", "utf-8")
    (folder / "index.html").write_text(
        f"<html><head><title>7</title></head><body>{body}</body></html>", "utf-8"
    )
    return folder


@pytest.mark.parametrize(
    "body",
    [
        SPAN.format("raised", "1,234"),
        "<time>5 May 2024</time> <code>42</code> <blockquote>911</blockquote> <svg><text>9</text></svg>",
        '<span data-id="">4711</span> <p class="quote">12</p> <th>Ward 3</th> <a>Potholes in Ward 3</a>',
        "<p>open<p>two <b>words</b> <img alt=7> <br>",
    ],
)
def test_what_is_explained(tmp_path: Path, body: str) -> None:
    assert unexplained_numbers(a_site(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (SPAN.format("raised", "1,235"), "the page says '1,235'"),
        (SPAN.format("risen", "1,234"), "is no row of measures.csv"),
        ("<p>about 12 people</p>", "digits in “about 12 people”"),
        ("<p>Ward 4</p>", "digits in “Ward 4”"),
        ("<time>5 May</time><p>9</p>", "digits in “9”"),
    ],
)
def test_what_is_not(tmp_path: Path, body: str, problem: str) -> None:
    (found,) = unexplained_numbers(a_site(tmp_path, body))
    assert problem in found


def test_names_are_taken_out_longest_first() -> None:
    assert list(visible_digits(["Ward 3 East"], ["Ward 3", "Ward 3 East"])) == []


@pytest.mark.parametrize(
    ("href", "is_dead"),
    [
        ("sub/", False),
        ("./", False),
        ("sub/index.html#x", False),
        ("data/measures.csv", False),
        ("/base/sub/", False),
        ("#top", False),
        ("https://elsewhere.example/", False),
        ("mailto:a@b.example", False),
        ("missing/", True),
        ("data/missing.csv", True),
        ("/sub/", True),
        ("javascript:alert(1)", True),
        ("../outside/", True),
    ],
)
def test_links(tmp_path: Path, href: str, is_dead: bool) -> None:
    site = a_site(tmp_path, f'<a href="{href}">x</a>')
    (site / "sub").mkdir()
    (site / "sub" / "index.html").write_text('<a href="../">up</a><a href="../sub/">self</a>', "utf-8")
    assert dead_links(site, base_path="/base/") == ([f"index.html: {href}"] if is_dead else [])


def test_a_page_that_is_announced_is_there(tmp_path: Path) -> None:
    checker = LinkChecker(tmp_path)
    checker.add("issues/x/")
    assert list(checker.dead("", '<a href="issues/x/"></a><a href="issues/y/"></a>')) == ["issues/y/"]
