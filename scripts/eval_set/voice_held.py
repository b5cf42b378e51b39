"""How the sites of the half `held_out` look and speak: as the usual site builders make them, with their habits of markup.

`layout` 0 is a WordPress theme with an SEO plugin, 1 a Squarespace template, 2 a Wix page; `broken` ones were made by hand, long ago.
"""

from .markup import entity, esc, script
from .model import DAY_NAMES, DAYS

LABELS = {
    "en": {"home": "Home", "about": "About", "contact": "Contact Us", "team": "Meet the Staff", "services": "Services Offered", "phone": "Ph:", "fax": "Fx:",
           "mail": "Email us", "hours": "Business Hours", "visit": "Visit Us", "legal": "Privacy Policy", "rights": "Proudly locally owned."},
    "de": {"home": "Start", "about": "Betrieb", "contact": "Kontakt & Anfahrt", "team": "Unser Team", "services": "Was wir tun", "phone": "Fon", "fax": "Telefax",
           "mail": "E-Mail schreiben", "hours": "Wir sind da", "visit": "Hier finden Sie uns", "legal": "Impressum", "rights": "Mit Liebe gemacht in der Region."},
    "fr": {"home": "Accueil", "about": "La maison", "contact": "Nous contacter", "team": "Notre équipe", "services": "Nos services", "phone": "Tél :", "fax": "Fax :",
           "mail": "Nous écrire", "hours": "Nos horaires", "visit": "Nous rendre visite", "legal": "Mentions légales", "rights": "Site réalisé avec soin."},
    "es": {"home": "Portada", "about": "Nosotros", "contact": "Contacta", "team": "El equipo", "services": "Nuestros servicios", "phone": "Tfno.", "fax": "Fax",
           "mail": "Escríbenos", "hours": "Horario de atención", "visit": "Ven a vernos", "legal": "Aviso legal", "rights": "Gracias por tu visita."},
    "pt": {"home": "Página inicial", "about": "Quem somos", "contact": "Fale connosco", "team": "A nossa equipa", "services": "Os nossos serviços", "phone": "Telef.",
           "fax": "Fax", "mail": "Envie-nos um e-mail", "hours": "Horário de funcionamento", "visit": "Visite-nos", "legal": "Termos e condições", "rights": "Obrigado pela visita."},
}
STORY = {
    "en": ["At {name}, family isn't just a word on the sign. Three generations have called {city} home, and we wouldn't be anywhere else.",
           "We are fully licensed and insured, background-checked, and members in good standing of the chamber of commerce.",
           "New here? Your first visit starts with a conversation, not a sales pitch. Bring your questions, we'll bring the coffee.",
           "Gift cards are available in any amount. Ask about our military, teacher and senior discounts.",
           "From {services} to whatever you dream up next, our crew has the tools and the patience to see it through.",
           "As featured in the Sunday paper: how a small shop in {city} keeps winning the big ones over."],
    "de": ["Herzlich willkommen bei {name} in {city}! Schön, dass Sie den Weg zu uns gefunden haben.",
           "Unser Familienbetrieb verbindet Erfahrung mit neuen Ideen, und das zu ehrlichen Preisen.", "Barrierefreier Zugang, Bushaltestelle direkt vor der Tür."],
    "fr": ["Bienvenue chez {name} ! Depuis trois générations, nous cultivons à {city} le goût du travail bien fait.",
           "Paiement par carte accepté, parking gratuit à deux pas.", "Une question ? Notre équipe vous répond dans la journée."],
    "es": ["¡Bienvenido a {name}! Un negocio de barrio, en pleno {city}, con vocación de servicio.",
           "Aceptamos tarjeta y pago con el móvil.", "Cuéntanos qué necesitas y te damos una solución a medida."],
    "pt": ["Bem-vindo à {name}, uma casa com história em {city}.", "Aceitamos cartões e pagamento por telemóvel.", "Diga-nos do que precisa, nós tratamos do resto."],
}
LEAD = {"en": "{city}'s choice for {services}", "de": "Ihr Partner in {city} und Umgebung", "fr": "Une adresse de confiance à {city}",
        "es": "Cerca de ti, en {city}", "pt": "Perto de si, em {city}"}
