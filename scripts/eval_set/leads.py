"""The leads of `enrich/lead-session`: CRM records as they lie about, and what can be made of them."""

from dataclasses import dataclass, field

from .halves import LEAD_LETTER
from .making import local_part
from .model import Business, Person, fold
from .sites import look
from .truth import found, has_site

COUNTS = {
    "easy_person": 26, "stated_email": 12, "email_pattern": 12, "company_only": 10, "wrong_phone": 8, "stale_address": 5, "stale_title": 4, "left_company": 7,
    "same_person": 6, "junk": 6, "foreign": 8, "private": 12, "no_company": 10, "email_only": 6, "freemail": 3, "null_mx": 3, "phone_only": 3, "ambiguous": 6,
}
SYSTEMS = {"tune": ["salesdock", "crm-import", "webform"], "tune_b": ["pipeline9", "tradeshow-scan", "legacy_erp"],
           "held_out": ["FieldPro", "csv_2023", "call-center", "newsletter"]}
NO_COMPANY = {"tune": [None, "N/A", "-", "self", "Retired"], "tune_b": [None, "none", "Private", "unknown", "???"],
              "held_out": [None, "n/a", "Individual", "self-employed", "TBD"]}

JUNK = {
    "tune": [{"number1": "000-000-0000", "zip": "00000"}, {"email": "none@none", "street": "N/A"}, {"number1": "call later", "title": "xxx"},
             {"street": "-", "number2": "1234"}, {"zip": "n/a", "number1": "555"}, {"email": "asdf", "title": "?"}],
    "held_out": [{"number1": "0", "zip": "0"}, {"email": "noemail", "street": "unknown"}, {"number1": "see notes", "title": "."},
                 {"street": "none", "number2": "x"}, {"zip": "-----", "number1": "000"}, {"email": "no@no", "title": "N/A"}],
}


@dataclass
class LeadAsk:
    tags: list
    lead: dict
    business: Business = None
    person: Person = None
    stale: dict = field(default_factory=dict)  # Fields of the lead that are out of date; everything else in it is right or junk.
    junk: set = field(default_factory=set)
    gone: bool = False
    about: list = field(default_factory=list)


