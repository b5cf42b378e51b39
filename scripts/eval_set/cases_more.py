"""The questions where the difficulty is who it is: look-alikes, chains, and businesses that aren't there."""

from dataclasses import dataclass, field

from .chains import chain
from .model import Business, fold
from .sites import look


@dataclass
class Ask:
    """A question and its answer."""

    tags: list
    payload: dict
    business: Business = None  # None: there is no match.
    about: list = field(default_factory=list)  # Whom it could be taken for.


class Harder:
    """Half of `Cases`."""

    def lookalikes(self):
        """One name in two or three cities; without a place nobody can tell."""
        cities = self.maker.words.CITIES
        for at in range(6):
            trade = self.luck.pick(self.maker.words.TRADES)
            name = self.maker.name(trade[0])
            group = []
            for city in self.luck.sample(cities, 2 + at % 2):
                b = self.maker.us("hard", "lookalike", "same_name_other_city", name=name, trade=trade, city=city, look=look(self.luck))
                self.staff(b)
                self.known(b)
                if b.row is None and at % 2 == 0:
                    b.row = "full"
                group.append(b)
            for nth, b in enumerate(group[:2]):
                self.ask(b, how=["city", "zip", "phone", "street", "domain"][(at + nth) % 5], name=name)
            self.nobody("no_match", "ambiguous", "lookalike", payload={"business_name": name}, about=group)

    def near_names(self):
        """Two in one city whose names are nearly one."""
        nearly = {"tune": ["{name} Supply", "North {name}", "{name} Academy", "{name} Express"], 
                  "tune_b": ["{name} Depot", "New {name}", "{name} Warehouse", "Little {name}"],
                  "held_out": ["{name} Plus", "West {name}", "{name} Annex", "{name} & More"]}
        for at in range(8):
            city, trade = self.maker.city(), self.luck.pick(self.maker.words.TRADES)
            b = self.site("hard", "lookalike", "near_name_same_city", more={"city": city, "trade": trade}, hours=None)
            other = self.maker.us("hard", "lookalike", "near_name_same_city", name=nearly[self.half][at % 4].format(name=b.name), trade=trade, city=city, look=look(self.luck))
            self.known(self.staff(other))
            asked = (b, other)[at % 3 == 2]
            self.ask(asked, how=["city", "street", "phone"][at % 3 if asked is b else 1], name=asked.name)

    def chains_asked(self):
        cities = self.maker.words.CITIES
        for at in range(4):
            places = self.luck.sample([city for city in cities if city[0] not in self.maker.words.DOUBLES], 3 + at % 2 * 2)
            brand = chain(self.maker, at, places)
            self.chains.append((brand, at))
            for nth, branch in enumerate(brand.branches):
                branch.row = [None, "full", "no_site"][(at + nth) % 3]
            for nth, branch in enumerate(brand.branches[:3]):
                self.ask(branch, "hard", "franchise", how=["city", "zip", "street"][nth], name=brand.name)
            elsewhere = next(city for city in self.luck.shuffled(cities) if city[1] not in {place[1] for place in places})
            self.nobody("no_match", "elsewhere", "chain", payload={"business_name": brand.name, "city": elsewhere[0], "state": elsewhere[1]}, about=[brand])
            if at % 2 == 0:
                self.nobody("no_match", "ambiguous", "chain", payload={"business_name": brand.name}, about=[brand])

    def no_match(self):
        words, luck, cities = self.maker.words, self.luck, self.maker.words.CITIES
        for at, stem in enumerate(words.NOBODY[:10] * 2):
            city, trade = self.maker.city(), luck.pick(words.TRADES[:6] if at < 10 else words.TRADES[6:])
            payload = {"business_name": f"{stem} {trade[0]}", "city": city[0], "state": city[1]}
            if at % 3 == 1:
                payload["phone"] = self.maker.phone(city[2]).shown(at)
            if at % 3 == 2:
                payload |= {"zip": city[3][0], "street": self.maker.street()}
            self.nobody("no_match", "no_such_business", payload=payload)
        for at in range(12):
            b = self.site("no_match", "elsewhere", known=at % 2 == 0)
            city = next(city for city in luck.shuffled(cities) if city[1] != b.state and city[0] != b.city)
            payload = {"business_name": b.name, "city": city[0], "state": city[1]} | ({"zip": city[3][1]} if at % 3 == 0 else {})
            self.nobody("no_match", "elsewhere", payload=payload, about=[b])
        for _ in range(8):
            b = self.site("no_match", "other_kind", stale=False)
            other = luck.pick([trade for trade in words.TRADES if trade[1] != b.trade[1]])
            stem = b.name.removesuffix(b.trade[0]).strip()
            name = f"{stem} {other[0]}"
            if self.world.once(("name", fold(name))):
                self.nobody("no_match", "other_kind", payload={"business_name": name, "city": b.city, "state": b.state}, about=[b])
        for at in range(9):
            b = self.maker.us("no_match", "closed", look=look(luck), closed=True, listed=["closed", None, "closed"][at % 3], row=["full", "no_site", None][at % 3])
            if at % 3 == 0:
                b.people, b.look["team"] = [], False
            self.nobody("no_match", "closed", payload={"business_name": b.name, "city": b.city, "state": b.state} | ({"domain": b.host} if at % 2 else {}), about=[b])
        for at in range(2):
            b = self.maker.us("no_match", "parked", row=None, name=f"{words.NOBODY[10 + at]} {luck.pick(words.TRADES)[0]}", look={"no_site": True, "markup": ""})
            b.email = None
            self.parked_hosts.append(b)
            self.nobody("no_match", "parked", payload={"business_name": b.name, "city": b.city, "state": b.state, "domain": b.host}, about=[b])

    def nobody(self, *tags, payload, about=()):
        self.asks.append(Ask(sorted(set(tags)), payload, None, list(about)))
