"""How the sites of the half `tune` look and speak."""

from .markup import entity, esc, hours_table, script
from .model import DAY_NAMES, twelve

LABELS = {
    "en": {"home": "Home", "about": "About us", "contact": "Contact", "team": "Our team", "services": "Services", "phone": "Phone", "fax": "Fax",
           "mail": "Email", "hours": "Hours", "address": "Address", "legal": "Privacy", "rights": "All rights reserved."},
    "de": {"home": "Startseite", "about": "Über uns", "contact": "Kontakt", "team": "Team", "services": "Leistungen", "phone": "Telefon", "fax": "Telefax",
           "mail": "E-Mail", "hours": "Öffnungszeiten", "address": "Anschrift", "legal": "Impressum", "rights": "Alle Rechte vorbehalten."},
    "fr": {"home": "Accueil", "about": "À propos", "contact": "Contact", "team": "L'équipe", "services": "Prestations", "phone": "Téléphone", "fax": "Télécopie",
           "mail": "Courriel", "hours": "Horaires", "address": "Adresse", "legal": "Mentions légales", "rights": "Tous droits réservés."},
    "es": {"home": "Inicio", "about": "Quiénes somos", "contact": "Contacto", "team": "Equipo", "services": "Servicios", "phone": "Teléfono", "fax": "Fax",
           "mail": "Correo electrónico", "hours": "Horario", "address": "Dirección", "legal": "Aviso legal", "rights": "Todos los derechos reservados."},
    "pt": {"home": "Início", "about": "Sobre nós", "contact": "Contactos", "team": "Equipa", "services": "Serviços", "phone": "Telefone", "fax": "Fax",
           "mail": "E-mail", "hours": "Horário", "address": "Morada", "legal": "Aviso legal", "rights": "Todos os direitos reservados."},
}
STORY = {
    "en": ["Since we opened our doors, neighbors from all over {city} have come to {name} because we do what we say, when we say it.",
           "We keep prices fair and answer questions before you have to ask them. No job is too small for a cup of coffee and an honest estimate.",
           "Most of our customers find us by word of mouth. We think that says more than any advertisement could.",
           "Every estimate is written down, and we stick to it. If something goes wrong we come back and make it right.",
           "Parking is available behind the building, and the entrance is step-free."],
    "de": ["Seit vielen Jahren sind wir in {city} für Sie da. {name} steht für sorgfältige Arbeit und faire Preise.",
           "Unsere Kundinnen und Kunden schätzen die persönliche Beratung. Sprechen Sie uns einfach an.",
           "Wir bilden aus und freuen uns über Bewerbungen aus der Region."],
    "fr": ["Depuis des années, {name} accueille les habitants de {city} avec le même soin et le même sourire.",
           "Nous travaillons avec des artisans de la région et choisissons chaque produit avec attention.",
           "N'hésitez pas à pousser la porte : le conseil est toujours gratuit."],
    "es": ["En {name} llevamos muchos años atendiendo a los vecinos de {city} con el mismo cariño del primer día.",
           "Trabajamos con materiales de calidad y precios claros, sin sorpresas.", "Pase a vernos sin compromiso: siempre hay tiempo para un consejo."],
    "pt": ["Há muitos anos que {name} serve os vizinhos de {city} com a mesma dedicação do primeiro dia.",
           "Trabalhamos com produtos da região e preços justos.", "Visite-nos sem compromisso: um bom conselho é sempre grátis."],
}
LEAD = {"en": "{trade} in {city} you can count on: {services}.", "de": "Ihr Betrieb in {city}.", "fr": "Votre adresse à {city}.",
        "es": "Su casa de confianza en {city}.", "pt": "A sua casa de confiança em {city}."}
NEWS = ["Spring is here, and so is our seasonal offer. Ask at the counter, it runs while supplies last.",
        "We spent Saturday planting trees with the neighborhood association. Thanks to everybody who came along.",
        "Our waiting room has new chairs, and a shelf of children's books to borrow."]


def words(b):
    return LABELS[b.lang]


def fill(text, b):
    return esc(text.format(name=b.name, city=b.city, trade=b.trade[0], services=b.trade[3]))


def story(b, luck, count):
    return "".join(f"<p>{fill(text, b)}</p>\n" for text in luck.sample(STORY[b.lang], count))


def mail(b, address):
    user, host = address.split("@")
    how = b.look.get("mail", "mailto")
    if how == "words":
        return f"{user} [at] {host.replace('.example', ' [dot] example')}"
    if how == "entity":
        return "".join(f"&#{ord(letter)};" for letter in address)
    if how == "split":
        return f'{user}<span style="display:none">.nospam</span>&#64;{host}'
    if how == "plain":
        return esc(address)
    return f'<a href="mailto:{address}">{address}</a>'


