"""The published site as people meet it: on a phone, in the dark, without scripts, with a keyboard, under its policy."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page
from tests.world import fill, make_project, now, small_world

from answerable.publish.site import publish
from answerable.store import Store
from answerable.understand.privacy import redact

ISSUE = "issues/potholes-old-harbour-0123456789/"
PAGES = (
    "", "issues/", ISSUE, "agencies/", "agencies/highways/", "topics/", "topics/trees/", "areas/", "areas/ward-3/",
    "responses/", "data/", "method/", "sources/", "glossary/", "404.html",
)  # fmt: skip
ATTACKS = [
    line.encode("ascii").decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
    for line in Path(__file__).parents[1].joinpath("attacks.txt").read_text("ascii").splitlines()
    if line and not line.startswith("# One attack")
]
# As they would reach the pages: what looks like personal data is taken out before.
HOSTILE = tuple(redact(attack).text for attack in ATTACKS)
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


def publish_at(folder: Path, texts: tuple[str, ...] = (), replies: tuple[str, ...] = ()) -> Path:
    """A site under the path that its address names, as it would be served."""
    settings = make_project(folder)
    with Store.open(folder / "build" / "store") as store:
        world = small_world(texts=texts, replies=replies)
        for row, text in zip(world.rows["issue"], texts, strict=False):
            row["public_title"] = f"{text} oddity"
        fill(store, settings, world)
        site = publish(store, settings, now=now())
    root = folder / "served"
    root.mkdir()
    (root / "answers").symlink_to(site)
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]) -> str:
    return serve(publish_at(tmp_path_factory.mktemp("site"))) + "/answers/"


@pytest.fixture(scope="module")
def hostile_root(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]) -> str:
    folder = tmp_path_factory.mktemp("hostile")
    return serve(publish_at(folder, HOSTILE, tuple(reversed(HOSTILE)))) + "/answers/"


class Watched:
    """A page in a browser that notes every request and everything that went wrong."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._on_console)
        page.on("dialog", self._on_dialog)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.problems.append("a dialog")
        dialog.dismiss()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Callable[..., Watched]]:
    contexts = []

    def start(**how: Any) -> Watched:
        context = browser.new_context(**{"viewport": DESKTOP, **how})
        contexts.append(context)
        return Watched(context.new_page())

    yield start
    for context in contexts:
        context.close()


@dataclass(frozen=True)
class Opened:
    """A page that has come to rest, which several tests look at: none changes what another looks for."""

    path: str
    watched: Watched

    @property
    def page(self) -> Page:
        return self.watched.page


def opened(browser: Browser, root: str, path: str, **how: Any) -> Iterator[Opened]:
    context = browser.new_context(**how)
    watched = Watched(context.new_page())
    watched.page.goto(root + path, wait_until="networkidle")
    yield Opened(path, watched)
    context.close()


@pytest.fixture(scope="module", params=PAGES)
def desktop(request: pytest.FixtureRequest, browser: Browser, root: str) -> Iterator[Opened]:
    """Each page of the site, light and wide."""
    yield from opened(browser, root, request.param, viewport=DESKTOP, color_scheme="light")


@pytest.fixture(scope="module", params=PAGES)
def phone(request: pytest.FixtureRequest, browser: Browser, root: str) -> Iterator[Opened]:
    """Each page of the site, dark and narrow."""
    yield from opened(browser, root, request.param, viewport=PHONE, color_scheme="dark")


def barriers(page: Page) -> list[str]:
    """What stands gravely in the way of people."""
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['html'][:160]}"
        for v in found
        if v["impact"] in {"serious", "critical"}
        for node in v["nodes"][:3]
    ]


def test_nothing_leaves_the_host_and_nothing_goes_wrong(root: str, desktop: Opened) -> None:
    assert desktop.watched.problems == []
    requests = desktop.watched.requests
    assert requests
    host = root.removesuffix("answers/")
    assert [url for url in requests if not url.startswith((host, "data:"))] == []


