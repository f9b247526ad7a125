"""The commands.

Exit codes: 0 done, 1 a defect of the program, 2 a wrong call, 3 to 9 as `errors.py` lists them, 130 interrupted.
"""

from __future__ import annotations

import functools
import http.server
import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from answerable import __version__
from answerable.errors import AnswerableError, UsageError

if TYPE_CHECKING:
    from answerable.triage import Waiting

__all__ = ["app", "main"]

app = typer.Typer(
    help="Turn public feedback about public services into a static website: what people raised, whether and how fast "
    "government answered, and the open data behind every figure.\n\nA project is a folder with data/site.yml, "
    "data/agencies.yml, data/topics.yml and data/sources.yml. Begin with: answerable build PROJECT",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Project = Annotated[
    Path,
    typer.Argument(help="The project's folder: it holds data/site.yml.", show_default="the current folder"),
]
HERE = Path()


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,  # noqa: FBT002
) -> None:
    if version:
        typer.echo(f"answerable {__version__}")
        raise typer.Exit


@app.command()
def build(
    project: Project = HERE,
    force: Annotated[bool, typer.Option("--force", help="Build although nothing has changed.")] = False,  # noqa: FBT002
    offline: Annotated[bool, typer.Option("--offline", help="Ask no live source: use what is held.")] = False,  # noqa: FBT002
) -> None:
    """Gather, understand, measure, check and publish into PROJECT/build/site.

    Where nothing has changed since the last build (sources, settings, templates, program), nothing is done. A source
    that fails keeps its last good data; a check that fails leaves the old site as it was.
    """
    from answerable.build import build as run

    with _Progress():
        built = run(_folder(project), is_forced=force, is_asking=not offline)
    for receipt in built.receipts:
        if receipt.message:
            _say(f"warning: source {receipt.source_id}: {receipt.message}")
    if built.is_unchanged:
        _say("Nothing has changed since the last build.")
    typer.echo(f"The site is in {built.site}")
    shown = "" if project == HERE else f" {project}"
    typer.echo(f"Look at it with: answerable serve{shown}")


@app.command()
def gather(
    project: Project = HERE,
    source: Annotated[str | None, typer.Option(help="Only the source with this id.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Ask live sources for what is new since then (UTC), whatever was read before.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and stop.")] = False,  # noqa: FBT002
) -> None:
    """Read the sources into PROJECT/build/store, and publish nothing.

    Live sources are asked for what is new, for answers and changes to what is open, and for what was deleted; each has
    a budget of requests, and the next gather goes on where this one stopped. Exits with 5 where a source has been
    failing for longer than its max_age_days, else with 0 and a warning.
    """
    from answerable.build import gather_project, plan_gather, store_folder
    from answerable.publish.checks import check_sources
    from answerable.settings import load_settings
    from answerable.store import Store

    folder = _folder(project)
    if dry_run:
        steps = list(plan_gather(folder, only=source, since=since))
        for source_id, name, what in steps:
            typer.echo(f"{source_id}: {name}: {what}")
        if not steps:
            typer.echo("No live source would be asked: the sources are files.")
        return
    with _Progress():
        receipts = gather_project(folder, only=source, since=since)
    for receipt in receipts:
        if receipt.message:
            _say(f"warning: source {receipt.source_id}: {receipt.message}")
        if receipt.result != "failed":
            typer.echo(
                f"{receipt.source_id}: {receipt.result}, {receipt.feedback_count} feedback "
                f"({receipt.new_count} new, {receipt.changed_count} changed, {receipt.gone_count} gone), "
                f"{receipt.finding_count} findings"
            )
    with Store.open(store_folder(folder), is_writer=False) as store:
        check_sources(store, load_settings(folder), only=source)


