"""How the sites of the second voice of `tune` look and speak: other layouts, other labels, other ways of saying a thing."""

from .markup import entity, esc, script
from .model import DAY_NAMES, DAYS

LABELS = {
    "en": {"home": "Welcome", "about": "Our story", "contact": "Get in touch", "team": "People", "services": "What we do", "phone": "Tel.", "fax": "Facsimile",
           "mail": "Write to us", "hours": "When we're in", "legal": "Terms", "rights": "Made with care."},
    "de": {"home": "Willkommen", "about": "Wir über uns", "contact": "So erreichen Sie uns", "team": "Ansprechpartner", "services": "Angebot", "phone": "Tel.",
           "fax": "Fax", "mail": "Mail", "hours": "Sprechzeiten", "legal": "Impressum & Datenschutz", "rights": "Änderungen vorbehalten."},
    "fr": {"home": "Bienvenue", "about": "Notre maison", "contact": "Nous trouver", "team": "Qui sommes-nous", "services": "Savoir-faire", "phone": "Tél.",
           "fax": "Fax", "mail": "E-mail", "hours": "Ouverture", "legal": "Informations légales", "rights": "Reproduction interdite."},
    "es": {"home": "Bienvenidos", "about": "La empresa", "contact": "Dónde estamos", "team": "Nuestro personal", "services": "Qué hacemos", "phone": "Tel.",
           "fax": "Fax", "mail": "Escríbanos", "hours": "Abierto", "legal": "Información legal", "rights": "Hecho en casa."},
    "pt": {"home": "Bem-vindo", "about": "A casa", "contact": "Onde estamos", "team": "Quem somos", "services": "O que fazemos", "phone": "Tel.",
           "fax": "Fax", "mail": "Escreva-nos", "hours": "Aberto", "legal": "Informação legal", "rights": "Feito em Portugal."},
}
STORY = {
    "en": ["It began with one borrowed van and a stubborn idea: that {city} deserved better. {name} is what became of it.",
           "Ask anybody on our street. We answer when it rings, we turn up on time, and we sweep the floor before we leave.",
           "You won't find stock photos of smiling strangers here. What you see is what we did last month, for people you may know.",
           "Our shop dog is called Biscuit. He is in charge of morale, and takes payment in kind.",
           "We give two percent of what we earn to the county's literacy program, and have done so from the first year."],
    "de": ["Handwerk mit Herz: {name} ist in {city} zu Hause und wird heute in dritter Generation geführt.",
           "Termine vergeben wir kurzfristig. Parkplätze finden Sie im Hof.", "Qualität ist für uns kein Werbewort, sondern das, woran wir uns messen lassen."],
    "fr": ["Chez {name}, à {city}, rien ne se fait à la hâte. C'est une affaire de famille et de patience.",
           "Nos ateliers se visitent sur rendez-vous, en petit groupe.", "Devis sous quarante-huit heures, sans engagement."],
    "es": ["{name} nació en {city} como un pequeño taller familiar, y en familia seguimos.",
           "Cada encargo es distinto, y así lo tratamos.", "Presupuesto en dos días y sin letra pequeña."],
    "pt": ["{name} nasceu em {city} como negócio de família e assim continua.", "Cada cliente é tratado pelo nome.", "Orçamentos em dois dias, sem letras pequenas."],
}
LEAD = {"en": "{services} – for {city} and everywhere a morning's drive away.", "de": "Persönlich, gründlich, in {city}.", "fr": "Au cœur de {city}.",
        "es": "En el corazón de {city}.", "pt": "No coração de {city}."}
NEWS = ["The county fair was a blast, and our pie came in second. We demand a recount.",
        "New in the workshop: a machine older than all of us together. Come and see it run on Thursdays.",
        "A class of second graders visited last week and asked better questions than most inspectors."]


def words(b):
    return LABELS[b.lang]


def fill(text, b):
    return esc(text.format(name=b.name, city=b.city, trade=b.trade[0], services=b.trade[3].capitalize()))


def story(b, luck, count):
    return "".join(f"<div class=par>{fill(text, b)}</div>\n" for text in luck.sample(STORY[b.lang], count))


def mail(b, address):
    user, host = address.split("@")
    how = b.look.get("mail", "mailto")
    if how == "words":
        return f"{user} (at) {host.replace('.example', ' (punkt) example' if b.lang == 'de' else ' (dot) example')}"
    if how == "entity":
        return "".join(f"&#x{ord(letter):x};" for letter in address)
    if how == "split":
        return f"{user}<b>@</b><!-- no robots, please -->{host}"
    if how == "plain":
        return f"<code>{esc(address)}</code>"
    return f'<a class="btn" href="mailto:{address}?subject=Hello">{words(b)["mail"]}</a>'


