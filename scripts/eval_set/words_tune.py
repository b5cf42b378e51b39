"""What the half `tune` is made of: its own names, places and trades."""

# City, state, area code, postal codes.
CITIES = [
    ("Asheville", "NC", "828", ["28801", "28803", "28806"]), ("Duluth", "MN", "218", ["55802", "55805", "55811"]),
    ("Boise", "ID", "208", ["83702", "83704", "83706"]), ("Erie", "PA", "814", ["16501", "16505", "16508"]),
    ("Savannah", "GA", "912", ["31401", "31404", "31405"]), ("Tucson", "AZ", "520", ["85701", "85705", "85719"]),
    ("Springfield", "IL", "217", ["62701", "62703", "62704"]), ("Springfield", "MO", "417", ["65802", "65806", "65807"]),
    ("Portland", "OR", "503", ["97204", "97209", "97214"]), ("Portland", "ME", "207", ["04101", "04102", "04103"]),
    ("Dayton", "OH", "937", ["45402", "45409", "45419"]), ("Mobile", "AL", "251", ["36602", "36604", "36608"]),
    ("Madison", "WI", "608", ["53703", "53704", "53711"]), ("Fargo", "ND", "701", ["58102", "58103", "58104"]),
    ("Albany", "NY", "518", ["12203", "12206", "12208"]), ("Ocala", "FL", "352", ["34470", "34471", "34474"]),
    ("St. Petersburg", "FL", "727", ["33701", "33704", "33710"]), ("El Paso", "TX", "915", ["79901", "79902", "79912"]),
    ("Fort Collins", "CO", "970", ["80521", "80524", "80525"]), ("Salem", "OR", "971", ["97301", "97302", "97304"]),
]
# Cities of one name in two states: chains keep away from them.
DOUBLES = ("Springfield", "Portland")
STREETS = ["Main Street", "Oak Avenue", "Mill Road", "Harbor Boulevard", "Cedar Lane", "Union Street", "Prospect Avenue", "Depot Street",
           "North Market Street", "West 3rd Street", "Elm Court", "Chestnut Street", "Lake Drive", "South Ridge Road"]
STEMS = ["Amber", "Birchwood", "Cobalt", "Driftwood", "Elkhorn", "Foxglove", "Granite", "Hollow Oak", "Ironwood", "Juniper", "Kingfisher",
         "Lantern", "Marigold", "Northgate", "Old Mill", "Pinecrest", "Quarry", "Riverbend", "Saltbox", "Thistle", "Umber", "Vesper",
         "Willowbrook", "Yarrow", "Blue Heron", "Copperline", "Stonebridge", "Sandpiper", "Timberline", "Goldfinch", "Harvest Moon", "Cardinal"]
# Only in questions for which there is no business.
NOBODY = ["Zephyrine", "Okapi", "Quillback", "Moonhare", "Brasswick", "Tamarack Hollow", "Nettlecombe", "Gryphonfield", "Ospreyside",
          "Wrenfold", "Larkspurne", "Cindermoor"]
# Name, schema.org type, category, services.
TRADES = [
    ("Plumbing", "Plumber", "plumber", "drain cleaning, water heaters, leak repair"),
    ("Dental", "Dentist", "dentist", "checkups, crowns, whitening"),
    ("Roofing", "RoofingContractor", "roofing", "shingle roofs, gutters, storm repair"),
    ("Bakery", "Bakery", "bakery", "sourdough, birthday cakes, coffee"),
    ("Auto Repair", "AutoRepair", "car repair", "brakes, oil changes, inspections"),
    ("Law Group", "LegalService", "lawyer", "estate planning, real estate closings, small claims"),
    ("Veterinary Clinic", "VeterinaryCare", "veterinarian", "vaccinations, dental care, surgery"),
    ("Hardware", "HardwareStore", "hardware store", "tools, paint, key cutting"),
    ("Landscaping", "HomeAndConstructionBusiness", "landscaping", "lawn care, patios, snow removal"),
    ("Accounting", "AccountingService", "accountant", "tax returns, payroll, bookkeeping"),
    ("Florist", "Florist", "florist", "bouquets, weddings, same-day delivery"),
    ("Electric", "Electrician", "electrician", "panel upgrades, lighting, generators"),
]
GIVEN = ["Ann", "Carla", "Devin", "Elena", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Luis", "Mara", "Nils", "Opal", "Priya", "Tom",
         "Walter", "Yusuf", "Ruth", "Simon", "Beth", "Colin", "Daphne", "Erik", "Fatima", "Gloria", "Henry", "Irene", "Jack", "Leila", "Marco", "Noor"]
FAMILY = ["Abara", "Brandt", "Castellano", "Dufresne", "Eklund", "Farrow", "Goswami", "Haney", "Ibsen", "Jarvis", "Kowal", "Lindqvist",
          "Moreno", "Novak", "Okafor", "Pereira", "Quinlan", "Rasmussen", "Stavros", "Tanaka", "Ulrich", "Voss", "Whitaker",
          "Ashby", "Barlow", "Crane", "Dunmore", "Escobar", "Flanagan", "Greer", "Hobbs", "Iverson", "Keane", "Lowell", "Mercer", "Nash", "Ortega",
          "Pruitt", "Redding", "Salazar", "Thorne", "Vance", "Winslow"]