NEWS = ["5 Things to Know Before You Hire Anyone (Number 3 Surprised Us)", "We're hiring! Seasonal help wanted, no experience needed, weekends off.",
        "Thank you for voting us a Readers' Choice finalist three years running.", "Winter is around the corner. Here is our short checklist for getting ready."]
PATHS = {
    "en": [{"about": "/about-us/", "services": "/services-offered/", "team": "/meet-the-staff/", "contact": "/contact-us/", "news": "/blog/"},
           {"about": "/about-1", "services": "/offerings", "team": "/staff", "contact": "/visit", "news": "/journal"},
           {"about": "/about-4", "services": "/services-7", "team": "/our-staff", "contact": "/contact-8", "news": "/post/whats-new"}],
    "de": {"about": "/der-betrieb/", "services": "/leistungen/", "team": "/unser-team/", "contact": "/kontakt-anfahrt/", "legal": "/impressum/"},
    "fr": {"about": "/la-maison/", "services": "/nos-services/", "team": "/notre-equipe/", "contact": "/nous-contacter/", "legal": "/mentions-legales/"},
    "es": {"about": "/nosotros/", "services": "/nuestros-servicios/", "team": "/el-equipo/", "contact": "/contacta/", "legal": "/aviso-legal/"},
    "pt": {"about": "/quem-somos/", "services": "/servicos/", "team": "/equipa/", "contact": "/fale-connosco/", "legal": "/termos-e-condicoes/"},
}


def paths(b):
    found = PATHS[b.lang]
    return found[b.look.get("layout", 0) % 3] if b.lang == "en" else found


def words(b):
    return LABELS[b.lang]


def fill(text, b):
    return esc(text.format(name=b.name, city=b.city, trade=b.trade[0], services=b.trade[3] or "fine workmanship"))


def story(b, luck, count):
    return "".join(f"<p>{fill(text, b)}</p>\n" for text in luck.sample(STORY[b.lang], count))


def number(phone, style):
    """Numbers as people type them into a site builder; abroad as everywhere."""
    if phone.country != "US":
        return phone.shown(style + 1)
    area, first, last = phone.area, phone.local[:3], phone.local[3:]
    return [f"({area}) {first}-{last}", f"{area}-{first}-{last}", f"{area}.{first}.{last}", f"({area})&nbsp;{first}&#8209;{last}", f"{area} \u2013 {first} \u2013 {last}",
            f"+1 ({area}) {first}-{last}"][style % 6]


def tel(phone, style):
    """What stands in `href`: most builders drop all but the digits, some keep what was typed."""
    if phone.country != "US":
        return phone.e164
    return [f"+1{phone.area}{phone.local}", f"{phone.area}{phone.local}", f"{phone.area}-{phone.local[:3]}-{phone.local[3:]}"][style % 3]


def cloudflare(address):
    """An address as Cloudflare hides it: a key of one byte, then every letter with that key."""
    return f"{0x5a:02x}" + "".join(f"{ord(letter) ^ 0x5a:02x}" for letter in address)


def mail(b, address):
    user, host = address.split("@")
    how, shape = b.look.get("mail", "mailto"), b.look.get("layout", 0) % 3
    if how == "words":
        at, dot = {"de": ("[ät]", "[punkt]"), "fr": ("(arobase)", "(point)")}.get(b.lang, [("[at]", "[dot]"), ("(at)", "(dot)"), ("AT", "DOT")][shape])
        return f"{user} {at} {host.replace('.', f' {dot} ')}"
    if how == "entity":  # As WordPress' antispambot() does: some as decimal, some as hexadecimal, some as they are.
        return "".join([f"&#{ord(letter)};", f"&#x{ord(letter):x};", letter][at % 3] if letter not in "@." else f"&#{ord(letter)};" for at, letter in enumerate(address))
    if how == "split":
        return f'<a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="{cloudflare(address)}">[email&#160;protected]</a>'
    if how == "plain":
        return esc(address)
    shown = words(b)["mail"] if shape == 1 and b.email == address else esc(address)
    return f'<a href="mailto:{address}" target="_blank" rel="noopener">{shown}</a>'


