"""What a careful person would find out about a business from all that is in the set."""

ROW_PHONE = ("full", "no_site", "old_street")
LISTED_PHONE = ("right", "old_street", "only")


def has_site(b):
    return bool(b.host) and not b.look.get("no_site")


def shows_hours(b):
    """Whether its own site says when it is open."""
    how, machine = b.look.get("hours"), b.look.get("markup") in ("jsonld", "graph")
    return has_site(b) and (how == "table" and b.lang == "en" or (how == "prose" and b.lang in ("en", "de")) or (how in ("attr", "spec") and machine))


def found(b):
    """Field by field, the values that are right; a field that can't be found isn't there."""
    if b.brand:
        return of_branch(b)
    site = has_site(b)
    facts = {"name": [b.name] + ([b.legal] if b.legal else [])}
    if (site and b.look["markup"] != "image") or b.row in ROW_PHONE or b.listed in LISTED_PHONE:
        facts["phones"] = [b.phone.e164]
    emails = [b.email] if b.email and ((site and b.look.get("mail", "mailto")) or b.row == "full") else []
    emails += [one.email for one in b.people if one.email and site and b.look.get("team")]
    if emails and b.look.get("no_mx") is None:
        facts["emails"] = emails
    facts["website"] = b.url if site else None
    if site or b.row in ("full", "no_site", "old_phone", "no_phone") or b.listed in ("right", "only", "tracking", "old_phone"):
        facts["street"], facts["zip"] = [b.street], [b.zip]
    facts["city"] = [b.city]
    if b.state:
        facts["state"] = [b.state]
    facts["country"] = [b.country]
    people = list(b.people) if site and (b.look.get("team") or (b.look.get("people_ld") and b.look["markup"] in ("jsonld", "graph"))) else []
    if site and not people and b.lang in ("de", "fr", "es", "pt"):
        people = b.people[:1]
    people = people or b.look.get("row_people", [])
    if people:
        facts["people"] = [{"name": one.name, "role": one.role} for one in people]
    if shows_hours(b) or b.look.get("row_hours") or b.look.get("list_hours"):
        facts["hours"] = [b.hours.canonical]
    return facts


def of_branch(b):
    facts = {"name": [b.brand.name, f"{b.brand.name} {b.city}"], "phones": [b.phone.e164], "emails": [b.brand.email], "website": b.brand.url,
             "street": [b.street], "city": [b.city], "state": [b.state], "zip": [b.zip], "country": [b.country]}
    if b.look.get("hours"):
        facts["hours"] = [b.hours.canonical]
    return facts


def tolerated(b):
    """What is neither right nor wrong to say: the head office's line on a branch, a second legal name."""
    if b.brand:
        return {"phones": [b.brand.phone.e164]}
    if b.look.get("no_mx") is not None:
        # What the page says, though its domain takes no mail.
        return {"emails": [b.email] + [one.email for one in b.people if one.email]}
    return {}


def expectation(b):
    expect = {"matched": True, **found(b)}
    spared = tolerated(b)
    if spared:
        expect["tolerated"] = spared
    return expect