ROLES = ["Owner", "Office Manager", "Operations Manager", "Service Manager", "Bookkeeper", "Sales Manager", "Lead Technician"]
LEGAL = ["LLC", "Inc.", "Co.", "PLLC"]
# Names that are hard to write: as the sign says, and as the tax office says.
ODD_NAMES = [("Café Zoé", "bakery"), ("The Rusty Hinge", "hardware store"), ("Smith & Daughters Plumbing", "plumber"), ("Þorri & Åse Bakery", "bakery"),
             ("O'Malley's Auto Repair", "car repair"), ("Peña Law Group", "lawyer"), ("A-1 Electric", "electrician"), ("The Flower Cellar", "florist")]
CHAINS = [("Brightway Muffler", "AutoRepair", "car repair"), ("Pronto Paws Grooming", "LocalBusiness", "pet grooming"),
          ("Sunny Side Pancake House", "Restaurant", "restaurant"), ("Kwik Fix Plumbing", "Plumber", "plumber")]
AGGREGATORS = [("localhub-finder.example", "LocalHub Finder"), ("yellowline-listings.example", "Yellowline Listings")]
AGENCIES = ["Pixel Orchard Web Design", "Bluebox Media"]
FREEMAIL = ["freemail.example", "mailbin.example"]
MAILBOXES = ["info", "hello", "contact", "office"]

# Country, language: city, postal code, dialling code, area, digits of the local part, its beginning; state where addresses have one.
ABROAD = [
    ("DE", "de", "Berlin", "10115", "30", "23125", 3), ("DE", "de", "Köln", "50667", "221", "4710", 3), ("DE", "de", "Hamburg", "20095", "40", "66969", 3),
    ("FR", "fr", "Paris", "75011", "1", "9900", 4), ("FR", "fr", "Nantes", "44000", "2", "6191", 4),
    ("ES", "es", "Barcelona", "08010", "93", "555", 4), ("PT", "pt", "Porto", "4050-120", "22", "5550", 3), ("GB", "en", "Leeds", "LS1 4AP", "113", "4960", 3),
]
ABROAD_NAMES = {
    "de": [("Bäckerei Möller", "GmbH"), ("Elektro Schäfer", "GmbH"), ("Kanzlei Groß & Partner", "PartG mbB"), ("Gärtnerei Blütenreich", "e.K."),
           ("Zahnarztpraxis Dr. Weiß", ""), ("Tischlerei Holzwurm", "GmbH & Co. KG")],
    "fr": [("Boulangerie Lefèvre", "SARL"), ("Plomberie de l'Ouest", "SAS"), ("Fleurs d'Émilie", "EURL"), ("Garage Beauséjour", "SARL")],
    "es": [("Panadería Núñez", "S.L."), ("Clínica Dental Sarrià", "S.L.P."), ("Ferretería El Tornillo", "S.L.")],
    "pt": [("Padaria São Bento", "Lda."), ("Oficina Conceição", "Lda."), ("Farmácia Boavista", "Lda.")],
    "en": [("Hartley & Moss Joinery", "Ltd"), ("Aireside Cycles", "Ltd")],
}
ABROAD_STREETS = {"de": ["Lindenstraße", "Schillerstraße", "Am Markt", "Gartenweg"], "fr": ["rue des Lilas", "avenue Jean Jaurès", "rue du Moulin"],
                  "es": ["Calle Mayor", "Carrer de Mallorca", "Avenida del Puerto"], "pt": ["Rua das Flores", "Avenida da Liberdade", "Rua do Almada"],
                  "en": ["Kirkgate", "Wellington Street", "Park Row"]}
ABROAD_PEOPLE = {"de": ["Jürgen Möller", "Sabine Schäfer", "Ulrike Groß", "Anke Weiß", "Björn Krüger", "Heike Vogel"],
                 "fr": ["Émilie Lefèvre", "Luc Garnier", "Hélène Besson", "Benoît Faure"], "es": ["Íñigo Núñez", "Montserrat Puig", "José Ibáñez"],
                 "pt": ["João Conceição", "Inês Guimarães", "Rui Magalhães"], "en": ["Alice Hartley", "Graham Moss", "Priti Desai"]}
# What people and the letter box are called there.
ABROAD_ROLES = {"de": ["Geschäftsführer", "Buchhaltung"], "fr": ["Gérant", "Comptable"], "es": ["Gerente", "Recepción"], "pt": ["Gerente", "Secretariado"],
                "en": ["Managing Director", "Bookings"]}
ABROAD_MAILBOXES = {"de": "kontakt", "fr": "bonjour", "es": "hola", "pt": "geral", "en": "enquiries"}
