"""Inventing businesses: names, doors, numbers and people that nobody else has."""

from . import words_held, words_tune, words_tune_b
from .halves import DRAWN_AS
from .luck import Luck
from .model import Business, Hours, Person, Phone, fold, slug

WORDS = {"tune": words_tune, "tune_b": words_tune_b, "held_out": words_held}
HOURS = {
    "tune": [(("Mo", "Fr", "08:00", "17:00"),), (("Mo", "Fr", "09:00", "18:00"), ("Sa", "Sa", "10:00", "14:00")), (("Tu", "Su", "07:00", "15:00"),),
             (("Mo", "Th", "08:30", "17:30"), ("Fr", "Fr", "08:30", "12:00"))],
    "tune_b": [(("Mo", "Sa", "10:00", "19:00"),), (("Mo", "Fr", "07:30", "16:30"), ("Sa", "Sa", "09:00", "12:30")),
                 (("We", "Su", "11:00", "20:00"),), (("Mo", "We", "09:00", "17:00"), ("Th", "Fr", "09:00", "20:00"))],
    "held_out": [(("Tu", "Fr", "09:30", "18:30"), ("Sa", "Sa", "08:00", "15:30")), (("Mo", "Th", "06:30", "16:00"), ("Fr", "Fr", "06:30", "12:00")),
                 (("Mo", "Tu", "08:15", "16:45"), ("Th", "Fr", "08:15", "16:45")), (("Mo", "Sa", "06:00", "14:30"), ("Su", "Su", "07:00", "13:00")),
                 (("Mo", "Mo", "13:00", "19:00"), ("We", "We", "13:00", "19:00"), ("Fr", "Sa", "09:00", "17:30"))],
}
PATTERNS = {"tune": ["first.last", "flast", "first"], "tune_b": ["first_last", "f.last", "lastf", "first.last"],
            "held_out": ["firstl", "first.last", "flast", "last"]}


def local_part(name, pattern):
    parts = [fold(part).replace("'", "").replace("-", "") for part in name.split() if not part.endswith(".")]
    first, last = parts[0], parts[-1]
    return {"first.last": f"{first}.{last}", "flast": first[0] + last, "first": first, "first_last": f"{first}_{last}",
            "f.last": f"{first[0]}.{last}", "lastf": last + first[0], "firstl": first + last[0], "last": last}[pattern]


class Maker:
    """Makes the businesses of one half."""

    def __init__(self, world, half, seed):
        self.world, self.half, self.words = world, half, WORDS[half]
        self.luck = Luck(seed, DRAWN_AS[half], "making")
        self.city_at = 0

    def phone(self, city_area, country="US", stem=None, size=2):
        while True:
            if country == "US":
                phone = Phone("US", city_area, f"55501{self.luck.below(100):02}")
            else:
                phone = Phone(country, city_area, stem + str(self.luck.between(10 ** (size - 1), 10 ** size - 1)))
            if self.world.once(phone.e164):
                return phone

    def street(self):
        while True:
            street = f"{self.luck.between(2, 989)} {self.luck.pick(self.words.STREETS)}"
            if self.world.once(street):
                return street

    def city(self):
        """One city after another, so that numbers of no area run out."""
        self.city_at += 1
        return self.words.CITIES[self.city_at % len(self.words.CITIES)]

    def name(self, trade):
        while True:
            how = self.luck.below(10)
            family = self.luck.pick(self.words.FAMILY)
            if how < 7:
                name = f"{self.luck.pick(self.words.STEMS)} {trade}"
            else:
                name = [f"{family} {trade}", f"{family} & Sons {trade}", f"{family} Brothers {trade}"][how - 7]
            # "Haney & Sons Plumbing" beside "Haney Plumbing" would be a riddle that nobody meant to set.
            if self.world.once(("name", fold(name))) and (how < 7 or self.world.once(("family", family, trade))):
                return name

    def person(self, role, names=None):
        while True:
            name = f"{self.luck.pick(self.words.GIVEN)} {self.luck.pick(self.words.FAMILY)}"
            if self.world.once(("person", name)):
                return Person(name, role)

    def people(self, count):
        return [self.person(role) for role in self.luck.sample(self.words.ROLES, count)]

    def hours(self):
        return Hours(self.luck.pick(HOURS[self.half]))

    def host(self, name, city=""):
        for words in (f"{name}", f"{name} {city}", f"{city} {name}", f"the {name} {city}"):
            host = slug(words)
            if self.luck.chance(35):
                host = host.replace("-", "")
            host = f"{host[:60].strip('-')}.example"
            if self.world.once(("host", host)):
                return host
        raise ValueError(f"no host is left for {name}")

    def us(self, *tags, city=None, trade=None, name=None, site=True, people=0, **more):
        trade = trade or self.luck.pick(self.words.TRADES)
        city = city or self.city()
        name = name or self.name(trade[0])
        legal = f"{name} {self.luck.pick(self.words.LEGAL)}" if self.luck.chance(60) else ""
        business = Business(self.half, "US", "en", name, legal, trade, self.street(), city[0], city[1], self.luck.pick(city[3]), self.phone(city[2]),
                            tags=list(tags))
        if site:
            business.host = self.host(name, city[0])
            business.email = f"{self.luck.pick(self.words.MAILBOXES)}@{business.host}"
        business.people = self.people(people)
        return self.done(business, more)

    def abroad(self, at, *tags, **more):
        country, lang, city, code, area, stem, size = at
        while True:
            name, form = self.luck.pick(self.words.ABROAD_NAMES[lang])
            name = name if self.world.once(("name", fold(name))) else f"{name} {self.luck.pick(self.words.ABROAD_PEOPLE[lang]).split()[-1]}"
            if name in [known for known, _ in self.words.ABROAD_NAMES[lang]] or self.world.once(("name", fold(name))):
                break
        number = self.luck.between(2, 180)
        road = self.luck.pick(self.words.ABROAD_STREETS[lang])
        street = {"de": f"{road} {number}", "fr": f"{number} {road}", "en": f"{number} {road}"}.get(lang, f"{road}, {number}")
        business = Business(self.half, country, lang, name, f"{name} {form}".strip(), ("", "LocalBusiness", "", ""), street, city, "", code,
                            self.phone(area, country, stem, size), tags=list(tags))
        business.host = self.host(name, city)
        business.email = f"{self.words.ABROAD_MAILBOXES[lang]}@{business.host}"
        roles = self.words.ABROAD_ROLES[lang]
        names = [name for name in self.luck.shuffled(self.words.ABROAD_PEOPLE[lang])]
        business.people = [Person(name, role) for name, role in zip(names, roles)]
        business.state = ""
        return self.done(business, more)

    def done(self, business, more):
        for key, value in more.items():
            if not hasattr(business, key):
                raise ValueError(f"a business has no {key}")
            setattr(business, key, value)
        business.hours = business.hours or self.hours()
        self.world.businesses.append(business)
        return business

    def give_mail(self, business, stated, pattern=None):
        """Gives the first people addresses by a pattern."""
        business.pattern = pattern or self.luck.pick(PATTERNS[self.half])
        if self.half == "held_out" and len({local_part(one.name, business.pattern) for one in business.people}) < len(business.people):
            business.pattern = "first.last"  # Two of one surname can't both have it as their address.
        business.people = [
            Person(one.name, one.role, f"{local_part(one.name, business.pattern)}@{business.host}" if at < stated else None)
            for at, one in enumerate(business.people)
        ]