def contact(b, style):
    """Where to find it, for people to read."""
    how, l, shape = b.look["markup"], words(b), b.look.get("layout", 0) % 3
    tail = b.place()[len(b.street) + 2:]
    phone = number(b.phone, style) if b.phone else ""
    mailed = f"<p>{mail(b, b.email)}</p>" if b.email and b.look.get("mail", "mailto") else ""
    fax = f"<p>{l['fax']} {number(b.fax, style)}</p>" if b.fax else ""
    if how == "micro":
        region = f' <span itemprop="addressRegion">{b.state}</span>' if b.state else ""
        faxed = f'<br>F: <span itemprop="faxNumber">{number(b.fax, style)}</span>' if b.fax else ""
        return f"""<div class="widget vcard-widget" itemscope itemtype="https://schema.org/{b.trade[1]}"><span itemprop="name"><strong>{esc(b.name)}</strong></span>
<p itemprop="address" itemscope itemtype="https://schema.org/PostalAddress"><span itemprop="streetAddress">{esc(b.street)}</span><br><span itemprop="addressLocality">{esc(b.city)}</span>,{region}
<span itemprop="postalCode">{b.zip}</span></p><p>{l['phone']} <a href="tel:{tel(b.phone, style)}"><span itemprop="telephone">{phone}</span></a>{faxed}</p>{mailed}</div>"""
    if how == "rdfa":
        return f"""<footer vocab="http://schema.org/" typeof="{b.trade[1]}"><p><span property="name">{esc(b.name)}</span></p><p property="address" typeof="PostalAddress">
<span property="streetAddress">{esc(b.street)}</span><br/><span property="addressLocality">{esc(b.city)}</span>, <span property="addressRegion">{b.state}</span>
<span property="postalCode">{b.zip}</span></p><p><a property="telephone" href="tel:{tel(b.phone, 0)}">{phone}</a></p>{fax}{mailed}</footer>"""
    if how == "hcard":
        return f"""<section class="vcard h-card"><h3 class="fn org p-name">{esc(b.name)}</h3><p class="adr p-adr"><span class="street-address p-street-address">{esc(b.street)}</span><br/>
<span class="locality p-locality">{esc(b.city)}</span>, <span class="region p-region">{b.state}</span> <span class="postal-code p-postal-code">{b.zip}</span></p>
<p class="tel p-tel">{phone}</p>{fax}{mailed}</section>"""
    if how == "prose":
        mailed = f" Email works too: {mail(b, b.email)}." if mailed else ""
        faxed = f" Paperwork can be faxed to {number(b.fax, style)}." if b.fax else ""
        return [f"<p>Stop by and see us! We're located at {esc(b.street)} in {esc(tail)}, with free parking out back.{faxed} For a quote or an appointment just call or text {phone}.{mailed}</p>",
                f"<p>{esc(b.name)} welcomes you at {esc(b.place())}. Our phones are answered by real people: {phone}.{faxed}{mailed}</p>",
                f"<p>Questions? {phone} gets you straight to the front desk.{faxed}{mailed} We're at {esc(b.street)}, {esc(tail)}.</p>"][shape]
    if how == "image":
        return f'<h4>{l["visit"]}</h4><p>{esc(b.street)}<br/>{esc(tail)}</p><img src="/wp-content/uploads/call-banner.jpg" alt="Call today for a free estimate" width="300">{mailed}'
    if how == "table":
        both = f"T {phone} &nbsp; F {number(b.fax, style)}" if b.fax else f"T {phone}"
        return f'<div class="info-row"><div class="col">{l["visit"]}</div><div class="col">{esc(b.street)}<br>{esc(tail)}</div></div><div class="info-row"><div class="col">{both}</div></div>{mailed}'
    if how == "broken":
        return f'<FONT FACE="Comic Sans MS" SIZE=3>{esc(b.street)}<BR>{esc(tail)}<BR>{l["phone"]} <B>{phone}<BR>{fax}{mailed}</FONT>'
    link = f'<a href="tel:{tel(b.phone, style)}">{phone}</a>'
    if shape == 0:
        return f'<div class="wp-block-group"><h3>{l["visit"]}</h3><p>{esc(b.street)}<br>{esc(tail)}</p>{fax}<p>{link}</p>{mailed}</div>'
    if shape == 1:
        return f'<div class="sqs-block-content"><p>{esc(b.street)}</p><p>{esc(tail)}</p><p>{link}</p>{fax}{mailed}</div>'
    return (f'<div data-testid="richTextElement"><p class="font_8"><span style="font-size:16px">{esc(b.street)},</span></p><p class="font_8"><span>{esc(tail)}</span></p>'
            f'<p class="font_8">{l["phone"]} <span style="text-decoration:underline">{link}</span></p>{fax}{mailed}</div>')


