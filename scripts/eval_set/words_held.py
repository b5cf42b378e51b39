"""What the half `held_out` is made of. No rule and no threshold may be fitted to a word of it."""

CITIES = [
    ("Columbus", "OH", "614", ["43201", "43206", "43215"]), ("Columbus", "GA", "706", ["31901", "31904", "31906"]),
    ("Jackson", "MS", "601", ["39201", "39206", "39211"]), ("Jackson", "TN", "731", ["38301", "38305", "38356"]),
    ("Wilmington", "DE", "302", ["19801", "19805", "19806"]), ("Wilmington", "NC", "910", ["28401", "28403", "28405"]),
    ("Eugene", "OR", "541", ["97401", "97402", "97405"]), ("Chattanooga", "TN", "423", ["37402", "37405", "37421"]),
    ("Tulsa", "OK", "918", ["74103", "74104", "74114"]), ("Wichita", "KS", "316", ["67202", "67203", "67208"]),
    ("Lincoln", "NE", "402", ["68502", "68508", "68516"]), ("Des Moines", "IA", "515", ["50309", "50311", "50312"]),
    ("Green Bay", "WI", "920", ["54301", "54303", "54311"]), ("Grand Rapids", "MI", "616", ["49503", "49504", "49506"]),
    ("Akron", "OH", "330", ["44303", "44308", "44313"]), ("Lancaster", "PA", "717", ["17601", "17602", "17603"]),
    ("Santa Fe", "NM", "505", ["87501", "87505", "87507"]), ("Tacoma", "WA", "253", ["98402", "98403", "98407"]),
    ("Bakersfield", "CA", "661", ["93301", "93304", "93309"]), ("Waco", "TX", "254", ["76701", "76706", "76710"]),
]
# Cities of one name in two states: chains keep away from them.
DOUBLES = ("Columbus", "Jackson", "Wilmington")
STREETS = ["Jefferson Avenue", "Locust Street", "Old Mission Road", "Franklin Street", "N. Sycamore Street", "Fairgrounds Road", "Walnut Street", "5th Street",
           "Canal Street", "SE 14th Street", "Tyler Parkway", "County Road 12", "Magnolia Boulevard", "Bluff View Drive", "W. Lincoln Way", "Hickory Lane",
           "Monument Square", "Railroad Avenue"]
STEMS = ["Anchor", "Badger", "Copper Kettle", "Dragonfly", "Eastbank", "Fourth Generation", "Gooseneck", "High Desert", "Island", "Jubilee", "Keystone", "Lone Elm",
         "Magpie", "Northern Lights", "Overland", "Pelican", "Quiet Waters", "Rocking Chair", "Silver Maple", "Twin Bridges", "Uptown", "Vintage", "Whistle Stop",
         "Yonder", "Bear Paw", "Crossroads", "Half Moon", "Little Acorn", "Mockingbird", "Patriot", "Sunflower", "True North"]
NOBODY = ["Vermicello", "Pangolin", "Halberdine", "Snowglass", "Quaggamire", "Tumblefinch", "Ottersedge", "Mossgrave", "Kestrelby", "Wolframite", "Piccalil", "Umbravale"]
# Name, schema.org type, category, services.
TRADES = [
    ("Heating & Air", "HVACBusiness", "heating and cooling", "furnace tune-ups, heat pumps, duct cleaning"),
    ("Chiropractic", "Chiropractor", "chiropractor", "adjustments, sports massage, X-rays"),
    ("Pest Control", "LocalBusiness", "pest control", "termite treatments, rodent proofing, mosquito plans"),
    ("Garden Center", "GardenStore", "garden center", "perennials, mulch by the yard, pond plants"),
    ("Jewelers", "JewelryStore", "jeweler", "ring sizing, watch batteries, appraisals"),
    ("Yoga", "HealthClub", "yoga studio", "beginner classes, prenatal yoga, private sessions"),
    ("Pharmacy", "Pharmacy", "pharmacy", "compounding, flu shots, blister packs"),
    ("Movers", "MovingCompany", "moving company", "local moves, packing, piano moving"),
    ("Floors", "HomeAndConstructionBusiness", "flooring", "hardwood refinishing, tile, luxury vinyl"),
    ("Kennels", "LocalBusiness", "dog boarding", "boarding, doggy day care, training"),
    ("Coffee Roasters", "CafeOrCoffeeShop", "coffee", "espresso, beans by the pound, cupping classes"),
    ("Surveying", "ProfessionalService", "land surveyor", "boundary surveys, elevation certificates, plat maps"),
]
GIVEN = ["Aaron", "Brenda", "Curtis", "Deepa", "Eduardo", "Felicia", "Gordon", "Heather", "Ignacio", "Janelle", "Kenji", "Lucinda", "Malik", "Natalie", "Owen",
         "Paulette", "Quentin", "Renée", "Sanjay", "Tabitha", "Ursula", "Vincent", "Wendy", "Xiomara", "Yolanda", "Zachary", "Angus", "Bettina", "Cyrus", "Deirdre",
         "Emmett", "Faith", "Giovanna", "Hollis", "Ivy", "Jerome"]