def tel(b, phone, style):
    return f'<a class="cta" href="tel:{phone.shown(style).replace(" ", "%20")}">{phone.shown(style)}</a>'


def contact(b, style):
    how, l = b.look["markup"], words(b)
    tail = b.place()[len(b.street) + 2:]
    phone = b.phone.shown(style) if b.phone else ""
    mailed = f"<div>{l['mail']}: {mail(b, b.email)}</div>" if b.email and b.look.get("mail", "mailto") else ""
    fax = f"<div>{l['fax']} {b.fax.shown(style)}</div>" if b.fax else ""
    if how == "micro":
        region = f'<meta itemprop="addressRegion" content="{b.state}">' if b.state else ""
        return f"""<section itemscope itemtype="http://schema.org/{b.trade[1]}"><meta itemprop="name" content="{esc(b.name)}">
<dl itemprop="address" itemscope itemtype="http://schema.org/PostalAddress"><dt>Visit</dt><dd itemprop="streetAddress">{esc(b.street)}</dd>
<dd><span itemprop="addressLocality">{esc(b.city)}</span> {b.state} <span itemprop="postalCode">{b.zip}</span>{region}</dd></dl>
<link itemprop="url" href="{b.url}"><strong itemprop="telephone">{phone}</strong>{fax}{mailed}</section>"""
    if how == "rdfa":
        return f"""<section prefix="schema: http://schema.org/" typeof="schema:{b.trade[1]}"><h4 property="schema:name">{esc(b.name)}</h4>
<p property="schema:address" typeof="schema:PostalAddress"><span property="schema:streetAddress">{esc(b.street)}</span> ·
<span property="schema:addressLocality">{esc(b.city)}</span> · <span property="schema:addressRegion">{b.state}</span> · <span property="schema:postalCode">{b.zip}</span></p>
<p property="schema:telephone">{phone}</p>{fax}{mailed}</section>"""
    if how == "hcard":
        return f"""<div class="h-card"><a class="p-name u-url" href="/">{esc(b.name)}</a><p class="p-adr h-adr"><span class="p-street-address">{esc(b.street)}</span>
<span class="p-locality">{esc(b.city)}</span> <abbr class="p-region">{b.state}</abbr> <span class="p-postal-code">{b.zip}</span></p>
<p class="p-tel">{phone}</p>{fax}{mailed}</div>"""
    if how == "prose":
        mailed = f" Typing types reach us under {mail(b, b.email)}." if mailed else ""
        faxed = f" (Yes, we still have a fax machine: {b.fax.shown(style)}.)" if b.fax else ""
        return f"<div class=par>Our place is at {esc(b.street)} in {esc(tail)}. If you'd rather talk than type, dial {phone} and ask away.{faxed}{mailed}</div>"
    if how == "image":
        return f'<div>{esc(b.street)}<br>{esc(tail)}</div><img src="/assets/number.svg" alt="our number">{mailed}'
    if how == "table":
        return f"<ul class=facts><li>{esc(b.name)}<li>{esc(b.street)}<li>{esc(tail)}<li>{phone} ({l['phone']})</ul>{fax}{mailed}"
    if how == "broken":
        return f"<p><font size=2>{esc(b.street)}<br>{esc(tail)}<p><font color=red>{l['phone']} {phone}{fax}{mailed}"
    return f"<div class=where><span>{esc(b.street)}</span><br><span>{esc(tail)}</span></div><div>{l['phone']} {tel(b, b.phone, style)}</div>{fax}{mailed}"


def structured(b, style):
    how, hours = b.look["markup"], b.look.get("hours")
    people = b.look.get("people_ld", False)
    if how == "jsonld":
        return script([{"@context": "http://schema.org", "@type": "BreadcrumbList", "itemListElement": []},
                       {**entity(b, style, hours, people), "@type": ["LocalBusiness", b.trade[1]]}])
    if how == "graph":
        mine = entity(b, style, hours, people)
        mine.pop("@context")
        return script({"@context": "https://schema.org", "@type": "WebPage", "name": "Welcome", "about": mine, "mainEntity": {"@type": "Thing", "name": b.city}})
    if how == "broken":
        # Two objects without an array around them, with a comment of the kind JSON doesn't have.
        text = script(entity(b, style, hours))
        return text.replace('{"@context"', '/* generated */ {"@type":"WebSite"}\n{"@context"', 1).replace('"}}', "'}}")
    if how in ("links", "table") and b.look.get("vague"):
        return f'<meta name="description" content="{fill(LEAD[b.lang], b)}"><meta property="og:title" content="{esc(b.name)}">'
    return ""


def clock(time):
    """`17:30` as `5.30 p.m.`"""
    hour, minute = int(time[:2]), time[3:]
    return f"{(hour - 1) % 12 + 1}{'' if minute == '00' else '.' + minute} {'a.m.' if hour < 12 else 'p.m.'}"


