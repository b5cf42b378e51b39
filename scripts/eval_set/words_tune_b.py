"""What the second voice of `tune` is made of. It was held out once, until its wording had been seen while rules were written."""

CITIES = [
    ("Rochester", "NY", "585", ["14604", "14607", "14620"]), ("Rochester", "MN", "507", ["55901", "55902", "55904"]),
    ("Columbia", "SC", "803", ["29201", "29204", "29205"]), ("Columbia", "MO", "573", ["65201", "65202", "65203"]),
    ("Spokane", "WA", "509", ["99201", "99203", "99205"]), ("Toledo", "OH", "419", ["43604", "43606", "43614"]),
    ("Lubbock", "TX", "806", ["79401", "79410", "79423"]), ("Knoxville", "TN", "865", ["37902", "37917", "37919"]),
    ("Peoria", "IL", "309", ["61602", "61604", "61614"]), ("Reno", "NV", "775", ["89501", "89509", "89511"]),
    ("Fresno", "CA", "559", ["93701", "93704", "93720"]), ("Topeka", "KS", "785", ["66603", "66604", "66614"]),
    ("Macon", "GA", "478", ["31201", "31204", "31210"]), ("Roanoke", "VA", "540", ["24011", "24015", "24018"]),
    ("Shreveport", "LA", "318", ["71101", "71104", "71106"]), ("Pueblo", "CO", "719", ["81001", "81003", "81005"]),
    ("Billings", "MT", "406", ["59101", "59102", "59105"]), ("Sioux Falls", "SD", "605", ["57103", "57104", "57105"]),
    ("Burlington", "VT", "802", ["05401", "05403", "05408"]), ("Mount Vernon", "WA", "360", ["98273", "98274", "98284"]),
]
DOUBLES = ("Rochester", "Columbia")
STREETS = ["Washington Street", "Maple Avenue", "Grove Road", "Commerce Drive", "Hillcrest Boulevard", "2nd Avenue", "Station Road", "Pine Street",
           "East Broad Street", "South Park Place", "Orchard Lane", "River Terrace", "Northwest Highway", "Spruce Court"]
STEMS = ["Alder Creek", "Bramble", "Clearwater", "Dogwood", "Evergreen", "Flint Hill", "Gable", "Heron Point", "Indigo", "Jackdaw", "Knollwood",
         "Larkfield", "Meadowlark", "Nighthawk", "Orchard View", "Prairie Rose", "Queensgate", "Red Barn", "Summit", "Three Rivers", "Upland",
         "Valley Forge", "Whistling Pine", "Yellow Door", "Ash Grove", "Bluestem", "Canyon", "Dovetail", "Emberly", "Fairhaven", "Gristmill", "Hawthorne"]
NOBODY = ["Palimpsest", "Vole & Verity", "Umbrage", "Snarkwood", "Hobblethorn", "Jubilant Newt", "Ferrous Finch", "Mothwing", "Quixley",
          "Dapplemere", "Ravelston", "Bittersea"]
TRADES = [
    ("Heating & Cooling", "HVACBusiness", "hvac", "furnaces, air conditioning, duct work"),
    ("Family Chiropractic", "MedicalBusiness", "chiropractor", "adjustments, sports injuries, massage"),
    ("Insurance Agency", "InsuranceAgency", "insurance", "home, auto and farm policies"),
    ("Upholstery", "LocalBusiness", "upholstery", "sofas, boat seats, leather repair"),
    ("Bicycle Shop", "BikeStore", "bicycles", "repairs, rentals, used bikes"),
    ("Optical", "Optician", "optician", "eye exams, glasses, contact lenses"),
    ("Towing", "AutomotiveBusiness", "towing", "roadside help, winching, lockouts"),
    ("Print Shop", "LocalBusiness", "printing", "flyers, banners, wedding cards"),
    ("Piano Studio", "LocalBusiness", "music lessons", "lessons, tuning, recitals"),
    ("Storage", "SelfStorage", "self storage", "climate-controlled units, boxes, truck rental"),
    ("Hair Studio", "HairSalon", "hair salon", "cuts, color, bridal styling"),
    ("Tree Service", "HomeAndConstructionBusiness", "tree service", "pruning, stump grinding, firewood"),
]
GIVEN = ["Adele", "Bruno", "Cecily", "Darius", "Edith", "Floyd", "Gwen", "Harold", "Imani", "Joel", "Kirsten", "Leroy", "Miriam", "Nadia", "Oscar",
         "Pilar", "Rashid", "Stella", "Trent", "Vera", "Amos", "Bianca", "Clyde", "Dolores", "Ezra", "Flora", "Gustav", "Hattie", "Ivo", "Josefina", "Kwame", "Lotte"]