FAMILY = ["Alvarado", "Beckett", "Chowdhury", "Donnelly", "Engstrom", "Frazier", "Gutierrez", "Hathaway", "Isaacson", "Jimenez", "Kaminski", "Lattimore", "MacLeod",
          "Nguyen", "O'Rourke", "Pfeiffer", "Quiroga", "Rutledge", "Schultz", "Treadwell", "Uribe", "Villanueva", "Washburn", "Yoder", "Zielinski", "Abernathy",
          "Bloomfield", "Cavanaugh", "Dempsey", "Eberhardt", "Fenwick", "Goldberg", "Hutchins", "Jorgensen", "Kirkland", "Lindgren", "McAllister", "Norwood",
          "Overstreet", "Prescott", "Ramsey", "Sorensen"]
ROLES = ["President", "Co-Owner", "Customer Service Manager", "Marketing Coordinator", "Project Estimator", "Scheduling & Dispatch", "Vice President", "Controller"]
LEGAL = ["LLC", "Inc", "Ltd.", "Company"]
ODD_NAMES = [("Señor Bean Coffee Roasters", "coffee"), ("The Itchy Pup", "dog boarding"), ("Nguyễn & Daughters Jewelers", "jeweler"), ("H2O Garden Center", "garden center"),
             ("McAllister's Pharmacy", "pharmacy"), ("Yoga @ the Mill", "yoga studio"), ("Two Guys & a Truck Movers", "moving company"), ("Floors, Etc.", "flooring")]
CHAINS = [("Zippy Lube Express", "AutoRepair", "oil change"), ("Grandma Dee's Chicken", "FastFoodRestaurant", "restaurant"),
          ("ClearSmile Orthodontics", "Dentist", "orthodontist"), ("Mattress Harbor", "FurnitureStore", "mattresses")]
AGGREGATORS = [("neighborly-index.example", "Neighborly Index"), ("mainstreetdex.example", "MainStreetDex"), ("top10-locals.example", "Top 10 Locals")]
AGENCIES = ["Tall Pine Marketing", "WebWorks 360"]
FREEMAIL = ["openmail.example", "ruralnet.example"]
MAILBOXES = ["sales", "service", "admin", "hi"]

ABROAD = [
    ("DE", "de", "Offenbach am Main", "63065", "69", "90009", 3), ("DE", "de", "Unterhaching", "82008", "89", "99998", 3),
    ("DE", "de", "Norderstedt", "22846", "40", "66969", 3), ("FR", "fr", "Strasbourg", "67000", "3", "5301", 4), ("FR", "fr", "Rennes", "35000", "2", "6191", 4),
    ("ES", "es", "Valencia", "46003", "96", "355", 4), ("PT", "pt", "Lisboa", "1200-109", "21", "5552", 3), ("GB", "en", "Bristol", "BS1 4DJ", "117", "4960", 3),
]
ABROAD_NAMES = {
    "de": [("Malerbetrieb Schröter", "GmbH"), ("Blumen Lüdtke", ""), ("Hörgeräte Wiechmann", "GmbH & Co. KG"), ("Autohaus Nagel", "GmbH"),
           ("Café Stübchen", "UG (haftungsbeschränkt)"), ("Rechtsanwälte Öztürk & Brandl", "PartG mbB")],
    "fr": [("Chocolaterie Weiss-Muller", "SAS"), ("Électricité Kerguélen", "SARL"), ("Opticiens du Faubourg", "SARL"), ("Fromagerie La Tomme", "EURL")],
    "es": [("Horchatería Llopis", "S.L."), ("Reformas Peñalver", "S.L.U."), ("Academia Turia", "S.L.")],
    "pt": [("Sapataria Lisbonense", "Lda."), ("Clínica Veterinária Estrela", "Lda."), ("Gráfica Palmeira", "Unipessoal Lda.")],
    "en": [("Clifton Clock Repairs", "Ltd"), ("Harbourside Framing", "Ltd")],
}
ABROAD_STREETS = {"de": ["Goethestraße", "Hauptstr.", "Am Alten Bahnhof", "Kastanienallee"], "fr": ["rue de la Fonderie", "quai des Bateliers", "allée des Tilleuls"],
                  "es": ["Calle de la Paz", "Avenida Blasco Ibáñez", "Plaza del Carmen"], "pt": ["Rua da Boavista", "Calçada do Combro", "Avenida Almirante Reis"],
                  "en": ["Corn Street", "Gloucester Road", "Whiteladies Road"]}
ABROAD_PEOPLE = {"de": ["Torsten Schröter", "Gisela Lüdtke", "Aylin Öztürk", "Holger Nagel", "Katrin Wiechmann", "Rüdiger Brandl"],
                 "fr": ["Céline Weiss", "Yann Kerguélen", "Odile Perrot", "Thierry Blanchard"], "es": ["Amparo Llopis", "Vicente Peñalver", "Nuria Ferrándiz"],
                 "pt": ["Teresa Nogueira", "Gonçalo Palmeira", "Filipa Brandão"], "en": ["Rosalind Tucker", "Darren Coombes", "Meera Shah"]}
ABROAD_ROLES = {"de": ["Geschäftsführung", "Empfang"], "fr": ["Direction", "Accueil"], "es": ["Dirección", "Atención al cliente"], "pt": ["Gerência", "Receção"],
                "en": ["Director", "Workshop Manager"]}
ABROAD_MAILBOXES = {"de": "post", "fr": "accueil", "es": "administracion", "pt": "loja", "en": "hello"}