class Leads:
    """All leads of one half, about the businesses of its questions and a few more."""

    def __init__(self, cases):
        self.cases, self.maker, self.luck, self.half, self.world = cases, cases.maker, cases.luck, cases.half, cases.world
        self.asks, self.names = [], 0

    def all(self):
        asked = [ask.business for ask in self.cases.asks if ask.business]
        plain = [b for b in asked if has_site(b) and b.country == "US" and not b.brand and "lookalike" not in b.tags and "script_in_name" not in b.tags]
        self.staffed = self.luck.shuffled([b for b in plain if b.look.get("team") and len(b.people) > 1])
        self.plain = self.luck.shuffled(plain)
        self.abroad = [b for b in asked if b.country != "US" and b.people]
        for kind, count in COUNTS.items():
            for at in range(count):
                getattr(self, kind)(at)
        return self

    def add(self, tags, lead, b=None, person=None, **more):
        self.names += 1
        whole = {"contact_id": f"{LEAD_LETTER[self.half]}-{10000 + 37 * self.names}", "source_system": self.luck.pick(SYSTEMS[self.half])}
        whole |= {key: value for key, value in lead.items() if value is not None}
        # Forms and exports leave fields behind that say nothing.
        for key in self.luck.sample(["title", "number1", "zip", "email", "street"], 2) if self.luck.chance(30) else []:
            whole.setdefault(key, self.luck.pick([None, "", " "]))
        if self.luck.chance(25):
            whole["crm_owner"] = self.luck.pick(["north", "south", "inbound"])
        self.asks.append(LeadAsk(sorted(set(tags) | {tag for tag in (b.tags if b else []) if tag not in ("easy", "middling", "hard", "name_only")}), whole, b, person, **more))

    def named(self, person):
        """Without titles before the name."""
        parts = person.name.split()
        return {"first_name": " ".join(parts[:-1]), "last_name": parts[-1]}

    def where(self, b, *keys):
        return {key: getattr(b, key) for key in keys if getattr(b, key)} | ({"country": b.country} if b.country != "US" else {})

    def easy_person(self, at):
        b = self.staffed[at % len(self.staffed)]
        person = b.people[at // len(self.staffed) % len(b.people)]
        known = [("city", "state"), ("zip",), ("city", "state", "zip", "street"), ("city", "state")][at % 4]
        lead = self.named(person) | {"company": self.cases.called(b)} | self.where(b, *known)
        if at % 5 == 0:
            lead["domain"] = b.new_host or b.host
        if at % 5 == 1 and b.look["markup"] != "image":
            lead["number1"] = b.phone.shown(at)
        if at % 3 == 0:
            lead["title"] = person.role
        self.add(["easy"], lead, b, person)

    def stated_email(self, at):
        stated = [(b, one) for b in self.staffed for one in b.people if one.email and not b.look.get("no_mx")]
        b, person = stated[(at * 3) % len(stated)]
        self.add(["easy", "stated_email"], self.named(person) | {"company": b.name} | self.where(b, "city", "state"), b, person)

    def dedicated(self, *tags, people, stated, **more):
        b = self.cases.site(*tags, staff=0, hours=None, mail="mailto", team=True, markup=self.luck.pick(["links", "jsonld", "table"]), more=more)
        b.people = self.maker.people(people)
        self.maker.give_mail(b, stated)
        return b

    def email_pattern(self, at):
        if at % 2 == 0:
            self.current = self.dedicated("people", people=5, stated=3)
        b = self.current
        person = b.people[3 + at % 2]
        self.add(["middling", "email_pattern"], self.named(person) | {"company": b.name} | self.where(b, "city", "state"), b, person)

    def company_only(self, at):
        b = self.plain[at]
        lead = {"company": self.cases.called(b)} | [self.where(b, "city", "state"), self.where(b, "zip"), {"domain": b.new_host or b.host}, self.where(b, "street", "zip")][at % 4]
        self.add(["easy", "company_only"], lead, b)

    def wrong_phone(self, at):
        b = [b for b in self.staffed if b.look["markup"] != "image"][(at * 2 + 5) % len(self.staffed) - 1]
        old = b.old_phone or self.maker.phone(b.phone.area)
        person = b.people[-1]
        self.add(["hard", "wrong_phone"], self.named(person) | {"company": b.name, "number1": old.shown(at)} | self.where(b, "city", "state"), b, person, stale={"phone": old.e164})

    def stale_address(self, at):
        b = self.dedicated("people", people=2, stated=0)
        b.old_street = b.old_street or self.maker.street()
        self.add(["hard", "stale_address"], self.named(b.people[0]) | {"company": b.name, "street": b.old_street} | self.where(b, "city", "state"), b, b.people[0],
                 stale={"street": b.old_street})

    def stale_title(self, at):
        b = self.staffed[-1 - at]
        person = b.people[0]
        other = next(role for role in self.maker.words.ROLES if role not in [one.role for one in b.people])
        self.add(["hard", "stale_title"], self.named(person) | {"company": b.name, "title": other} | self.where(b, "city", "state"), b, person, stale={"title": other})

    def left_company(self, at):
        b = self.dedicated("person_left", people=4, stated=2)
        former = self.maker.person(b.people[0].role)
        b.former = [former] if at % 2 else []
        b.row = "full" if b.former else b.row
        lead = self.named(former) | {"company": b.name} | self.where(b, "city", "state") | ({"title": former.role} if at % 3 == 0 else {})
        self.add(["hard"], lead, b, former, gone=True)

    def same_person(self, at):
        """The same name works for two businesses of one name."""
        if at % 2 == 0:
            one = self.dedicated("lookalike", "same_person", people=3, stated=2)
            city = next(city for city in self.maker.words.CITIES if city[0] != one.city)
            other = self.dedicated("lookalike", "same_person", people=3, stated=3, city=city, name=one.name, trade=one.trade)
            other.people[0] = Person(one.people[0].name, other.people[0].role, None)
            self.maker.give_mail(other, 3, other.pattern)
            self.pair = (one, other)
        b = self.pair[at % 2]
        person = b.people[0]
        where = [self.where(b, "city", "state"), self.where(b, "zip"), {"number1": b.phone.shown(0)}][at // 2 % 3]
        self.add(["hard"], self.named(person) | {"company": b.name} | where, b, person)

    def junk(self, at):
        b = self.staffed[(at * 5 + 2) % len(self.staffed)]
        person = b.people[0]
        lead = self.named(person) | {"company": b.name, "city": b.city, "state": b.state}
        junk = JUNK.get(self.half, JUNK["tune"])[at]
        self.add(["middling", "junk"], lead | junk, b, person, junk={("phone" if key.startswith("number") else key) for key in junk})

    def foreign(self, at):
        b = self.abroad[at % len(self.abroad)]
        person = b.people[0]
        self.add(["middling"], self.named(person) | {"company": b.name} | self.where(b, "city"), b, person)

    def private(self, at):
        person, city = self.maker.person(""), self.maker.city()
        company = NO_COMPANY[self.half][at % 5]
        lead = self.named(person) | {"company": company, "city": city[0], "state": city[1]}
        lead["email"] = f"{local_part(person.name, 'first.last')}{70 + at}@{self.maker.words.FREEMAIL[at % 2]}" if at % 3 else None
        lead["number1"] = self.maker.phone(city[2]).shown(at) if at % 2 else None
        self.add(["no_match", "private_person"], lead)

    def no_company(self, at):
        person, city = self.maker.person(""), self.maker.city()
        while True:
            name = f"{self.luck.pick(self.maker.words.NOBODY)} {self.luck.pick(self.maker.words.TRADES)[0]}"
            if self.world.once(("nobody", fold(name))):
                break
        self.add(["no_match", "no_such_business"], self.named(person) | {"company": name, "city": city[0], "state": city[1], "title": self.luck.pick(self.maker.words.ROLES)})

    def email_only(self, at):
        b, person = [(b, one) for b in self.staffed for one in b.people if one.email][at * 5 + 1]
        self.add(["middling", "email_only"], self.named(person) | {"email": person.email}, b, person)

    def freemail(self, at):
        b = self.staffed[at * 4 + 3]
        person = b.people[-1]
        address = f"{local_part(person.name, 'flast')}{at}7@{self.maker.words.FREEMAIL[0]}"
        self.add(["middling", "freemail"], self.named(person) | {"company": b.name, "email": address} | self.where(b, "city", "state"), b, person)

    def null_mx(self, at):
        b = self.dedicated("null_mx", people=4, stated=3)
        b.look["no_mx"] = [["."], []][at % 2]
        self.add(["hard"], self.named(b.people[3]) | {"company": b.name} | self.where(b, "city", "state"), b, b.people[3])

    def phone_only(self, at):
        b = [b for b in self.staffed if b.row == "full" and b.look["markup"] != "image"][at]
        self.add(["hard", "phone_only"], self.named(b.people[0]) | {"number1": b.phone.shown(at)}, b, b.people[0])

    def ambiguous(self, at):
        group = [ask for ask in self.cases.asks if ask.tags == ["ambiguous", "lookalike", "no_match"]][at]
        self.add(["no_match", "ambiguous", "lookalike"], self.named(self.maker.person("")) | {"company": group.payload["business_name"]}, about=group.about)


def expectation(ask):
    """What is to be found for a lead; what it has already, and is right, isn't to be found."""
    if ask.business is None:
        return {"matched": False, "fields": {}, "contradicted": {}}
    b, facts = ask.business, found(ask.business)
    known = {"company": facts["name"]} | {key: facts[key] for key in ("street", "city", "state", "zip", "country") if key in facts}
    if "phones" in facts:
        known["phone"] = facts["phones"]
    if facts["website"]:
        known["website"], known["domain"] = [facts["website"]], [b.new_host or b.host]
    tolerated = {}
    generic = [b.email] if b.email in facts.get("emails", []) else []
    if ask.person is None:
        known |= {"email": generic} if generic else {}
    else:
        if not ask.gone:
            listed = facts.get("people", [])
            known |= {"title": [one["role"] for one in listed if one["name"] == ask.person.name]}
        own = None if ask.gone else mail_of(b, ask.person)
        stated = [one for one in b.people if one.email]
        if own and (ask.person.email or len(stated) >= 2):
            known["email"] = [own]
        else:
            tolerated["email"] = generic + ([own] if own else [])
    if not any(key.startswith("number") for key in ask.lead) and "phone" in ask.stale:
        raise ValueError("a stale phone that isn't in the lead")
    had = {("phone" if key.startswith("number") else key) for key, value in ask.lead.items() if (value or "").strip()}
    fields = {key: values for key, values in known.items() if values and (key not in had or key in ask.junk)}
    contradicted = {key: known[key] for key in ask.stale if known.get(key)}
    expect = {"matched": True, "fields": fields, "contradicted": contradicted}
    if any(tolerated.values()):
        expect["tolerated"] = {key: values for key, values in tolerated.items() if values}
    if ask.gone:
        expect["person_left"] = True
    return expect


def mail_of(b, person):
    """Stated, or made as two others' addresses are made; never where the domain takes no mail."""
    if b.look.get("no_mx") is not None:
        return None
    if person.email:
        return person.email
    shown = b.look.get("team") and any(one.email for one in b.people)
    return f"{local_part(person.name, b.pattern)}@{b.new_host or b.host}" if shown and b.pattern else None