def tel(b, phone, style):
    return f'<a href="tel:{phone.e164}">{phone.shown(style)}</a>'


def contact(b, style):
    """Where to find it, for people to read."""
    how, l = b.look["markup"], words(b)
    address = f"{esc(b.street)}<br>{esc(town(b))}"
    phone = b.phone.shown(style) if b.phone else ""
    mailed = f"<p>{l['mail']}: {mail(b, b.email)}</p>" if b.email and b.look.get("mail", "mailto") else ""
    fax = f"<p>{l['fax']}: {b.fax.shown(style)}</p>" if b.fax else ""
    if how == "micro":
        region = f'<span itemprop="addressRegion">{b.state}</span> ' if b.state else ""
        faxed = f'<p>{l["fax"]} <span itemprop="faxNumber">{b.fax.shown(style)}</span></p>' if b.fax else ""
        return f"""<div itemscope itemtype="https://schema.org/{b.trade[1]}"><h2 itemprop="name">{esc(b.name)}</h2>
<div itemprop="address" itemscope itemtype="https://schema.org/PostalAddress"><span itemprop="streetAddress">{esc(b.street)}</span><br>
<span itemprop="addressLocality">{esc(b.city)}</span>, {region}<span itemprop="postalCode">{b.zip}</span></div>
<p>{l['phone']} <span itemprop="telephone">{phone}</span></p>{faxed}{mailed}</div>"""
    if how == "rdfa":
        return f"""<div vocab="https://schema.org/" typeof="{b.trade[1]}"><b property="name">{esc(b.name)}</b>
<div property="address" typeof="PostalAddress"><span property="streetAddress">{esc(b.street)}</span>
<span property="addressLocality">{esc(b.city)}</span> <span property="addressRegion">{b.state}</span> <span property="postalCode">{b.zip}</span></div>
<span property="telephone" content="{b.phone.e164}">{phone}</span>{fax}{mailed}</div>"""
    if how == "hcard":
        return f"""<div class="vcard"><span class="fn org">{esc(b.name)}</span><div class="adr"><span class="street-address">{esc(b.street)}</span>,
<span class="locality">{esc(b.city)}</span>, <span class="region">{b.state}</span> <span class="postal-code">{b.zip}</span></div>
<span class="tel">{phone}</span>{fax}{mailed}</div>"""
    if how == "prose":
        mailed = f" or write to {mail(b, b.email)}" if mailed else ""
        faxed = f" Our fax is {b.fax.shown(style)}." if b.fax else ""
        return f"<p>You will find us at {esc(b.place())}. Give us a call at {phone}{mailed}, we are happy to help.{faxed}</p>"
    if how == "image":
        return f'<p>{address}</p><p><img src="/img/call-us.png" alt="Call us today"></p>{mailed}'
    if how == "table":
        return f"<table><tr><th>{l['address']}</th><td>{address}</td></tr><tr><th>{l['phone']}</th><td>{phone}</td></tr></table>{fax}{mailed}"
    if how == "broken":
        return f"<address>{address}<br>{l['phone']}: {phone}{fax}{mailed}"
    return f"<address>{address}</address>\n<p>{l['phone']}: {tel(b, b.phone, style)}</p>{fax}{mailed}"


def town(b):
    return b.place()[len(b.street) + 2:]


def structured(b, style):
    """What stands in the head for machines."""
    how, hours = b.look["markup"], b.look.get("hours")
    people = b.look.get("people_ld", False)
    if how == "jsonld":
        return script(entity(b, style, hours, people), indent=1)
    if how == "graph":
        site = {"@type": "WebSite", "@id": f"{b.url}#site", "name": b.name, "url": b.url}
        mine = entity(b, style, hours, people)
        return script({"@context": mine.pop("@context"), "@graph": [site, {"@id": f"{b.url}#org", **mine}]})
    if how == "broken":
        # A comma too many, a quote that isn't closed: no parser of JSON takes it.
        text = script(entity(b, style, hours), indent=1)
        return text.replace('"address"', '"slogan": "the "best" in town",\n "address"').replace("}</script>", "},\n}</script>")
    if how in ("links", "table") and b.look.get("vague"):
        return script({"@context": "https://schema.org", "@type": "WebPage", "name": b.name})
    return ""


