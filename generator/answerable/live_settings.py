"""What each kind of live source is told in ``data/sources.yml``: one model for each connector that asks an API.

No setting holds a secret: a source names the environment variable that does.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from answerable.setting_types import Account, Code, Model, Url
from answerable.source_settings import BaseSource, Channel, Columns, Kind, Threshold

__all__ = [
    "AlaveteliSource",
    "BlueskySource",
    "Budget",
    "CkanSource",
    "DiscourseSource",
    "FeedSource",
    "GithubIssuesSource",
    "LiveSource",
    "MastodonSource",
    "Open311Source",
    "RedditSource",
    "SnscrapeSource",
    "SocrataSource",
    "UkPetitionsSource",
    "XSource",
    "host_of",
]


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError(
            "name an environment variable, such as MASTODON_TOKEN: the secret itself stays out of files"
        )
    return value


def _hashtag(value: str) -> str:
    found = value.removeprefix("#")
    if not found or re.search(r"[\s#/?]", found):
        raise ValueError("a hashtag is one word, with or without #")
    return found


def _no_slash(value: str) -> str:
    return value.rstrip("/")


Variable = Annotated[str, AfterValidator(_variable)]
Hashtag = Annotated[str, AfterValidator(_hashtag)]
Server = Annotated[Url, AfterValidator(_no_slash)]


class Budget(Model):
    """How many requests each pass of one gather may make: the next gather goes on where it stopped."""

    discover: int = Field(120, ge=1, description="For new items")
    refresh: int = Field(60, ge=0, description="For what may have changed: open items and their threads")
    sweep: int = Field(30, ge=0, description="For what may have been deleted")


class LiveSource(BaseSource):
    """What every source that is asked over the network is told."""

    server: Server = Field(
        description="The address of the API, without the part that names what is asked for"
    )
    hosts: tuple[str, ...] = Field((), description="Further hosts that it may send us to")
    allow_private_addresses: bool = Field(
        False, description="Whether the server may be on this machine or in a private network"
    )
    requests: Budget = Budget()
    time_limit_minutes: float = Field(10, gt=0, description="How long one gather of it may take")
    page_size: int | None = Field(
        None, ge=1, description="Items to ask for at once; else what the API allows"
    )
    start_on: date | None = Field(None, description="How far back the first gather goes")
    overlap_hours: float = Field(
        48, ge=0, description="How much of what was read before is read again: the newest id proves nothing"
    )
    refresh_days: int = Field(
        60, ge=0, description="For how long an item is asked again for answers and changes"
    )
    sweep_days: int = Field(
        7, ge=1, description="After how many days an item is asked again whether it still exists"
    )
    retention_days: int = Field(
        730, ge=1, description="After how many days the texts and names of people are no longer kept"
    )

    variables: ClassVar[tuple[str, ...]] = ("token_env",)

    @property
    def asked_hosts(self) -> frozenset[str]:
        """The hosts that may be contacted, with their port where they name one."""
        return frozenset({host_of(address) for address in self.servers} | {h.lower() for h in self.hosts})

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses of everything that it asks."""
        return (self.server,)

    @property
    def secret_variables(self) -> dict[str, str]:
        """The environment variables that hold its secrets, by the setting that names them."""
        found = {name: getattr(self, name, None) for name in self.variables}
        return {name: value for name, value in found.items() if value}


def host_of(address: str) -> str:
    """The host of an address, with its port where it names one."""
    return urlsplit(address).netloc.rpartition("@")[2].lower()