def opening(b, how):
    """Opening hours as plugins emit them: some give closed days as from midnight to midnight."""
    names = {day: (opens, closes) for day, opens, closes in b.hours.each_day()}
    if how == "attr":
        return {"openingHours": [",".join(DAYS[DAYS.index(first):DAYS.index(last) + 1]) + f" {opens}-{closes}" for first, last, opens, closes in b.hours]}
    rows = [{"@type": "OpeningHoursSpecification", "dayOfWeek": f"https://schema.org/{DAY_NAMES[day]}", "opens": times[0], "closes": times[1]} for day, times in names.items()]
    closed = [f"https://schema.org/{DAY_NAMES[day]}" for day in DAYS if day not in names]
    if closed and b.look.get("style", 0) % 2:
        rows.append({"@type": "OpeningHoursSpecification", "dayOfWeek": closed, "opens": "00:00", "closes": "00:00"})
    return {"openingHoursSpecification": rows}


def structured(b, style):
    """What plugins put into the head."""
    how, hours = b.look["markup"], b.look.get("hours")
    people = b.people if b.look.get("people_ld") else []
    if how not in ("jsonld", "graph", "broken"):
        return f'<meta name="description" content="{fill(LEAD[b.lang], b)}"><meta property="og:type" content="website"><meta property="og:site_name" content="{esc(b.name)}">' \
            if b.look.get("vague") else ""
    mine = entity(b, 3) | (opening(b, hours) if hours in ("attr", "spec") else {})
    mine["telephone"] = b.phone.e164 if style % 2 else b.phone.shown(0)
    if how == "jsonld":
        mine |= {"image": f"{b.url}images/storefront.jpg", "priceRange": "$$"}
        if people:
            mine["employee"] = [{"@type": "Person", "givenName": " ".join(one.name.split()[:-1]), "familyName": one.name.split()[-1], "name": one.name, "jobTitle": one.role}
                                for one in people]
        return script(mine)
    if how == "graph":
        mine.pop("@context")
        place = {"@type": ["Organization", "Place", b.trade[1]], "@id": f"{b.url}#organization", **{key: value for key, value in mine.items() if key != "@type"}}
        nodes = [{"@type": "WebPage", "@id": b.url, "url": b.url, "name": f"Home - {b.name}", "isPartOf": {"@id": f"{b.url}#website"}, "about": {"@id": f"{b.url}#organization"}},
                 {"@type": "WebSite", "@id": f"{b.url}#website", "url": b.url, "name": b.name, "publisher": {"@id": f"{b.url}#organization"}}, place]
        nodes += [{"@type": "Person", "name": one.name, "jobTitle": one.role, "worksFor": {"@id": f"{b.url}#organization"}} for one in people]
        return script({"@context": "https://schema.org", "@graph": nodes})
    # Pasted by hand into the wrong box: line breaks within strings, and the quotes of a word processor.
    text = script(mine, indent=2)
    return text.replace('"@type": ', "\u201c@type\u201d: ").replace(", ", ",\n").replace('"priceRange"', "priceRange")


def clock(time, style=0):
    """`17:30` as `5:30pm`, or as `5:30 PM`."""
    hour, minute = int(time[:2]), time[3:]
    half, am = (hour - 1) % 12 + 1, "am" if hour < 12 else "pm"
    return f"{half}{'' if minute == '00' else ':' + minute}{am}" if style == 0 else f"{half}:{minute} {am.upper()}"


def spans(hours, shape):
    """One text for each group of days."""
    dash = ["&ndash;", " - ", " thru "][shape]
    days = [DAY_NAMES[first][:3] if first == last else f"{DAY_NAMES[first][:3]}{dash}{DAY_NAMES[last][:3]}" for first, last, _, _ in hours]
    times = [f"{clock(opens, shape == 1)} {['&ndash;', '-', 'to'][shape]} {clock(closes, shape == 1)}" for _, _, opens, closes in hours]
    return [f"{span}{[' ', ': ', ', '][shape]}{time}" for span, time in zip(days, times)]