def hours(b):
    how = b.look.get("hours")
    if how == "prose" and b.lang == "en":
        spans = [f"{DAY_NAMES[first]}{'' if first == last else ' to ' + DAY_NAMES[last]} from {twelve(opens)} to {twelve(closes)}"
                 for first, last, opens, closes in b.hours]
        return f"<p>We are open {' and '.join(spans)}.</p>"
    if how == "prose" and b.lang == "de":
        return f"<p>Öffnungszeiten: {', '.join(german(*span) for span in b.hours)}</p>"
    if how == "table":
        return f"<h3>Opening hours</h3>{hours_table(b, 'Closed')}"
    return ""


def german(first, last, opens, closes):
    names = {"Tu": "Di", "We": "Mi", "Th": "Do", "Su": "So"}
    first, last = names.get(first, first), names.get(last, last)
    return f"{first if first == last else first + '–' + last} {opens.lstrip('0')}–{closes} Uhr"


def team(b):
    cards = []
    for one in b.people:
        written = f'<p class="mail">{mail(b, one.email)}</p>' if one.email else ""
        cards.append(f'<div class="card"><h3>{esc(one.name)}</h3><p class="role">{esc(one.role)}</p>{written}</div>')
    return "\n".join(cards)


def legal(b):
    """The Impressum that German law asks for, and what others have in its place."""
    boss = b.people[0] if b.people else None
    titles = {"de": ["Impressum", "Angaben gemäß § 5 DDG", "Vertreten durch"], "fr": ["Mentions légales", "Éditeur du site", "Directeur de la publication"],
              "es": ["Aviso legal", "Titular de la web", "Representante"], "pt": ["Aviso legal", "Responsável pelo site", "Representante"]}[b.lang]
    led = f"<p>{titles[2]}: {esc(boss.name)}, {esc(boss.role)}</p>" if boss else ""
    extra = "<p>Registergericht: Amtsgericht, HRB 9041<br>USt-IdNr.: DE 999 000 411</p>" if b.lang == "de" else ""
    return f"<h1>{titles[0]}</h1><p>{titles[1]}:</p><p>{esc(b.legal)}</p>{contact(b, 1)}{led}{extra}"


def layout(b, title, main, head="", home=False):
    l = words(b)
    pages = [("/", l["home"]), ("/about", l["about"]), ("/services", l["services"])]
    pages += [("/team", l["team"])] if b.look.get("team") else []
    pages += [("/contact", l["contact"])]
    pages += [("/impressum", l["legal"])] if b.lang in ("de", "fr", "es", "pt") else []
    nav = " ".join(f'<a href="{path}">{esc(name)}</a>' for path, name in pages)
    foot = contact(b, b.look.get("style", 0)) if b.look.get("where") == "all" or (home and b.look.get("where") == "home") else ""
    foot += b.look.get("foot", "")
    full = f"{esc(title)} | {esc(b.name)}" if not home else f"{esc(b.name)} | {esc(b.city)}"
    shape = b.look.get("layout", 0) % 3
    if b.look.get("broken"):
        return (f'<html><head><title>{full}</title>{head}<body bgcolor=white><center><h1>{esc(b.name)}<ul><li>{nav}<table width=90%><tr><td>{main}'
                f"<p><b><i>Thank you for visiting</b></i><hr>{foot}</div></div></td>&copy; {esc(b.name)} &nbsp &bogus; {l['rights']}")
    if shape == 0:
        return f"""<!doctype html>
<html lang="{b.lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{full}</title>
<link rel="stylesheet" href="/style.css">{head}</head>
<body><header><a class="logo" href="/">{esc(b.name)}</a><nav>{nav}</nav></header>
<main>{main}</main>
<footer>{foot}<p>&copy; {esc(b.name)}. {l['rights']}</p></footer></body></html>"""
    if shape == 1:
        return f"""<!DOCTYPE html>
<html lang="{b.lang}">
<head><title>{full}</title><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><meta property="og:site_name" content="{esc(b.name)}">{head}
<style>body{{font-family:Georgia,serif;max-width:60em;margin:auto}} .menu a{{margin-right:1em}}</style></head>
<body><div id="top"><h1>{esc(b.name)}</h1><div class="menu">{nav}</div></div><div id="content">{main}</div><div id="bottom">{foot}</div></body></html>"""
    return f"""<!doctype html><html lang="{b.lang}"><meta charset="utf-8"><title>{full}</title>{head}
<body class="site"><div class="wrap"><div class="sidebar"><p>{esc(b.name)}</p>{nav}</div><div class="page">{main}</div></div>
<div class="footer">{foot}<small>{l['rights']}</small></div><script>document.body.classList.add("js")</script></body></html>"""