FAMILY = ["Aldous", "Bergeron", "Chandra", "Delacroix", "Espinoza", "Fitch", "Grimaldi", "Holloway", "Ivanov", "Jephson", "Kessler", "Langford",
          "Mbeki", "Nakamura", "Oyelaran", "Petrakis", "Rosario", "Sundberg", "Thackeray", "Underhill", "Varga", "Wexler", "Yamada",
          "Applegate", "Birdsall", "Corrigan", "Duarte", "Ellington", "Fontaine", "Gallo", "Hirsch", "Ingram", "Jablonski", "Keough", "Lazarus", "Munro",
          "Nystrom", "Ostrander", "Pell", "Quigley", "Rooney", "Santoro", "Tilden"]
ROLES = ["Founder", "General Manager", "Front Desk Lead", "Head of Operations", "Account Executive", "Workshop Supervisor", "Practice Administrator"]
LEGAL = ["L.L.C.", "Incorporated", "Corp", "P.C."]
ODD_NAMES = [("Crème & Copper", "hair salon"), ("The Velvet Spoke", "bicycles"), ("Ruiz + Ruiz Insurance", "insurance"), ("Ľuboš Upholstery", "upholstery"),
             ("D'Angelo's Towing", "towing"), ("Müller Optical", "optician"), ("24/7 Tree Service", "tree service"), ("The Ink Pot & Co", "printing")]
CHAINS = [("Comet Car Wash", "AutoWash", "car wash"), ("Tidy Tot Childcare", "ChildCare", "child care"), ("Big Pete's Tire Barn", "TireShop", "tires"),
          ("Noodle Annex", "Restaurant", "restaurant")]
AGGREGATORS = [("bizbeacon-guide.example", "BizBeacon"), ("townfolk-pages.example", "Townfolk Pages")]
AGENCIES = ["Gravel Road Digital", "Studio Umlaut"]
FREEMAIL = ["postbox.example", "quickletter.example"]
MAILBOXES = ["mail", "team", "frontdesk", "inquiries"]

ABROAD = [
    ("DE", "de", "München", "80331", "89", "99998", 3), ("DE", "de", "Frankfurt am Main", "60311", "69", "90009", 3), ("DE", "de", "Berlin", "13353", "30", "23125", 3),
    ("FR", "fr", "Lyon", "69003", "4", "6571", 4), ("FR", "fr", "Toulouse", "31000", "5", "3649", 4),
    ("ES", "es", "Barcelona", "08025", "93", "556", 4), ("PT", "pt", "Porto", "4150-233", "22", "5551", 3), ("GB", "en", "Manchester", "M2 5DB", "161", "4960", 3),
]
ABROAD_NAMES = {
    "de": [("Metzgerei Käfer", "GmbH"), ("Sanitär Hübner", "GmbH & Co. KG"), ("Steuerbüro Jäger", ""), ("Optik Sehwohl", "e.K."),
           ("Physiotherapie Süßmann", ""), ("Fahrradhaus Röhrig", "GmbH")],
    "fr": [("Pâtisserie Château-Gaillard", "SAS"), ("Menuiserie Dubœuf", "SARL"), ("Cabinet Ménard", "SELARL"), ("Cycles Pédalons", "SARL")],
    "es": [("Talleres Muñoz", "S.L."), ("Óptica Gràcia", "S.A."), ("Peluquería Begoña", "S.L.")],
    "pt": [("Livraria Esperança", "Lda."), ("Clínica Foz do Douro", "S.A."), ("Pastelaria Açúcar", "Lda.")],
    "en": [("Ancoats Bookbinders", "Ltd"), ("Peel & Sons Roofing", "Ltd")],
}
ABROAD_STREETS = {"de": ["Rosenheimer Straße", "Bahnhofstr.", "Kirchplatz", "Mühlgasse"], "fr": ["boulevard Voltaire", "place du Marché", "chemin des Vignes"],
                  "es": ["Carrer de Provença", "Plaza Nueva", "Paseo de Gracia"], "pt": ["Rua de Santa Catarina", "Praça da República", "Travessa do Carmo"],
                  "en": ["Deansgate", "Oldham Street", "Quay Street"]}
ABROAD_PEOPLE = {"de": ["Günther Käfer", "Silke Hübner", "Matthias Jäger", "Doreen Süßmann", "Jörg Röhrig", "Annegret Pfaff"],
                 "fr": ["Maëlle Dubœuf", "Noël Ménard", "Aurélie Château", "Gaël Rivière"], "es": ["Begoña Muñoz", "Andreu Solé", "Ángela Gómez"],
                 "pt": ["Simão Esperança", "Lídia Araújo", "Duarte Falcão"], "en": ["Edwin Peel", "Ngozi Adeyemi", "Fiona Cartwright"]}
# What people and the letter box are called there.
ABROAD_ROLES = {"de": ["Geschäftsführer", "Buchhaltung"], "fr": ["Gérant", "Comptable"], "es": ["Gerente", "Recepción"], "pt": ["Gerente", "Secretariado"],
                "en": ["Managing Director", "Bookings"]}
ABROAD_MAILBOXES = {"de": "kontakt", "fr": "bonjour", "es": "hola", "pt": "geral", "en": "enquiries"}