class MastodonSource(LiveSource):
    """Posts of a Mastodon server (or one that speaks its API): hashtags, official accounts and their threads."""

    connector: Literal["mastodon"]
    kind: Literal["post"] = "post"
    channel: Channel = "social"
    token_env: Variable | None = Field(
        None, description="Variable with an access token; many servers need none"
    )
    hashtags: tuple[Hashtag, ...] = ()
    accounts: tuple[Account, ...] | None = Field(
        None,
        description="Official accounts to follow; else all of data/agencies.yml that live on this server",
    )
    mentions: bool = Field(
        False,
        description="Read the mentions of the account that the token belongs to (it has to be official)",
    )
    domain: str | None = Field(
        None, description="What follows the @ of the server's own accounts, where that is not its host"
    )

    @property
    def home(self) -> str:
        """What follows the @ of the server's own accounts, lower case."""
        return (self.domain or host_of(self.server)).lower()

    @model_validator(mode="after")
    def _with_token(self) -> Self:
        if self.mentions and self.token_env is None:
            raise ValueError("mentions belong to an account: give token_env")
        return self


class BlueskySource(LiveSource):
    """Posts of Bluesky: searches, and official accounts with their threads."""

    connector: Literal["bluesky"]
    kind: Literal["post"] = "post"
    channel: Channel = "social"
    server: Server = "https://public.api.bsky.app"
    login_server: Server = "https://bsky.social"
    handle_env: Variable | None = Field(None, description="Variable with the handle to log in with")
    password_env: Variable | None = Field(None, description="Variable with an app password of that account")
    queries: tuple[str, ...] = Field(
        (), description="What to search for, such as '#CityFeedback': needs a login"
    )
    accounts: tuple[Account, ...] | None = Field(
        None,
        description="Handles of official accounts to follow; else all of data/agencies.yml that look like one",
    )

    variables: ClassVar[tuple[str, ...]] = ("handle_env", "password_env")

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses of everything that it asks."""
        return (self.server, self.login_server)

    @model_validator(mode="after")
    def _with_login(self) -> Self:
        if (self.handle_env is None) != (self.password_env is None):
            raise ValueError("give both handle_env and password_env, or neither")
        if self.queries and self.handle_env is None:
            raise ValueError("a search needs a login: give handle_env and password_env")
        return self


class XSource(LiveSource):
    """Posts of X through its API v2: recent search and conversations."""

    connector: Literal["x"]
    kind: Literal["post"] = "post"
    channel: Channel = "social"
    server: Server = "https://api.x.com"
    token_env: Variable = Field("X_BEARER_TOKEN", description="Variable with the bearer token")
    queries: tuple[str, ...] = Field(
        (), description="Searches of the last seven days, such as '#CityFeedback -is:retweet'"
    )
    accounts: tuple[Account, ...] | None = Field(
        None, description="Official accounts whose mentions and replies are read; else none"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.queries or self.accounts):
            raise ValueError("give queries or accounts")
        for account in self.accounts or ():
            if not re.fullmatch(r"[A-Za-z0-9_]{1,15}", account):
                raise ValueError(f"{account} cannot be an account of X")
        return self


class Open311Source(LiveSource):
    """Service requests of an Open311 GeoReport v2 server."""

    connector: Literal["open311"]
    kind: Literal["service_request"] = "service_request"
    channel: Channel = "311"
    update_history: Literal["full", "latest_only"] = "latest_only"
    jurisdiction_id: str | None = None
    key_env: Variable | None = Field(
        None, description="Variable with an api_key; reading needs one nowhere known"
    )
    format: Literal["json", "xml"] = "json"
    extensions: bool = Field(False, description="Ask for extended attributes and notes (extensions=true)")
    window_days: int = Field(7, ge=1, le=90, description="How many days of requests are asked for at once")
    paging: Literal["page", "max_requests", "none"] = Field(
        "page", description="page: page and page_size; max_requests: FixMyStreet's; none: windows only"
    )
    size_parameter: str = Field("page_size", description="page_size, or per_page on other servers")
    page_url: Url = Field(
        "",
        description="The public page of a request with {id} in it, such as https://site.example/report/{id}",
    )
    closed_statuses: tuple[str, ...] = ("closed",)
    open_statuses: tuple[str, ...] = ("open",)

    variables: ClassVar[tuple[str, ...]] = ("key_env",)


class UkPetitionsSource(LiveSource):
    """Petitions of the UK Parliament's site, or of another that runs the same software."""

    connector: Literal["uk_petitions"]
    kind: Literal["petition"] = "petition"
    channel: Channel = "petition"
    server: Server = "https://petition.parliament.uk"
    states: tuple[Literal["open", "closed", "rejected", "awaiting_response", "with_response", "all"], ...] = (
        "all",
    )
    closed_statuses: tuple[str, ...] = ("closed", "rejected", "hidden", "stopped")
    open_statuses: tuple[str, ...] = ("open", "pending", "validated", "sponsored", "flagged")
    answering_agency: Code | None = Field(None, description="The agency whose answer it is")
    thresholds: tuple[Threshold, ...] = Field(
        (), description="Signatures that make an answer due, by the day it came into force"
    )
    refresh_days: int = Field(
        400, ge=0, description="For how long a petition is asked again: one is open for half a year"
    )