@app.command()
def check(project: Project = HERE) -> None:
    """Check the settings and what was gathered, as a build does before it publishes; change nothing."""
    from answerable.build import store_folder
    from answerable.publish.checks import CHECKS, run_checks
    from answerable.settings import load_settings
    from answerable.store import Store

    folder = _folder(project)
    settings = load_settings(folder)
    typer.echo(f"settings: fine ({len(settings.sources)} sources, {len(settings.topics)} topics)")
    if not (store_folder(folder) / "snapshot.json").exists():
        typer.echo("data: nothing has been gathered yet; run answerable build")
        return
    with Store.open(store_folder(folder), is_writer=False) as store:
        run_checks(store, settings)
    typer.echo(f"data: fine ({len(CHECKS)} checks)")


@app.command()
def serve(
    project: Project = HERE,
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Show the built site at http://127.0.0.1:PORT/, on this machine alone, until interrupted."""
    site = _folder(project) / "build" / "site"
    if not (site / "index.html").exists():
        raise UsageError("there is no site yet", file=site, remedy="run answerable build first")
    handler = functools.partial(_Handler, directory=os.fspath(site))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used: {error.strerror}", remedy="name another one with --port"
        ) from error
    with server:
        typer.echo(f"http://127.0.0.1:{server.server_address[1]}/ shows {site}; stop with Ctrl-C")
        server.serve_forever()


@app.command()
def status(project: Project = HERE) -> None:
    """Say of each source when it was last read, how it went, and how much it holds; also while a build is running."""
    from answerable.build import store_folder
    from answerable.store import Store

    with Store.open(store_folder(_folder(project)), is_writer=False) as store:
        runs = store.con.to_pyarrow(store.read("source_run")).to_pylist()
        as_of = {
            row["source_id"]: row["as_of_at"]
            for row in store.con.to_pyarrow(store.read("source")).to_pylist()
        }
        generation = store.generation
    last = {run["source_id"]: run for run in sorted(runs, key=lambda run: run["started_at"])}
    table = Table("source", "last read", "result", "data up to", "feedback", "findings", "message")
    for source_id, run in sorted(last.items()):
        table.add_row(
            source_id,
            _instant(run["finished_at"]),
            run["result"],
            _instant(as_of.get(source_id)),
            str(run["feedback_count"]),
            str(run["finding_count"]),
            run["message"] or "",
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    typer.echo(f"state {generation} of {store_folder(_folder(project))}")


@app.command()
def explain(
    name: Annotated[
        str,
        typer.Argument(metavar="ID", help="A feedback_id, SOURCE:RECORD as in portal:4711, or its address."),
    ],
    project: Project = HERE,
) -> None:
    """Say what was decided about one feedback, and by which rule: in or out, topic, updates, issue, responses."""
    from answerable.build import store_folder
    from answerable.explain import explain as run
    from answerable.store import Store

    with Store.open(store_folder(_folder(project)), is_writer=False) as store:
        typer.echo(str(run(store, name)))


@app.command()
def label(
    project: Project = HERE,
    by: Annotated[str, typer.Option(help="Who labels: it is written beside each label.")] = "",
    count: Annotated[int, typer.Option(help="At most so many messages.", min=1)] = 50,
    by_chance: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--by-chance/--doubtful",
            help="Messages drawn by chance, which also measure the program; or first those of which the models are "
            "least sure, which teach most for the time they take.",
        ),
    ] = True,
    topic: Annotated[bool, typer.Option("--topic", help="Also ask what each message is about.")] = False,  # noqa: FBT002
) -> None:
    """Read messages one after another and say whether they are feedback: written to data/lookups/labels.jsonl.

    Begin with some hundred by chance: without them nobody knows how often the program is right. Then go on with
    --doubtful, and run answerable train. Shown is the public text alone, and nothing of what the program says of it.
    Each answer is kept at once; stop with q or Ctrl-C. The next build follows the labels, and the method page says how
    often the program was right.
    """
    from answerable.build import store_folder
    from answerable.labelling import label_messages
    from answerable.settings import load_settings
    from answerable.store import Store

    if not by.strip():
        raise UsageError("nobody labels", remedy="say who you are: --by NAME")
    folder = _folder(project)
    path = folder / "data" / "lookups" / "labels.jsonl"
    with Store.open(store_folder(folder), is_writer=False) as store:
        kept = label_messages(
            store,
            path,
            by=by.strip(),
            today=datetime.now().date(),  # noqa: DTZ005
            count=count,
            is_by_chance=by_chance,
            topics={t.code: t.name for t in load_settings(folder).topics} if topic else {},
            ask=_ask,
            say=typer.echo,
        )
    typer.echo(f"{kept} labels kept in {path}; the next answerable build follows them")