def test_headings_come_in_order(desktop: Opened) -> None:
    levels = desktop.page.evaluate(
        "[...document.querySelectorAll('article :is(h1,h2,h3,h4)')].map(h => Number(h.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_no_barrier_is_found_in_the_light(desktop: Opened) -> None:
    assert barriers(desktop.page) == []


def test_a_phone_does_not_scroll_sideways(phone: Opened) -> None:
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    phone.page.emulate_media(color_scheme="light")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    phone.page.emulate_media(color_scheme="dark")


def test_no_barrier_is_found_in_the_dark(phone: Opened) -> None:
    assert phone.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert barriers(phone.page) == []


def test_everything_is_there_without_scripts(
    root: str, watch: Callable[..., Watched], desktop: Opened
) -> None:
    path = desktop.path
    words = "document.querySelector('article').innerText.replace(/\\s+/g, ' ')"
    # What only a script can do is offered by the script: its button is not there without it.
    show = "hidden => document.querySelectorAll('.figure__button').forEach(b => b.hidden = hidden)"
    desktop.page.evaluate(show, True)
    scripted = desktop.page.evaluate(words).strip()
    desktop.page.evaluate(show, False)
    still = watch(java_script_enabled=False)
    still.page.goto(root + path)
    plain = still.page.locator("article").inner_text()
    assert " ".join(plain.split()) == scripted
    assert still.page.locator(".figure__button:visible").count() == 0
    drawings = still.page.locator("figure svg")
    if path in {"", "areas/", "areas/ward-3/", "agencies/highways/"}:
        assert drawings.count() > 0
        assert still.page.locator("figure svg:visible").count() > 0


def test_a_figure_becomes_interactive_under_the_policy(root: str, watch: Callable[..., Watched]) -> None:
    watched = watch()
    page = watched.page
    page.goto(root, wait_until="networkidle")
    assert not any("vega" in url for url in watched.requests)
    page.locator(".figure__button").first.focus()
    page.keyboard.press("Enter")
    page.locator(".figure__live svg").first.wait_for(timeout=30_000)
    assert any(url.endswith("assets/vega.js") for url in watched.requests)
    assert watched.problems == []


def search(page: Page, words: str) -> None:
    """Type words into the search as a person does: it wakes when it is entered."""
    field = page.locator(".md-search__input")
    field.click()
    field.press_sequentially(words, delay=20)


def test_the_search_finds_an_issue(root: str, watch: Callable[..., Watched]) -> None:
    watched = watch()
    page = watched.page
    page.goto(root, wait_until="networkidle")
    search(page, "potholes old harbour")
    link = page.locator(f".md-search-result__link[href*='{ISSUE}']").first
    link.wait_for(timeout=30_000)
    link.click()
    page.wait_for_url(f"**/{ISSUE}**")
    assert page.locator("h1").inner_text().startswith("Potholes in Old Harbour")
    assert watched.problems == []


def test_the_skip_link_leads_to_the_heading(root: str, watch: Callable[..., Watched]) -> None:
    page = watch().page
    for path in ("", ISSUE):
        page.goto(root + path)
        target = page.locator(".md-skip").get_attribute("href")
        assert target is not None
        assert page.locator(f"[id='{target.rpartition('#')[2]}']").count() == 1


@pytest.mark.parametrize(
    "path", ["", ISSUE, "issues/lights-ward-3-0123456789/", "agencies/parks/", "responses/", "method/"]
)
def test_attacks_are_read_and_do_nothing(hostile_root: str, watch: Callable[..., Watched], path: str) -> None:
    watched = watch()
    page = watched.page
    page.goto(hostile_root + path, wait_until="networkidle")
    assert watched.problems == []
    assert page.title() != "owned"
    host = hostile_root.removesuffix("answers/")
    assert [url for url in watched.requests if not url.startswith((host, "data:"))] == []
    inside = page.evaluate("[...document.querySelectorAll('blockquote.quote *')].map(e => e.tagName)")
    assert set(inside) <= {"P", "BR"}
    assert page.locator("blockquote.quote").count() > 0
    assert page.locator("article").locator("script, iframe, img, form, object, style").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]


def test_attacks_do_nothing_among_the_results_of_a_search(
    hostile_root: str, watch: Callable[..., Watched]
) -> None:
    watched = watch()
    page = watched.page
    page.goto(hostile_root, wait_until="networkidle")
    search(page, "oddity")
    page.locator(".md-search-result__link").first.wait_for(timeout=30_000)
    page.wait_for_timeout(500)
    assert page.locator(".md-search-result__item").count() >= 5
    assert (
        page.locator(".md-search-result").locator("script, img, iframe, style, a[href^=javascript]").count()
        == 0
    )
    assert watched.problems == []


def test_quotes_say_what_was_written(hostile_root: str, watch: Callable[..., Watched]) -> None:
    page = watch(viewport=PHONE).page
    page.goto(hostile_root + ISSUE)
    shown = {" ".join(text.split()) for text in page.locator("blockquote.quote").all_inner_texts()}
    # Every third request of the world is about potholes, and every fourth of those in Old Harbour.
    assert " ".join(HOSTILE[0].split()) in shown
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