class SocrataSource(LiveSource, Columns):
    """Rows of a dataset on a Socrata portal."""

    connector: Literal["socrata"]
    kind: Kind
    channel: Channel = "unknown"
    dataset: str = Field(
        pattern=r"^[a-z0-9]{4}-[a-z0-9]{4}$", description="Its identifier, such as vw6y-z8j6"
    )
    version: Literal["2.1", "3"] = "2.1"
    where: str | None = Field(None, description="A condition in SoQL that all rows have to fulfil")
    token_env: Variable | None = Field(None, description="Variable with an app token; version 3 needs one")

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        named = self.columns["created_at"].columns
        if self.start_on is not None and (len(named) != 1 or not re.fullmatch(r":?[a-z0-9_]+", named[0])):
            raise ValueError("start_on needs created_at to be one column: use `where` instead")
        return self


class CkanSource(LiveSource, Columns):
    """Rows of a table in a CKAN data store."""

    connector: Literal["ckan"]
    kind: Kind
    channel: Channel = "unknown"
    resource_id: str
    filters: dict[str, str] = Field({}, description="Values that columns have to have")
    token_env: Variable | None = Field(
        None, description="Variable with an API token, for a table that is not public"
    )

    @model_validator(mode="after")
    def _no_start(self) -> Self:
        if self.start_on is not None:
            raise ValueError(
                "a data store cannot be asked for rows since a day: start_on does not work, use filters"
            )
        return self


class FeedSource(LiveSource):
    """Entries of RSS and Atom feeds."""

    connector: Literal["feed"]
    kind: Kind = "post"
    channel: Channel = "web"
    server: Server = Field("", description="The site of the feeds; their own hosts where missing")
    feeds: tuple[Url, ...] = Field(min_length=1, description="The addresses of the feeds")
    is_official: bool = Field(False, description="Whether an agency writes all of it (name it with `agency`)")

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses of everything that it asks."""
        return tuple(address for address in (self.server, *self.feeds) if address)

    @model_validator(mode="after")
    def _spoken(self) -> Self:
        if self.is_official and self.agency is None:
            raise ValueError("is_official needs the agency that writes it")
        return self


class GithubIssuesSource(LiveSource):
    """What officials and people send through this repository's issue forms: responses, and requests to take down."""

    connector: Literal["github_issues"]
    server: Server = "https://api.github.com"
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name")
    token_env: Variable | None = Field(
        None, description="Variable with a token: 5,000 requests an hour instead of 60"
    )
    authors: dict[str, Code] = Field(
        {}, description="The agency that each login may speak for; nobody else's responses are read"
    )
    response_label: str = "official-response"
    takedown_label: str = "takedown"
    takedown_reviewers: tuple[str, ...] = Field(
        (), description="Logins whose label makes a request to take down effective"
    )


