"""Phone numbers, opening hours, businesses, and the web they are in."""

import re
import unicodedata
from dataclasses import dataclass, field

DIAL = {"US": "1", "DE": "49", "FR": "33", "ES": "34", "PT": "351", "GB": "44"}
TRUNK = {"DE": "0", "FR": "0", "GB": "0"}
COUNTRY_NAMES = {"US": "USA", "DE": "Deutschland", "FR": "France", "ES": "España", "PT": "Portugal", "GB": "United Kingdom"}
DAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
DAY_NAMES = dict(zip(DAYS, ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]))


def fold(text):
    """Lower case without accents, for host names and for looking things up."""
    for special, plain in (("ß", "ss"), ("œ", "oe"), ("Þ", "Th"), ("þ", "th"), ("Ø", "O"), ("ø", "o"), ("Å", "A")):
        text = text.replace(special, plain)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)).lower()


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", fold(text).replace("&", " and ").replace("'", "")).strip("-")


@dataclass(frozen=True)
class Phone:
    country: str
    area: str
    local: str

    @property
    def e164(self):
        return f"+{DIAL[self.country]}{self.area}{self.local}"

    def shown(self, style=0):
        """As people write it in its country."""
        if self.country == "US":
            area, first, last = self.area, self.local[:3], self.local[3:]
            return [f"({area}) {first}-{last}", f"{area}-{first}-{last}", f"{area}.{first}.{last}", f"+1 {area} {first} {last}",
                    f"1-{area}-{first}-{last}", f"({area}){first}-{last}", f"{area} {first} {last}"][style % 7]
        if self.country == "DE":
            first, last = self.local[:-3], self.local[-3:]
            return [f"0{self.area} / {first}-{last}", f"+49 {self.area} {self.local}", f"(0{self.area}) {first} {last}", f"0{self.area}-{self.local}",
                    f"+49 (0){self.area} {first}-{last}"][style % 5]
        if self.country == "GB":
            first, last = self.local[:3], self.local[3:]
            return [f"0{self.area} {first} {last}", f"+44 {self.area} {first} {last}", f"+44 (0){self.area} {first} {last}"][style % 3]
        whole = TRUNK.get(self.country, "") + self.area + self.local
        if self.country == "FR":
            pairs = [whole[at:at + 2] for at in range(0, 10, 2)]
            return [" ".join(pairs), ".".join(pairs), "+33 " + " ".join([pairs[0][1:]] + pairs[1:])][style % 3]
        threes = f"{whole[:3]} {whole[3:6]} {whole[6:]}"
        return [threes, f"+{DIAL[self.country]} {threes}", f"{whole[:2]} {whole[2:5]} {whole[5:7]} {whole[7:]}"][style % 3]


@dataclass(frozen=True)
class Person:
    name: str
    role: str
    email: str = None  # Where the site says it.


class Hours(tuple):
    """Groups of (first day, last day, opens, closes); a day in no group is closed."""

    @property
    def canonical(self):
        return "; ".join(f"{days(first, last)} {opens}-{closes}" for first, last, opens, closes in self)

    def each_day(self):
        for first, last, opens, closes in self:
            for day in DAYS[DAYS.index(first):DAYS.index(last) + 1]:
                yield day, opens, closes


def days(first, last):
    return first if first == last else f"{first}-{last}"


def twelve(time):
    """`17:30` as `5:30 pm`."""
    hour, minute = int(time[:2]), time[3:]
    return f"{(hour - 1) % 12 + 1}{'' if minute == '00' else ':' + minute} {'am' if hour < 12 else 'pm'}"


@dataclass
class Business:
    half: str
    country: str
    lang: str
    name: str
    legal: str
    trade: tuple  # Name, schema.org type, category, services.
    street: str
    city: str
    state: str
    zip: str
    phone: Phone
    host: str = None
    email: str = None
    people: list = field(default_factory=list)
    hours: Hours = Hours()
    look: dict = field(default_factory=dict)  # How its site is made; see `sites`.
    fax: Phone = None
    tracking: Phone = None
    old_phone: Phone = None
    old_street: str = None
    row: str = None  # How the directory knows it; see `listings`.
    listed: str = None  # How a listing site knows it.
    closed: bool = False
    former: list = field(default_factory=list)  # People who have left.
    second: "Business" = None  # Another branch that is on the same pages.
    branches: list = field(default_factory=list)
    brand: "Business" = None
    new_host: str = None
    tags: list = field(default_factory=list)
    pattern: str = None
    texts: list = field(default_factory=list)  # All pages and rows that may be read for it: what the check reads.

    @property
    def url(self):
        return f"https://{self.new_host or self.host}/" if self.host and not self.look.get("no_site") else None

    def place(self):
        """One line, as its country writes it."""
        if self.country == "US":
            return f"{self.street}, {self.city}, {self.state} {self.zip}"
        if self.country == "GB":
            return f"{self.street}, {self.city} {self.zip}"
        return f"{self.street}, {self.zip} {self.city}"


@dataclass
class World:
    pages: dict = field(default_factory=dict)
    dns: dict = field(default_factory=dict)
    rows: list = field(default_factory=list)
    businesses: list = field(default_factory=list)
    used: set = field(default_factory=set)

    def page(self, url, body, status=200, content_type="text/html; charset=utf-8", headers=None):
        if url in self.pages:
            raise ValueError(f"two pages at {url}")
        self.pages[url] = {"url": url, "status": status, "content_type": content_type, "headers": headers or {}, "body": body}

    def redirect(self, url, location, status=301):
        self.page(url, "", status, "text/html", {"location": location})

    def once(self, thing):
        """Whether nobody had it before; takes it."""
        new = thing not in self.used
        self.used.add(thing)
        return new