def hours(b):
    how, shape = b.look.get("hours"), b.look.get("layout", 0) % 3
    if how == "prose" and b.lang == "en":
        lines = spans(b.hours, shape)
        return [f"<p>{' | '.join(lines)}</p>", f"<p>{'<br>'.join(lines)}</p>", f"<p>We're here {', and '.join(lines)}.</p>"][shape]
    if how == "prose" and b.lang == "de":
        names = dict(zip(DAYS, ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]))
        lines = [f"{names[first]}{'' if first == last else ' – ' + names[last]}: {opens} – {closes} Uhr" for first, last, opens, closes in b.hours]
        return f"<p>{'<br>'.join(lines)}</p>"
    if how == "table":
        rows = {day: f"{clock(opens, shape != 1)} – {clock(closes, shape != 1)}" for day, opens, closes in b.hours.each_day()}
        if b.country == "GB":
            rows = {day: f"{opens} to {closes}" for day, opens, closes in b.hours.each_day()}
        if shape == 0:
            return '<figure class="wp-block-table"><table><tbody>' + "".join(
                f"<tr><td>{DAY_NAMES[day]}</td><td>{rows.get(day, 'CLOSED')}</td></tr>" for day in DAYS) + "</tbody></table></figure>"
        if shape == 1:
            return '<ul class="hours-list">' + "".join(f"<li><span>{DAY_NAMES[day][:3]}</span> <span>{rows.get(day, 'Closed')}</span></li>" for day in DAYS[6:] + DAYS[:6]) + "</ul>"
        return "".join(f'<p class="font_8">{DAY_NAMES[day]}: {rows.get(day, "Closed")}</p>' for day in DAYS)
    return ""


def team(b):
    shape, cards = b.look.get("layout", 0) % 3, []
    for at, one in enumerate(b.people):
        first = one.name.split()[0]
        bio = [f"{first} grew up two blocks from here and still knows everybody's name.", f"Ask {first} about vintage motorcycles.",
               f"When not at work, {first} coaches Little League.", f"{first} joined us straight out of college."][at % 4] if b.lang == "en" else ""
        written = mail(b, one.email) if one.email else ""
        if shape == 0:
            cards.append(f'<div class="wp-block-column"><figure class="wp-block-image"><img src="/wp-content/uploads/staff-{at + 1}.jpg" alt="{esc(one.name)}"></figure>'
                         f'<h4 class="wp-block-heading">{esc(one.name)}</h4><p><em>{esc(one.role)}</em></p><p>{bio}</p>{f"<p>{written}</p>" if written else ""}</div>')
        elif shape == 1:
            cards.append(f'<div class="image-card"><p><strong>{esc(one.name)}, {esc(one.role)}</strong></p><p>{bio} {written}</p></div>')
        else:
            cards.append(f'<div role="listitem"><p class="font_2">{esc(one.name)}</p><p class="font_7">{esc(one.role)}</p><p class="font_8">{bio}</p><p class="font_8">{written}</p></div>')
    return "\n".join(cards)


def legal(b):
    """The Impressum that German law asks for, and what others have in its place."""
    boss = b.people[0] if b.people else None
    titles = {"de": ["Impressum", "Angaben gemäß § 5 TMG", "Vertreten durch die"], "fr": ["Mentions légales", "Le présent site est édité par", "Responsable de la publication,"],
              "es": ["Aviso legal", "En cumplimiento de la LSSI-CE, el titular de este sitio es", "Persona responsable,"],
              "pt": ["Termos e condições", "Este sítio pertence a", "Responsável,"]}[b.lang]
    led = f"<p>{titles[2]} {esc(boss.role)}: {esc(boss.name)}</p>" if boss else ""
    extra = {"de": "<p>Umsatzsteuer-Identifikationsnummer gemäß § 27a UStG: DE999999990</p><p>Die EU-Kommission stellt eine Plattform zur Online-Streitbeilegung bereit.</p>",
             "fr": "<p>SIRET en cours d'attribution. Hébergeur : Serveurs du Rhin.</p>", "es": "<p>Inscrita en el Registro Mercantil.</p>",
             "pt": "<p>Em caso de litígio o consumidor pode recorrer a uma entidade de resolução alternativa.</p>"}[b.lang]
    return f"<h1>{titles[0]}</h1><p>{titles[1]}:</p><p>{esc(b.legal)}</p>{contact(b, 1)}{led}{extra}"