class AlaveteliSource(LiveSource):
    """Requests for information on an Alaveteli site, with the body's answers."""

    connector: Literal["alaveteli"]
    kind: Literal["information_request"] = "information_request"
    channel: Channel = "web"
    searches: tuple[str, ...] = Field(
        (), description="Searches whose feeds name requests, as the site's own search"
    )
    bodies: tuple[str, ...] = Field((), description="Public bodies by the last part of their address")
    requests_named: tuple[str, ...] = Field(
        (), description="Single requests by the last part of their address"
    )
    closed_statuses: tuple[str, ...] = (
        "successful",
        "partially_successful",
        "rejected",
        "not_held",
        "user_withdrawn",
        "vexatious",
        "not_foi",
    )
    open_statuses: tuple[str, ...] = (
        "waiting_response",
        "waiting_clarification",
        "gone_postal",
        "internal_review",
        "error_message",
        "requires_admin",
        "attention_requested",
    )
    refresh_days: int = Field(
        365, ge=0, description="For how long a request is asked again: answers take months"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.searches or self.bodies or self.requests_named):
            raise ValueError("give searches, bodies or requests_named")
        return self


class DiscourseSource(LiveSource):
    """Topics of a Discourse forum with all of their posts.

    The author of a post is the username on the forum: an official account there is listed by it in data/agencies.yml.
    """

    connector: Literal["discourse"]
    kind: Literal["post"] = "post"
    channel: Channel = "web"
    key_env: Variable | None = Field(
        None, description="Variable with an API key, for a forum that is not public"
    )
    user_env: Variable | None = Field(None, description="Variable with the name of the key's user")
    categories: tuple[str, ...] = Field((), description="Only these categories, by slug; else all")

    variables: ClassVar[tuple[str, ...]] = ("key_env", "user_env")


class RedditSource(LiveSource):
    """Submissions and comments of a subreddit. Off unless Reddit has approved the use."""

    connector: Literal["reddit"]
    kind: Literal["post"] = "post"
    channel: Channel = "social"
    server: Server = "https://oauth.reddit.com"
    login_server: Server = "https://www.reddit.com"
    is_approved: Literal[True] = Field(
        description="Say true when Reddit has approved this use in writing: its terms ask for that"
    )
    subreddits: tuple[str, ...] = Field(min_length=1)
    queries: tuple[str, ...] = Field((), description="Only what a search in the subreddit finds")
    client_id_env: Variable = "REDDIT_CLIENT_ID"
    client_secret_env: Variable = "REDDIT_CLIENT_SECRET"  # noqa: S105 (a variable's name)

    variables: ClassVar[tuple[str, ...]] = ("client_id_env", "client_secret_env")

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses of everything that it asks."""
        return (self.server, self.login_server)


_LOST_SCRAPERS = {
    "twitter": "X closed what it read in 2023: use the connector `x`, or snscrape_archive for what was scraped before",
    "reddit": "it read Pushshift, which is closed: use the connector `reddit`",
    "facebook": "Facebook closed what it read: there is no public interface to use instead",
    "instagram": "Instagram closed what it read: there is no public interface to use instead",
    "vkontakte": "VK closed what it read: there is no public interface to use instead",
    "weibo": "Weibo closed what it read: there is no public interface to use instead",
    "mastodon": "it reads only servers older than Mastodon 4: use the connector `mastodon`",
}
"""What snscrape could read once, and what to use instead."""


class SnscrapeSource(LiveSource):
    """Channels of Telegram through snscrape, which runs as a program of its own."""

    connector: Literal["snscrape"]
    kind: Literal["post"] = "post"
    channel: Channel = "social"
    server: Server = "https://t.me"
    scraper: str = Field("telegram-channel", description="telegram-channel: all that still works")
    names: tuple[str, ...] = Field(min_length=1, description="The channels, without @")
    interpreter: str | None = Field(
        None, description="A Python 3.8 to 3.11 with snscrape, where the site's own Python is newer"
    )
    max_items: int = Field(2000, ge=1, description="Posts of one channel in one gather")
    max_megabytes: float = Field(50, gt=0, description="Size of what snscrape may print for one channel")

    @model_validator(mode="after")
    def _still_works(self) -> Self:
        if self.scraper == "telegram-channel":
            return self
        lost = _LOST_SCRAPERS.get(self.scraper.split("-")[0])
        raise ValueError(
            f"snscrape can no longer read {self.scraper}: {lost}"
            if lost
            else "the scraper is telegram-channel"
        )
