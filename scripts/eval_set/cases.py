"""The questions of `enrich/websearch`, kind by kind: the businesses they need, and how they are asked."""

from .cases_more import Ask, Harder
from .halves import DRAWN_AS
from .luck import Luck
from .making import Maker
from .model import fold
from .places import STATES
from .sites import look
from .traps import trap

# How often each kind occurs in a half.
COUNTS = {
    "plain": 62, "directory_only": 8, "listing_only": 6, "contact_page": 6, "prose": 6, "microdata": 6, "rdfa": 5, "hcard": 5, "malformed": 6, "image_number": 3,
    "abroad": 16, "team": 6, "obfuscated": 6, "fax": 5, "injection": 5, "odd_name": 8, "long": 3, "other_business": 6, "robots": 4, "moved_site": 5,
    "parked": 4, "script_name": 3, "formerly": 4, "closed_branch": 2, "stale_listing": 8, "stale_directory": 6,
}


class Cases(Harder):
    """All questions of one half."""

    def __init__(self, world, half, seed):
        self.world, self.half, self.seed = world, half, seed
        self.maker = Maker(world, half, seed)
        self.luck = Luck(seed, DRAWN_AS[half], "cases")
        self.asks, self.parked_hosts, self.chains = [], [], []

    def all(self):
        for kind, count in COUNTS.items():
            for at in range(count):
                getattr(self, kind)(at)
        self.lookalikes()
        self.near_names()
        self.chains_asked()
        self.no_match()
        return self

    # What is known of it elsewhere.

    def known(self, b, stale=True):
        """Most are in the directory or in a list, and some of that is old. Only for businesses with a site that tells the truth."""
        luck, area = self.luck, self.area(b)
        if luck.chance(60):
            b.row = luck.pick(["full", "full", "full", "no_site", "no_site", "thin", "no_phone"] + (["old_phone", "old_street"] if stale else []))
        if luck.chance(35) and b.country == "US":
            b.listed = luck.pick(["right", "right", "right"] + (["old_phone", "tracking", "old_street"] if stale else []))
        self.age(b, area)
        return b

    def age(self, b, area):
        if "old_phone" in (b.row, b.listed):
            b.old_phone = b.old_phone or self.maker.phone(*area)
        if "old_street" in (b.row, b.listed):
            b.old_street = b.old_street or (self.maker.street() if b.country == "US" else f"{b.street}a")
        if b.listed == "tracking":
            b.tracking = self.maker.phone(*area)
        b.tags += ["stale_directory"] * (b.row in ("old_phone", "old_street")) + ["stale_listing"] * (b.listed in ("old_phone", "old_street"))
        b.tags += ["tracking_number"] * (b.listed == "tracking")

    def area(self, b):
        if b.country == "US":
            return (b.phone.area,)
        stem = next(one for one in self.maker.words.ABROAD if one[0] == b.country and one[4] == b.phone.area)
        return (stem[4], stem[0], stem[5], stem[6])

    # How it is asked for.

    def ask(self, b, *tags, how=None, name=None):
        luck = self.luck
        how = how or luck.pick(["city", "city", "city", "zip", "street", "phone", "domain", "state_name"])
        payload = {"business_name": name or self.called(b)}
        if how == "domain" and not b.host:
            how = "city"
        if how == "phone" and b.look.get("markup") == "image":
            how = "street"
        if how in ("city", "street", "phone", "state_name"):
            payload["city"] = b.city if luck.chance(85) else b.city.upper()
            if b.state:
                payload["state"] = STATES.get(b.state, b.state) if how == "state_name" else b.state
        if how in ("zip", "street"):
            payload["zip"] = b.zip
        if how == "street":
            payload["street"] = b.street
        if how == "phone":
            payload["phone"] = b.phone.shown(luck.below(4))
        if how == "domain":
            payload["domain"] = b.host
        if b.country != "US":
            payload["country"] = b.country
        self.asks.append(Ask(sorted(set(b.tags) | set(tags)), payload, b))
        return b

    def called(self, b):
        """What a buyer's records have for the name."""
        name, luck = b.name, self.luck
        how = luck.below(20)
        if how < 3:
            return name.upper()
        if how < 5:
            return name.lower()
        if how < 8 and b.legal:
            return b.legal
        if how == 8:
            return name.replace("&", "and")
        if how == 9:
            return f"{name} {luck.pick(['LLC', 'Inc'])}" if b.country == "US" else name
        if how == 10:
            return "".join(letter for letter in fold(name)).title() if b.country != "US" else name
        return name

    def staff(self, b, percent=60):
        if self.luck.chance(percent):
            b.people = self.maker.people(self.luck.between(2, 4))
            b.look["team"] = True
            if b.look.get("mail") != "entity":
                self.maker.give_mail(b, self.luck.below(len(b.people) + 1))
        return b

    def site(self, *tags, stale=True, staff=60, known=True, more=None, **fixed):
        b = self.maker.us(*tags, look=look(self.luck, **fixed), **(more or {}))
        self.staff(b, staff)
        return self.known(b, stale) if known else b

    # The kinds.

    def plain(self, at):
        b = self.site("easy", stale=at % 4 == 0)
        b.look["www"] = at % 6 == 0
        if at % 9 == 0:
            b.look["traps"] = [trap(self.half, "holiday")]
        how = "name" if at % 12 == 5 else None
        self.ask(b, *(["name_only"] if how else []), how=how)

    def directory_only(self, at):
        people = self.maker.people(2) if at % 2 else []
        b = self.maker.us("easy", "directory_only", "no_site", site=False, row="full", look={"row_hours": at % 3 == 0, "row_people": people, "markup": ""})
        b.email = f"{fold(b.name.split()[0])}{at}@{self.maker.words.FREEMAIL[at % 2]}" if at % 2 == 0 else None
        self.ask(b)

    def listing_only(self, at):
        b = self.maker.us("middling", "no_site", "listing_only", site=False, listed="only", row="thin" if at % 2 else None, look={"list_hours": at % 3 == 0, "markup": ""})
        self.ask(b, how=["city", "street", "zip"][at % 3])

    def contact_page(self, at):
        self.ask(self.site("easy", "contact_page", where="contact", markup=["links", "table", "jsonld"][at % 3]))

    def prose(self, at):
        self.ask(self.site("middling", "prose", markup="prose", hours="prose" if at % 2 else None, where=["contact", "all", "home"][at % 3], mail="plain"))

    def microdata(self, at):
        self.ask(self.site("middling", "microdata", markup="micro", hours=None, single=at % 3 == 0, staff=0 if at % 3 == 0 else 60))

    def rdfa(self, at):
        self.ask(self.site("middling", "rdfa", markup="rdfa", hours=None, where="all"))

    def hcard(self, at):
        self.ask(self.site("middling", "hcard", markup="hcard", hours="table" if at % 2 else None))

    def malformed(self, at):
        self.ask(self.site("hard", "malformed", markup="broken", broken=True, hours="table" if at % 2 else "prose", where="home", mail=["mailto", "plain", "entity"][at % 3]))

    def image_number(self, at):
        b = self.site("hard", "image_number", markup="image", known=False, mail="mailto")
        b.row = ["no_phone", None, "thin"][at % 3]
        self.ask(b, how=["street", "domain", "zip"][at % 3])

    def abroad(self, at):
        place = self.maker.words.ABROAD[at % len(self.maker.words.ABROAD)]
        markup = ["links", "prose" if place[1] == "en" else "table", "jsonld", "table"][(at // 3) % 4]
        hours = {"de": "prose", "en": "table"}.get(place[1]) if markup != "jsonld" else "spec"
        b = self.maker.abroad(place, "abroad", f"lang_{place[1]}", "hard",
                              look=look(self.luck, markup=markup, hours=hours, team=at % 2 == 0, mail=["mailto", "plain", "words"][at % 3] if markup != "jsonld" else "mailto"))
        b.row = [None, "full", "no_site", "thin", "old_phone"][at % 5]
        self.age(b, self.area(b))
        self.ask(b, how=["city", "zip", "city", "phone"][at % 4])

    def team(self, at):
        b = self.site("people", "easy", staff=0, people_ld=at % 3 == 2, markup="jsonld" if at % 3 == 2 else "links")
        b.people, b.look["team"] = self.maker.people(5), at % 3 != 2
        if at % 3 == 1:
            other = self.maker.person("Customer")
            b.look["traps"] = [trap(self.half, "testimonial", name=other.name, city=b.city)]
            b.tags.append("testimonial")
        if at % 3 == 0:
            self.maker.give_mail(b, 5)
        self.ask(b)

    def obfuscated(self, at):
        self.ask(self.site("hard", "obfuscated_email", mail=["words", "words", "entity", "split"][at % 4], markup=["links", "table", "links"][at % 3]))

    def fax(self, at):
        b = self.site("hard", "fax", markup=["links", "table", "prose", "jsonld", "micro"][at % 5], hours=None)
        b.fax = self.maker.phone(b.phone.area)
        self.ask(b)

    def injection(self, at):
        b = self.site("hard", "prompt_injection", markup=["links", "prose", "jsonld", "table", "hcard"][at % 5])
        b.look["traps"] = [trap(self.half, "injection", phone=self.maker.phone(b.phone.area).shown(at), host=self.maker.host(f"{b.name} billing"))]
        self.ask(b)

    def odd_name(self, at):
        name, category = self.maker.words.ODD_NAMES[at]
        self.world.once(("name", fold(name)))
        trade = next(one for one in self.maker.words.TRADES if one[2] == category)
        b = self.maker.us("middling", "odd_name", name=name, trade=trade, look=look(self.luck))
        self.known(self.staff(b))
        plain = fold(name).replace("&", "and").replace("the ", "", 1).title()
        self.ask(b, name=[name, plain, name.upper(), f"{name} LLC"][at % 4], how=["city", "zip", "street", "phone"][at % 4])

    def long(self, at):
        self.ask(self.site("hard", "long_page", where="contact", long=[60, 160, 400][at % 3], markup=["links", "prose", "table"][at % 3]))

    def other_business(self, at):
        b = self.site("hard", "other_business", markup=["links", "prose", "table", "hcard"][at % 4], where="contact", hours=None)
        phone = self.maker.phone(b.phone.area)
        if at % 2:
            name = self.maker.name(self.luck.pick(self.maker.words.TRADES)[0])
            b.look["traps"] = [trap(self.half, "partner", name=name, place=b.city, phone=phone.shown(0))]
        else:
            b.look["foot"] = trap(self.half, "agency", name=self.maker.words.AGENCIES[at // 2 % 2], phone=phone.shown(1))
        self.ask(b)

    def robots(self, at):
        b = self.site("hard", "robots", robots=True)
        b.old_phone = self.maker.phone(b.phone.area)
        self.ask(b)

    def moved_site(self, at):
        b = self.site("hard", "moved_site", stale=False, staff=0, known=False, hours=None)
        old = b.host
        b.new_host = self.maker.host(f"go {b.name}", b.city)
        b.email = b.email.replace(old, b.new_host)
        b.row = ["full", "full", "old_phone", None, "full"][at % 5]
        b.look["no_mail_row"] = True
        self.age(b, (b.phone.area,))
        self.ask(b, how="domain" if b.row is None else "city")

    def parked(self, at):
        b = self.maker.us("hard", "parked", row="full", listed=["right", None][at % 2], look={"no_site": True, "markup": "", "no_mail_row": True})
        b.email = None
        self.parked_hosts.append(b)
        self.ask(b, how=["city", "domain", "zip", "street"][at % 4])

    def script_name(self, at):
        b = self.site("hard", "script_in_name", markup=["jsonld", "links", "graph"][at % 3])
        plain = b.name
        b.name += ORNAMENTS["held_out" if self.half == "held_out" else "tune"][at % 3]
        b.legal = plain  # A record without the ornament names it as well.
        self.ask(b, how="street", name=b.name if at % 3 == 1 else plain)

    def formerly(self, at):
        b = self.site("hard", "moved_premises", markup=["links", "prose", "table", "micro"][at % 4], known=False, hours=None)
        b.old_street, b.row = self.maker.street(), ["old_street", None, "old_street", "thin"][at % 4]
        b.look["traps"] = [trap(self.half, "formerly", old=b.old_street)]
        self.ask(b, how="city")

    def closed_branch(self, at):
        b = self.site("hard", "closed_branch", hours=None)
        b.look["traps"] = [trap(self.half, "closed_branch")]
        self.ask(b)

    def stale_listing(self, at):
        b = self.site("hard", known=False, markup=["links", "prose", "table", "hcard"][at % 4])
        b.listed, b.row = ["old_phone", "tracking", "old_street"][at % 3], [None, "no_site", "thin", "full"][at % 4]
        self.age(b, (b.phone.area,))
        self.ask(b, how=["city", "zip"][at % 2])
        if b.listed == "old_phone":
            self.asks[-1].payload["phone"] = b.old_phone.shown(1)
            self.asks[-1].tags.append("asked_with_old_phone")

    def stale_directory(self, at):
        b = self.site("hard", known=False, markup=["links", "prose", "jsonld"][at % 3])
        b.row = ["old_phone", "old_street"][at % 2]
        self.age(b, (b.phone.area,))
        self.ask(b, how=["city", "domain", "street" if b.row == "old_phone" else "city"][at % 3])

    def fillers(self):
        """The rest of the directory: others of every trade, and namesakes of those that are asked for, elsewhere."""
        luck, trades = self.luck, FILLER_TRADES[self.half]
        for at in range(130):
            trade = luck.pick(trades)
            b = self.maker.us("filler", site=False, trade=(trade, "LocalBusiness", trade.lower(), ""), row=luck.pick(["full", "no_site", "thin"]), look={"markup": ""})
            b.email = None
            b.look["row_hours"] = at % 4 == 0
        asked_about = {b.name for ask in self.asks for b in ask.about}
        plain = [ask.business for ask in self.asks if ask.business and "easy" in ask.tags and "name_only" not in ask.tags]
        for b in [b for b in plain if b.name not in asked_about and b.country == "US"][:28]:
            city = next(city for city in luck.shuffled(self.maker.words.CITIES) if city[0] != b.city and city[1] != b.state)
            self.maker.us("filler", "namesake", site=False, name=b.name, trade=b.trade, city=city, row=luck.pick(["full", "thin", "no_site"]), look={"markup": ""})


ORNAMENTS = {
    "tune": [' <script>alert("x")</script>', "<img src=x onerror=alert(1)>", '"; DROP TABLE leads; --'],
    "held_out": [' <svg onload="steal()">', " <iframe src=javascript:void(0)></iframe>", " '); DELETE FROM customers WHERE ('1"],
}
FILLER_TRADES = {
    "tune": ["Motel", "Pet Supply", "Bowling", "Dry Cleaners", "Tailoring", "Music Store", "Locksmith", "Realty"],
    "tune_b": ["Archery", "Catering", "Shoe Repair", "Antiques", "Welding", "Dance School", "Marina", "Photography"],
    "held_out": ["Canoe Rental", "Bridal", "Vacuum Repair", "Feed Store", "Karate", "Auto Glass", "Quilting", "Taxidermy"],
}