def layout(b, title, main, head="", home=False):
    l, path, shape = words(b), paths(b), b.look.get("layout", 0) % 3
    pages = [("/", l["home"])] + [(path[name], l[name]) for name in ("services", "about")]
    pages += [(path["team"], l["team"])] if b.look.get("team") else []
    pages += [(path["contact"], l["contact"])]
    legal_link = f'<a href="{path["legal"]}">{esc(l["legal"])}</a>' if b.lang in ("de", "fr", "es", "pt") else ""
    foot = contact(b, b.look.get("style", 0)) if b.look.get("where") == "all" or (home and b.look.get("where") == "home") else ""
    foot += b.look.get("foot", "") + legal_link
    full = f"{esc(b.name)} &#8211; {esc(title)}" if not home else [f"{esc(b.name)} &#8211; {fill(LEAD[b.lang], b)}", f"{esc(b.name)}", f"Home | {esc(b.name)}"][shape]
    if b.look.get("broken"):
        nav = " | ".join(f"<A HREF={target}>{esc(name)}" for target, name in pages)
        return (f"<HTML><HEAD><META NAME=GENERATOR CONTENT='Microsoft FrontPage 4.0'><TITLE>{full}</TITLE>{head}<BODY BGCOLOR=#FFFFCC><TABLE WIDTH=780><TR><TD><CENTER><FONT SIZE=6>"
                f"{esc(b.name)}</FONT><BR>{nav}<TR><TD><DIV ALIGN=left><B>{main}</B><TR><TD><HR><I>{foot}</TABLE></FONT></CENTER>Best viewed at 800x600 &amp &#169 {l['rights']}</BODY>")
    base = b.url.rstrip("/")
    if shape == 0:
        nav = "".join(f'<li class="menu-item"><a href="{base}{target}">{esc(name)}</a></li>' for target, name in pages)
        return f"""<!DOCTYPE html>
<html lang="{b.lang}"><head><meta charset="UTF-8"><meta name="generator" content="WordPress 6.4"><title>{full}</title>
<style id="wp-block-library-inline-css">.wp-block-image img{{height:auto;max-width:100%}}</style>{head}</head>
<body class="wp-singular page"><a class="skip-link" href="#primary">Skip to content</a><header class="site-header"><p class="site-title"><a href="{base}/">{esc(b.name)}</a></p>
<nav><ul>{nav}</ul></nav></header><main id="primary"><div class="entry-content">{main}</div></main>
<footer class="site-footer"><div class="widget-area">{foot}</div><p>{l['rights']} Powered by WordPress</p></footer></body></html>"""
    if shape == 1:
        nav = "".join(f'<div class="header-nav-item"><a href="{target}">{esc(name)}</a></div>' for target, name in pages)
        return f"""<!doctype html><html lang="{b.lang}"><head><meta charset="utf-8"><title>{full}</title><meta name="viewport" content="initial-scale=1">{head}
<script>Static = {{"SQUARESPACE_CONTEXT": {{"facebookAppId": "314192535267336", "rollups": {{}}}}}};</script></head><body id="collection" class="tweak-global">
<header id="header"><div class="header-title"><a href="/">{esc(b.name)}</a></div>{nav}</header><main id="page"><article><div class="sqs-layout">{main}</div></article></main>
<footer class="sections">{foot}<div class="sqs-block-content"><p>{l['rights']}</p></div></footer></body></html>"""
    nav = "".join(f'<a data-testid="linkElement" href="{base if target == "/" else target}"><p>{esc(name)}</p></a>' for target, name in pages)
    return f"""<!DOCTYPE html><html lang="{b.lang}"><head><meta charset="utf-8"/><meta name="generator" content="Wix.com Website Builder"/><title>{full}</title>{head}</head>
<body><div id="SITE_CONTAINER"><header id="SITE_HEADER"><h6 class="font_6"><span class="color_15">{esc(b.name)}</span></h6><nav>{nav}</nav></header>
<div id="PAGES_CONTAINER"><div class="mesh">{main}</div></div><footer id="SITE_FOOTER">{foot}<p class="font_9">&#8203;{l['rights']}</p></footer></div></body></html>"""