@app.command()
def train(
    project: Project = HERE,
    phrases: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--phrases/--no-phrases",
            help="Also learn topics from texts of which the phrases in topics.yml say the topic clearly.",
        ),
    ] = False,
) -> None:
    """Make the site's own models from its labels and its service codes: written to data/lookups/.

    Of topics: what the words of messages say whose topic is known from their service code or a label; where the model
    is not sure, it says so. Of relevance, intent and urgency: the general models, corrected by the site's labels. Some
    of the labels that chance drew are kept out of all of them: they measure, see answerable evaluate. What there is too
    little for is said, and not made. Needs the extra `train`: pip install "answerable[train]".
    """
    from answerable.build import store_folder
    from answerable.settings import load_settings
    from answerable.site_models import train_models
    from answerable.store import Store

    folder = _folder(project)
    with Store.open(store_folder(folder), is_writer=False) as store:
        for line in train_models(store, load_settings(folder), is_from_phrases=phrases):
            typer.echo(line)
    typer.echo("the next answerable build reads with what was written")


@app.command()
def evaluate(project: Project = HERE) -> None:
    """Say how often rules and models are right, by the labels of people: the numbers of the method page.

    Only labels of messages that chance drew count; where the site has models of its own, only those that went into
    none of them.
    """
    from answerable.build import store_folder
    from answerable.labelling import evaluation
    from answerable.store import Store

    with Store.open(store_folder(_folder(project)), is_writer=False) as store:
        for line in evaluation(store):
            typer.echo(line)


@app.command()
def triage(
    project: Project = HERE,
    agency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only what this agency is responsible for.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the list as CSV, for a spreadsheet.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as one HTML file, to read or print."),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many lines.", min=1)] = 50,
) -> None:
    """List what waits for an answer, the most pressing first, with the reason for its place. Private.

    One line for each issue, with its most urgent message that has no answer. First what belongs to a service failure
    that lasts, and what people pinned; then by urgency, then by the people behind it, then by age. What is closed is
    not in it, and neither is praise. "Acknowledged, no answer" says that something was said, but nothing of substance.
    Shown is the public text alone, without personal data.

    Posts of official accounts that may be an answer, but name nothing, are listed for review: accept or reject them
    under links in data/lookups/overrides.yml, as in

        links: [{decision: accept, answer: "posts:123", about: "portal:4711", reason: ..., reviewer: ...,
        reviewed_on: 2026-01-31}]

    To put an answer on the record, add it to the register (data/responses). The files are for the office: none may lie
    in the published site.
    """
    from answerable.build import store_folder
    from answerable.settings import load_settings
    from answerable.store import Store
    from answerable.triage import private_path, write_csv, write_html
    from answerable.triage import triage as run

    folder = _folder(project)
    # Before anything is asked or written.
    sheet = None if csv is None else private_path(csv, folder)
    page = None if html is None else private_path(html, folder)
    settings = load_settings(folder)
    with Store.open(store_folder(folder), is_writer=False) as store:
        lines = run(store, settings, agency=agency, limit=limit)
    if sheet is not None:
        write_csv(lines, sheet)
        typer.echo(f"{len(lines)} lines written to {sheet}")
    if page is not None:
        write_html(lines, settings, page)
        typer.echo(f"{len(lines)} lines written to {page}")
    if sheet is not None or page is not None:
        return
    if not lines:
        typer.echo("Nothing is waiting for an answer.")
        return
    columns: dict[str, list[str]] = {
        "": [str(line.place) for line in lines],
        "urgency": [line.urgency for line in lines],
        "people": [str(line.people) for line in lines],
        "supporters": [str(line.supporters or "") for line in lines],
        "unanswered": [str(line.unanswered) for line in lines],
        "days": [str(line.waiting_days) for line in lines],
        "what": ["\n".join(filter(None, _what(line))) for line in lines],
        "why here": [line.reason for line in lines],
        "to review": [line.links_to_review for line in lines],
    }
    # A column in which nothing stands takes room from the others.
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table(*shown, show_lines=True)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _what(line: Waiting) -> tuple[str, ...]:
    """What a line of the list is about, piece by piece; some may be empty."""
    message = f"\u201c{line.message}\u201d" if line.message and line.message != line.title else ""
    return (
        line.title,
        ", ".join(filter(None, (line.agency, line.topic, line.area))),
        message,
        line.url,
        f"{line.kind} {line.id}, message {line.message_name}",
    )