def hours(b):
    how = b.look.get("hours")
    if how == "prose" and b.lang == "en":
        spans = [f"{DAY_NAMES[first]}s" if first == last else f"{DAY_NAMES[first]} through {DAY_NAMES[last]}" for first, last, _, _ in b.hours]
        times = [f"{clock(opens)} until {clock(closes)}" for _, _, opens, closes in b.hours]
        return f"<div class=par>Drop in {'; '.join(f'{span}, {time}' for span, time in zip(spans, times))}. On other days we sleep in.</div>"
    if how == "prose" and b.lang == "de":
        names = dict(zip(DAYS, ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]))
        spans = [f"{names[first]}{'' if first == last else ' bis ' + names[last]} von {opens.replace(':', '.')} bis {closes.replace(':', '.')} Uhr"
                 for first, last, opens, closes in b.hours]
        return f"<p>Geöffnet: {', '.join(spans)}.</p>"
    if how == "table":
        rows = {day: f"{opens}-{closes}" for day, opens, closes in b.hours.each_day()}
        return "<dl class=open>" + "".join(f"<dt>{DAY_NAMES[day][:3]}.</dt><dd>{rows.get(day, '&mdash;')}</dd>" for day in DAYS) + "</dl>"
    return ""


def team(b):
    rows = []
    for one in b.people:
        written = f" · {mail(b, one.email)}" if one.email else ""
        rows.append(f"<li><em>{esc(one.role)}</em>: <strong>{esc(one.name)}</strong>{written}</li>")
    return f"<ul class=people>{''.join(rows)}</ul>"


def legal(b):
    boss = b.people[0] if b.people else None
    titles = {"de": ["Impressum & Datenschutz", "Diensteanbieter", "Vertretungsberechtigt"], "fr": ["Informations légales", "Exploitant", "Représentée par"],
              "es": ["Información legal", "Empresa", "Administrador"], "pt": ["Informação legal", "Empresa", "Administração"]}[b.lang]
    led = f"<div>{titles[2]} ist/est/es: {esc(boss.name)} ({esc(boss.role)})</div>".replace(" ist/est/es", "") if boss else ""
    extra = "<div>Handelsregister: HRA 77120 · Steuernummer 111/222/33333</div><div>Streitschlichtung: nein.</div>" if b.lang == "de" else ""
    return f"<h2>{titles[0]}</h2><div>{titles[1]}: {esc(b.legal)}</div>{contact(b, 2)}{led}{extra}"


def layout(b, title, main, head="", home=False):
    l = words(b)
    pages = [("/index.html", l["home"]), ("/our-story.html", l["about"]), ("/what-we-do.html", l["services"])]
    pages += [("/people.html", l["team"])] if b.look.get("team") else []
    pages += [("/get-in-touch.html", l["contact"])]
    pages += [("/legal.html", l["legal"])] if b.lang in ("de", "fr", "es", "pt") else []
    nav = "".join(f"<li><a href={path}>{esc(name)}</a></li>" for path, name in pages)
    foot = contact(b, b.look.get("style", 0)) if b.look.get("where") == "all" or (home and b.look.get("where") == "home") else ""
    foot += b.look.get("foot", "")
    full = f"{esc(b.name)} – {esc(title)}" if not home else f"{esc(b.city)}: {esc(b.name)}"
    shape = b.look.get("layout", 0) % 3
    if b.look.get("broken"):
        return (f"<title>{full}</title>{head}<table><tr><td colspan=2><h1>{esc(b.name)}<tr><td valign=top><menu>{nav}<td>{main}<tr><td>"
                f"<marquee>Welcome & enjoy &copyright <b>{foot}</table></center></i> &#150; &euro &hellip {l['rights']}")
    if shape == 0:
        return f"""<!DOCTYPE html><html lang={b.lang}><head><meta charset=utf-8><title>{full}</title>{head}</head>
<body><div class=hero><div class=brand>{esc(b.name)}</div><ul>{nav}</ul></div><article>{main}</article>
<aside>{foot}</aside><div class=end>{l['rights']}</div></body></html>"""
    if shape == 1:
        return f"""<!doctype html>
<html><head><meta charset="utf-8"/><title>{full}</title><link rel="icon" href="data:,"/>{head}</head>
<body data-theme="plain"><section id="masthead"><h2>{esc(b.name)}</h2></section><section id="body">{main}</section>
<section id="foot">{foot}<ul>{nav}</ul><p>{esc(b.name)}, {esc(b.city)}. {l['rights']}</p></section></body></html>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{full}</title>{head}</head>
<body><table class="frame"><tr><td class="left"><ul>{nav}</ul></td><td class="right"><h1>{esc(title)}</h1>{main}</td></tr></table>
<div>{foot}</div><div class="tiny">{l['rights']}</div></body></html>"""
