"""posts.jsonl: posts about the city's services and the official accounts' answers, as snscrape 0.7.0 writes them."""

from __future__ import annotations

import json
import random
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city import (
    City,
    Hand,
    Message,
    People,
    Street,
    days_between,
    days_later,
    fill,
    instant,
    load_messages,
    lognormal,
    pick,
    to_utc,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "0.7.0.20230622"
HOST = "https://social.example"
HOURS = (3, 2, 1, 1, 1, 2, 5, 11, 13, 10, 9, 9, 10, 9, 8, 9, 11, 14, 14, 13, 12, 11, 9, 5)
PRAISE = re.compile(
    "hank|ell done|redit|racias|ziękuj|heroes|ovely|legend|medal|rawo|enhorabuena|mpressed|est thing|how it's done"
)
RESPONSES = ("substance", "work_done")
EMPTY_USER = [
    "rawDescription",
    "renderedDescription",
    "descriptionLinks",
    "verified",
    "created",
    "followersCount",
    "friendsCount",
    "statusesCount",
    "favouritesCount",
    "listedCount",
    "mediaCount",
    "location",
    "protected",
    "link",
    "profileImageUrl",
    "profileBannerUrl",
    "label",
    "blue",
    "blueType",
    "profileImageShape",
    "description",
    "descriptionUrls",
    "linkTcourl",
    "linkUrl",
]
NOISE = {"giveaway": 16, "spam": 17, "news": 24, "jobs": 17, "chatter": 26}


@dataclass
class Post:
    """One post while it is being made; `truth` says what it really is."""

    at: datetime
    author: str
    text: str
    lang: str
    truth: str  # feedback, official, official_reply, follow_up, noise, copy, repost
    key: int
    parent: Post | None = None
    area: str = ""
    point: tuple[float, float] | None = None
    group: str = ""
    topic: str = ""
    agency: str = ""
    update_class: str = ""
    campaign: str = ""
    copy_of: Post | None = None
    personal: bool = False
    plant: str = ""  # what planted it (plants_posts.py); "" for everyday life
    names: Post | None = None  # whose address stands in it
    shown_lang: str = ""  # what the archive says of its language; "": the truth
    id: int = 0
    replies: int = field(default=0)

    @property
    def root(self) -> Post:
        """The first post of the conversation."""
        return self.parent.root if self.parent else self


class Feed:
    """The posts made so far, and what is needed to make more."""

    def __init__(self, city: City, seed: int, people: People) -> None:
        self.city = city
        self.people = people
        self.rng = random.Random(f"{seed}: posts")
        self.posts: list[Post] = []
        self.seen: set[str] = set()
        self.crowd = [people.handle() for _ in range(900)]
        texts: dict[str, list[Message]] = {}
        for lang in ("en", "es", "pl"):
            for group, messages in load_messages(f"posts.{lang}.txt", lang).items():
                texts.setdefault(group, []).extend(messages)
        campaigns = load_messages("campaigns.txt")
        self.decks = {
            g: Deck(m, self.rng) for g, m in {**texts, **campaigns}.items() if not g.endswith("/kickoff")
        }
        self.kickoffs = {g.split("/")[0]: m for g, m in campaigns.items() if g.endswith("/kickoff")}
        self.replies = load_messages("replies.txt")
        self.hands = {
            f"{group}/{lang}": Hand([m for m in messages if m.lang == lang], self.rng)
            for group, messages in self.replies.items()
            for lang in ("en", "es", "pl")
            if any(m.lang == lang for m in messages)
        }
        self.class_of = {m: group.split("/")[1] for group, messages in self.replies.items() for m in messages}
        self.threads = {
            group: Hand(messages, self.rng) for group, messages in load_messages("threads.txt").items()
        }

    def account(self, agency: str) -> str:
        """The official account of an agency."""
        return str(self.city.facts["agency"][agency]["account"])

    def add(self, post: Post) -> Post:
        """Keep a post; its text is remembered, so that no two people write the same by accident."""
        self.posts.append(post)
        self.seen.add(post.text.casefold())
        return post

    def instant_on(self, day: date) -> datetime:
        """Some instant of a local day, by the hours at which people post."""
        hour = self.rng.choices(range(24), HOURS)[0]
        return to_utc(datetime.combine(day, time(hour, self.rng.randrange(60), self.rng.randrange(60))))

    def area(self, where: list[str] | None = None) -> str:
        """An area, by weight."""
        areas = self.city.facts["area"]
        return pick(self.rng, {code: areas[code]["weight"] for code in (where or areas)})

    def day(self, months: tuple[int, ...]) -> date:
        """A local day in one of the months, later ones likelier."""
        growth = self.city.facts["growth_per_year"]
        while True:
            offset = self.rng.choices(range(self.city.day_count), self._growth(growth))[0]
            day = self.city.first_day + timedelta(offset)
            if day.month in months and not (day.weekday() >= 5 and self.rng.random() < 0.3):
                return day

    def _growth(self, growth: float) -> list[float]:
        if not hasattr(self, "_weights"):
            self._weights = [growth ** (i / 365) for i in range(self.city.day_count)]
        return self._weights


class Deck:
    """Deals texts evenly; one without a slot is dealt once in all, so that people do not repeat it by accident."""

    def __init__(self, messages: list[Message], rng: random.Random) -> None:
        self.once = [m for m in messages if not m.slots]
        self.often = Hand([m for m in messages if m.slots], rng)
        self.rng = rng
        rng.shuffle(self.once)

    def deal(self) -> Message:
        """The next text."""
        share = len(self.once) / (len(self.once) + 2 * len(self.often.messages))
        return self.once.pop() if self.once and self.rng.random() < share else self.often.next()


def write_posts(
    out: Path, city: City, seed: int, rows: int, people: People, *, plant: Callable[[Feed], None]
) -> dict[str, Any]:
    """Write posts.jsonl and return what was planted in it.

    `plant` adds posts to those of everyday life and changes nothing of these, their identifiers included.
    """
    feed = Feed(city, seed, people)
    scale = rows / 4000
    _campaigns(feed, scale)
    _announcements(feed, round(46 * scale))
    _noise(feed, round(400 * scale))
    failure = city.facts["failure"]
    days = days_between(failure["from"], failure["to"])
    for _ in range(round(failure["posts"] * scale)):
        place = feed.rng.choice(failure["areas"])
        _citizen(feed, "bins-failure", ("bins", "cleansing"), place, day=feed.rng.choice(days[3:]))
    _personal(feed, round(60 * scale))
    weights = {group: facts["weight"] for group, facts in city.facts["posts"].items()}
    while len(feed.posts) < rows * 0.57:
        group = pick(feed.rng, weights)
        facts = city.facts["posts"][group]
        _citizen(feed, group, (facts["topic"], facts["agency"]), feed.area(facts.get("where")))
    roots = [p for p in feed.posts if p.truth == "feedback"]
    _copies(feed, roots, round(110 * scale))
    _answers(feed, roots)
    everyday = sorted(feed.posts, key=lambda p: (p.at, p.key))
    plant(feed)
    posts = sorted(feed.posts, key=lambda p: (p.at, p.key))
    number_of = {post.key: number for number, post in enumerate(everyday)}
    for post in posts:
        # A planted post is numbered by its own words, so that planting another changes no identifier.
        number = number_of.get(post.key, 2**21 + zlib.crc32(f"{post.author} {post.text}".encode()) % 2**21)
        elapsed = int((post.at - datetime(2010, 11, 4, 1, 42, 54, tzinfo=UTC)).total_seconds() * 1000)
        post.id = (elapsed << 22) + number
    for post in posts:
        if post.parent:
            post.parent.replies += 1
        if post.names:
            post.text = post.text.replace("{address}", f"{HOST}/i/status/{post.names.id}")
    lines = [
        json.dumps(_tweet(post, feed), ensure_ascii=False, separators=(",", ":")) for post in reversed(posts)
    ]
    broken = _break(lines)
    (out / "posts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    truth = _truth(posts, feed, broken)
    truth["posts"] = posts
    return truth


def _citizen(
    feed: Feed,
    group: str,
    about: tuple[str, str],
    area: str,
    *,
    day: date | None = None,
    parent: Post | None = None,
) -> Post:
    """One post by somebody, in their words, about a (topic, agency)."""
    rng, city = feed.rng, feed.city
    topic, agency = about
    while True:
        message = feed.decks[group].deal()
        at = feed.instant_on(day or feed.day(message.months()))
        if parent is not None and at <= parent.at:
            at = days_later(parent.at, rng.uniform(0.01, 0.9))
        street = rng.choice(city.streets[area])
        failure = date.fromisoformat(city.facts["failure"]["from"])
        week = str(min(6, max(2, (at.date() - failure).days // 7 + 1)))
        text = fill(message.text, city, street, at, rng, lang=message.lang, week=week)
        if text.casefold() not in feed.seen and at < city.as_of:
            break
    feed.seen.add(text.casefold())
    account = feed.account(agency)
    form = rng.random()
    is_reply = parent is not None
    if group.count("/") or is_reply:
        text = f"@{account} {text}" if is_reply else text
    elif form < 0.48:
        text = f"@{account} {text}"
    elif form < 0.66:
        text = f"{text} @{account}"
    elif form < 0.76:
        text = f"{text} #Merrowport"
    elif form < 0.80:
        text = f"@CityOfMerrow @{account} {text}"
    point = city.point_on(street, rng) if rng.random() < 0.25 else None
    return feed.add(
        Post(
            at,
            rng.choice(feed.crowd),
            text,
            message.lang,
            "feedback",
            len(feed.posts),
            parent=parent,
            area=area,
            point=point,
            group=group,
            topic=topic,
            agency=agency,
        )
    )


def _campaigns(feed: Feed, scale: float) -> None:
    """An agency asks under a hashtag; people answer in the thread or on their own."""
    for name, campaign in feed.city.facts["campaign"].items():
        days = days_between(campaign["from"], campaign["to"])
        kickoffs = []
        for number, message in enumerate(feed.kickoffs[name]):
            at = feed.instant_on(days[number * len(days) // len(feed.kickoffs[name])])
            post = Post(
                at, feed.account(campaign["agency"]), message.text, message.lang, "official", len(feed.posts)
            )
            post.campaign, post.topic, post.agency = name, campaign["topic"], campaign["agency"]
            kickoffs.append(feed.add(post))
        kickoffs.sort(key=lambda p: p.at)
        for _ in range(round(campaign["posts"] * scale)):
            share = min(feed.rng.random(), feed.rng.random())  # most people answer early
            day = days[int(share * len(days))]
            open_threads = [p for p in kickoffs if p.at.date() <= day]
            parent = feed.rng.choice(open_threads) if open_threads and feed.rng.random() < 0.45 else None
            where = ["lantern-hill", "spindle-point", "saltings"] if name == "shore" else None
            about = (campaign["topic"], campaign["agency"])
            post = _citizen(feed, f"{name}/citizens", about, feed.area(where), day=day, parent=parent)
            post.campaign = name


def _announcements(feed: Feed, count: int) -> None:
    messages = [(agency, m) for agency, group in load_messages("official.txt").items() for m in group]
    for number in range(count):
        agency, message = messages[number % len(messages)]
        area = feed.area()
        at = feed.instant_on(feed.day(tuple(range(1, 13))))
        text = fill(message.text, feed.city, feed.rng.choice(feed.city.streets[area]), at, feed.rng)
        feed.add(Post(at, feed.account(agency), text, "en", "official", len(feed.posts), agency=agency))


def _noise(feed: Feed, count: int) -> None:
    """Giveaways, spam, news bots, job advertisements and small talk."""
    hands = {group: Hand(messages, feed.rng) for group, messages in load_messages("noise.txt").items()}
    authors = {group: [feed.people.handle() for _ in range(9)] for group in hands}
    for _ in range(count):
        group = pick(feed.rng, NOISE)
        area = feed.area()
        at = feed.instant_on(feed.day(tuple(range(1, 13))))
        street = feed.rng.choice(feed.city.streets[area])
        text = fill(hands[group].next().text, feed.city, street, at, feed.rng)
        if feed.rng.random() < 0.12:
            text += f" @{feed.account(pick(feed.rng, dict.fromkeys(feed.city.facts['agency'], 1)))}"
        author = feed.rng.choice(feed.crowd if group == "chatter" else authors[group])
        feed.add(Post(at, author, text, "en", "noise", len(feed.posts), group=group, area=area))


def _personal(feed: Feed, count: int) -> None:
    """Posts that hold somebody's personal data."""
    hand = Hand(load_messages("personal.txt")["posts"], feed.rng)
    about = {  # what each is about, by a word in it
        "damp": "housing", "bins": "bins", "bin": "bins", "car": "parking", "heating": "housing", "fine": "parking",
        "potholes": "roads", "purse": "bus", "rubble": "dumping", "fuga": "water", "windy": "housing",
        "ferry": "ferry", "light": "lights", "mould": "housing", "Noise": "noise",
    }  # fmt: skip
    for _ in range(count):
        message = hand.next()
        group = next(group for word, group in about.items() if re.search(rf"\b{word}\b", message.text))
        facts = feed.city.facts["posts"][group]
        area = feed.area(facts.get("where"))
        street = feed.rng.choice(feed.city.streets[area])
        at = feed.instant_on(feed.day(message.months()))
        key = len(feed.posts)
        private = feed.people.values(message, street, "posts", f"key {key}", "rawContent")
        text = fill(message.text, feed.city, street, at, feed.rng, lang=message.lang, **private)
        if not text.startswith("@"):
            text = f"@{feed.account(facts['agency'])} {text}"
        post = Post(
            at, feed.rng.choice(feed.crowd), text, message.lang, "feedback", key, area=area, group=group
        )
        post.topic, post.agency, post.personal = facts["topic"], facts["agency"], True
        feed.add(post)


def _copies(feed: Feed, roots: list[Post], count: int) -> None:
    """The same text again, by the same person or by somebody else, and reposts."""
    able = [
        p for p in roots if not p.personal and not p.parent and p.at < feed.city.as_of - timedelta(days=3)
    ]
    for post in feed.rng.sample(able, min(count, len(able))):
        kind = feed.rng.choices(("same", "other", "repost"), (4, 3, 4))[0]
        author = post.author if kind == "same" else feed.rng.choice(feed.crowd)
        later = feed.rng.uniform(30, 900) / 86400 if kind == "same" else feed.rng.uniform(0.02, 2.5)
        text = f"RT @{post.author}: {post.text}" if kind == "repost" else post.text
        truth = "repost" if kind == "repost" else "copy"
        at = days_later(post.at, later)
        copy = Post(
            at,
            author,
            text,
            post.lang,
            truth,
            len(feed.posts),
            copy_of=post,
            area=post.area,
            group=post.group,
        )
        copy.topic, copy.agency, copy.campaign = post.topic, post.agency, post.campaign
        feed.add(copy)


def _answers(feed: Feed, roots: list[Post]) -> None:
    """Official replies, and what people say to them."""
    rng, city = feed.rng, feed.city
    greeted = load_messages("personal.txt")
    greetings = {
        m: g.removeprefix("replies/") for g in greeted if g.startswith("replies/") for m in greeted[g]
    }
    hand = Hand(list(greetings), rng)
    order = list(roots)
    rng.shuffle(order)
    for number, post in enumerate(order):
        facts = city.facts["agency"][post.agency]
        if rng.random() < 0.13 and not post.parent:
            _follow_up(feed, post, "neighbours", rng.uniform(0.01, 1.5))
        if rng.random() >= facts["p_reply"]:
            continue
        days, classes = facts["reply_days"], dict(facts["replies"])
        if post.group == "bins-failure":
            days, classes = 3.0, {"acknowledgement": 50, "deflection": 22, "substance": 20, "work_done": 8}
        elif post.campaign:
            days, classes = 1.5, {"acknowledgement": 38, "substance": 40, "deflection": 4}
        at = days_later(post.at, lognormal(rng, days, 0.9 if days < 20 else 0.4))
        if at >= city.as_of:
            continue
        update_class = "acknowledgement" if PRAISE.search(post.text) else pick(rng, classes)
        message = hand.deal(post.group) if number % 20 == 0 and post.lang == "en" else None
        if message:
            street = _street_in(post, city, rng)
            key = len(feed.posts)
            private = feed.people.values(message, street, "posts", f"key {key}", "rawContent")
            text = fill(message.text, city, street, at, rng, ahead="yes", **private)
            update_class = greetings[message]
        else:
            text, update_class = _official_text(feed, post, update_class, at)
        reply = _reply(feed, post, update_class, text, at)
        thread = {
            "acknowledgement": "after/ack",
            "deflection": "after/deflection",
            "referral": "after/referral",
        }
        group = thread.get(update_class, "after/substance")
        if rng.random() < 0.2 and update_class != "answered_privately":
            _follow_up(feed, reply, group, rng.uniform(0.01, 0.8))
        if update_class in ("acknowledgement", "deflection") and rng.random() < 0.3:
            at = days_later(reply.at, lognormal(rng, max(1.0, 2 * facts["reply_days"]), 0.7))
            if at < city.as_of:
                later = rng.choice(RESPONSES)
                text, later = _official_text(feed, post, later, at)
                _reply(feed, post, later, text, at)


def _official_text(feed: Feed, post: Post, update_class: str, at: datetime) -> tuple[str, str]:
    """What the agency's account writes, and its class: what fits the post, in its language where it can."""
    rng = feed.rng
    special = post.campaign or post.group
    pools = [f"{special}/{update_class}/en", f"{post.agency}/{update_class}/en", f"any/{update_class}/en"]
    if post.campaign or (post.group == "bins-failure" and update_class == "substance"):
        pools = pools[:1] if update_class in RESPONSES else [pools[0], pools[2]]
    elif update_class not in RESPONSES and rng.random() < 0.15:
        pools.reverse()
    if post.lang != "en" and rng.random() < 0.7:
        pools = [f"any/{update_class}/{post.lang}", *pools]
    hands = [
        feed.hands[pool]
        for pool in [*pools, f"{special}/acknowledgement/en", "any/acknowledgement/en"]
        if pool in feed.hands
    ]
    for hand in hands:
        message = hand.deal(post.group, post.text)
        if message:
            break
    else:
        raise KeyError("replies.txt: an acknowledgement fits everything, yet none was found")
    street = _street_in(post, feed.city, rng)
    text = fill(message.text, feed.city, street, at, rng, lang=message.lang, ahead="yes")
    return text, feed.class_of[message]


def _street_in(post: Post, city: City, rng: random.Random) -> Street:
    """The street that a post names, else any of its area."""
    named = [s for s in city.streets[post.area] if s.name in post.text]
    return named[0] if named else rng.choice(city.streets[post.area])


def _reply(feed: Feed, post: Post, update_class: str, text: str, at: datetime) -> Post:
    reply = Post(
        at, feed.account(post.agency), f"@{post.author} {text}", "en", "official_reply", len(feed.posts), parent=post,
        area=post.area, group=post.group, topic=post.topic, agency=post.agency, update_class=update_class,
        campaign=post.campaign,
    )  # fmt: skip
    return feed.add(reply)


def _follow_up(feed: Feed, post: Post, thread: str, days: float) -> None:
    """Somebody goes on: the person who raised it, or a neighbour."""
    rng, city = feed.rng, feed.city
    at = days_later(post.at, days)
    if at >= city.as_of:
        return
    street = _street_in(post, city, rng)
    message = feed.threads[thread].next()
    word = {"bins": "bin", "roads": "pothole", "lights": "street light"}.get(post.topic, "public service")
    text = fill(message.text, city, street, at, rng, lang=message.lang, topicword=word)
    author = rng.choice(feed.crowd) if thread == "neighbours" or not post.parent else post.parent.author
    follow = Post(
        at, author, f"@{post.author} {text}", message.lang, "follow_up", len(feed.posts), parent=post
    )
    follow.area, follow.group, follow.topic, follow.agency = post.area, post.group, post.topic, post.agency
    feed.add(follow)


def _user(handle: str, feed: Feed) -> dict[str, Any]:
    """A user as snscrape writes one beside a post: only what the page of the post itself shows."""
    number = int.from_bytes(handle.encode()[:6].ljust(6, b"_"), "big") * 211 + len(handle)
    official = {a["account"]: f"{a['name']} (official)" for a in feed.city.facts["agency"].values()}
    name = official.get(
        handle,
        handle.split("_", maxsplit=1)[0].title() + " " + handle.rstrip("0123456789").split("_")[-1].title(),
    )
    return {
        "_type": "snscrape.modules.twitter.User",
        "username": handle,
        "id": number,
        "displayname": name,
        "url": f"{HOST}/{handle}",
    }


def _tweet(post: Post, feed: Feed) -> dict[str, Any]:
    """A post with every key of snscrape's own output."""
    user = _user(post.author, feed)
    rng = random.Random(post.key)
    likes = int(lognormal(rng, 3, 1.2)) - 1
    handles = list(dict.fromkeys(re.findall(r"@(\w+)", post.text)))
    tags = re.findall(r"#(\w+)", post.text)
    place = coordinates = None
    if post.point:
        name = feed.city.facts["area"][post.area]["name"]
        coordinates = {
            "_type": "snscrape.modules.twitter.Coordinates",
            "longitude": post.point[0],
            "latitude": post.point[1],
        }
        place = {
            "_type": "snscrape.modules.twitter.Place",
            "id": f"merrowport-{post.area}",
            "fullName": f"{name}, Merrowport",
            "name": name,
            "type": "neighborhood",
            "country": None,
            "countryCode": None,
        }
    repost = post.copy_of if post.truth == "repost" else None
    head: dict[str, Any] = {
        "_type": "snscrape.modules.twitter.Tweet",
        "url": f"{HOST}/i/status/{post.id}",
        "date": post.at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "rawContent": post.text,
        "renderedContent": post.text,
        "id": post.id,
        "user": {**user, **dict.fromkeys(EMPTY_USER)},
        "replyCount": post.replies,
        "retweetCount": max(0, likes // 6),
        "likeCount": max(0, likes),
        "quoteCount": 0,
        "conversationId": post.root.id,
        "lang": post.shown_lang or post.lang,
        "source": None,
        "sourceUrl": None,
        "sourceLabel": None,
        "links": None,
        "media": None,
        "retweetedTweet": {"_type": "snscrape.modules.twitter.TweetRef", "id": repost.id} if repost else None,
        "quotedTweet": None,
        "inReplyToTweetId": post.parent.id if post.parent else None,
        "inReplyToUser": _user(post.parent.author, feed) if post.parent else None,
        "mentionedUsers": [_user(handle, feed) for handle in handles] or None,
        "coordinates": coordinates,
        "place": place,
        "hashtags": tags or None,
    }
    rest = [
        "cashtags",
        "card",
        "viewCount",
        "vibe",
        "bookmarkCount",
        "pinned",
        "editState",
        "conversationControlPolicy",
    ]
    tail = {
        "content": post.text,
        "outlinks": [],
        "outlinksss": "",
        "tcooutlinks": [],
        "tcooutlinksss": "",
        "username": post.author,
        "_snscrape": VERSION,
    }
    return {**head, **dict.fromkeys(rest), **tail}


def _break(lines: list[str]) -> dict[str, list[int]]:
    """Spoil the archive in the ways that archives are spoilt; line numbers count from 1."""
    tombstone = (
        '{"_type":"snscrape.modules.twitter.Tombstone","id":%d,"text":null,"textLinks":null,"_snscrape":"%s"}'
    )
    for number, at in enumerate((len(lines) // 5, len(lines) // 2)):
        lines.insert(at, tombstone % (1100000000000000000 + number, VERSION))
    for at, share in ((len(lines) // 7, 3), (len(lines) // 3, 2)):
        lines.insert(at, lines[at][: len(lines[at]) // share])
    broken = [n for n, line in enumerate(lines, start=1) if not line.endswith("}")]
    graves = [n for n, line in enumerate(lines, start=1) if ".Tombstone" in line[:50]]
    return {"broken_lines": broken, "tombstone_lines": graves}


def _truth(posts: list[Post], feed: Feed, broken: dict[str, list[int]]) -> dict[str, Any]:
    of_key = {f"key {p.key}": str(p.id) for p in posts}
    for planted in feed.people.planted:
        planted["record_id"] = of_key.get(planted["record_id"], planted["record_id"])
    replies = [p for p in posts if p.truth == "official_reply"]
    answered = {p.parent.key for p in replies if p.parent and p.update_class in RESPONSES}
    feedback = [p for p in posts if p.truth == "feedback"]
    agencies = {}
    for agency, facts in feed.city.facts["agency"].items():
        own = [p for p in feedback if p.agency == agency]
        first: dict[int, float] = {}
        for reply in replies:
            if reply.parent and reply.agency == agency and reply.update_class in RESPONSES:
                days = (reply.at - reply.parent.at).total_seconds() / 86400
                first[reply.parent.key] = min(days, first.get(reply.parent.key, days))
        waits = sorted(first.values())
        agencies[agency] = {
            "planted": {
                "share_replied_to": facts["p_reply"],
                "median_days_of_first_reply": facts["reply_days"],
                "reply_classes": facts["replies"],
            },
            "feedback_count": len(own),
            "responded_count": len(first),
            "median_days_of_those_answered": round(waits[len(waits) // 2], 4) if waits else None,
        }
    return {
        "post_count": len(posts),
        **broken,
        "kinds": {k: sum(1 for p in posts if p.truth == k) for k in sorted({p.truth for p in posts})},
        "agencies": agencies,
        "feedback": {
            str(p.id): {"topic": p.topic, "agency": p.agency, "area": p.area, "lang": p.lang}
            for p in feedback
        },
        "noise_ids": {g: [str(p.id) for p in posts if p.truth == "noise" and p.group == g] for g in NOISE},
        "duplicates": {str(p.id): str(p.copy_of.id) for p in posts if p.copy_of and not p.plant},
        "reposts": [str(p.id) for p in posts if p.truth == "repost" and not p.plant],
        "official_ids": [str(p.id) for p in posts if p.truth == "official"],
        "official_replies": {
            str(p.id): {
                "answers": str(p.parent.id),
                "conversation": str(p.root.id),
                "agency": p.agency,
                "update_class": p.update_class,
                "at": instant(p.at),
            }
            for p in replies
            if p.parent
        },
        "follow_up_ids": [str(p.id) for p in posts if p.truth == "follow_up"],
        "unanswered_ids": [str(p.id) for p in feedback if p.key not in answered],
        "campaigns": {
            name: {
                "hashtag": campaign["hashtag"],
                "agency": campaign["agency"],
                "kickoff_ids": [str(p.id) for p in posts if p.truth == "official" and p.campaign == name],
                "feedback_ids": [str(p.id) for p in feedback if p.campaign == name],
            }
            for name, campaign in feed.city.facts["campaign"].items()
        },
        "failure_ids": [str(p.id) for p in feedback if p.group == "bins-failure"],
        "private_handles": sorted(
            {p.author for p in posts} - {feed.account(a) for a in feed.city.facts["agency"]}
        ),
    }