def _ask(question: str, answers: Mapping[str, str]) -> str:
    """One of the answers, by its letter; asks again until it is one."""
    shown = ", ".join(f"[{letter}] {words}" for letter, words in answers.items())
    while True:
        said = str(typer.prompt(f"{question} {shown}", prompt_suffix=": ")).strip().casefold()
        if said in answers:
            return said
        typer.echo(f"one of {', '.join(answers)}, please")


@app.command()
def forget(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="URL|ID...", help="An address, a feedback_id, or SOURCE:RECORD as in square:1234."
        ),
    ],
    project: Annotated[
        Path, typer.Option(help="The project's folder.", show_default="the current folder")
    ] = HERE,
    reason: Annotated[
        str, typer.Option(help="personal_data, asked_by_author, court_order or mistake: it is published.")
    ] = "personal_data",
    rebuild: Annotated[bool, typer.Option(help="Build the site anew, asking no live source.")] = True,  # noqa: FBT002
) -> None:
    """Remove feedback for good: the record, its earlier versions, its copies, and its trace in the site.

    A keyed hash stays behind, so that it is never gathered again, and a line in the public log of removals that says
    when and why, but not what. Files that you gather from are yours: take it out of them as well. So are decisions and
    labels (data/lookups) and the register (data/responses): lines there that name it are listed.
    """
    from answerable import schema
    from answerable.build import build as run
    from answerable.build import forget_feedback, lines_to_forget

    if reason not in schema.TAKEDOWN_REASONS:
        raise UsageError(f"no reason {reason}", remedy=f"one of: {', '.join(schema.TAKEDOWN_REASONS)}")
    folder = _folder(project)
    # Afterwards nobody knows any more what it was called.
    lines = lines_to_forget(folder, names)
    done = forget_feedback(folder, names, reason=reason)
    for removal in done:
        typer.echo(f"removed from {removal.source_id}; its key is {removal.key}")
    typer.echo("To have it removed wherever this project is built, add to data/lookups/takedowns.yml:")
    for removal in done:
        typer.echo(f"  - {{key: {removal.key}, reason: {removal.reason}, removed_on: {removal.removed_on}}}")
    if lines:
        typer.echo(
            "These lines still name it, or the issue that it was in. Take them out, and out of their history:"
        )
        for line in lines:
            typer.echo(f"  - {line}")
    if not rebuild:
        typer.echo("The published site still shows it until the next answerable build.")
        return
    with _Progress():
        built = run(folder, is_forced=True, is_asking=False)
    typer.echo(f"The site in {built.site} no longer has it. Publish it.")


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line of log for each."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class _Progress(logging.Handler):
    """Log lines as progress: one line that changes on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._console = Console(stderr=True)
        self._status: Status | None = None
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))

    def __enter__(self) -> Self:
        logger = logging.getLogger("answerable")
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
        logging.getLogger("answerable").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one line."""
        if record.levelno >= logging.WARNING:
            self._console.print(
                f"{record.levelname.lower()}: {record.getMessage()}", markup=False, highlight=False
            )
        elif self._status is not None:
            self._status.update(record.getMessage().replace("[", "\\["))
        else:
            _say(self.format(record))


def _folder(project: Path) -> Path:
    if not project.is_dir():
        raise UsageError(f"no folder {project}", remedy="name the folder of a project")
    return project.resolve()


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _instant(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def main() -> None:
    """The command line: `answerable`."""
    try:
        app()
    except AnswerableError as error:
        _say(f"error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
