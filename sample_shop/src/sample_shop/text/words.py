"""The vocabulary.

Accented Latin is here on purpose: a reader that guesses the charset wrongly shows it at once.
"""

CATEGORIES = (
    "Harbour Mysteries",
    "Kitchen Tables",
    "Maps & Wayfinding",
    "Old Railways",
    "Night Sky",
    "Letters & Diaries",
    "Small Islands",
    "Clockwork Tales",
    "Café Conversations",
    "Weather Lore",
    "Mountain Huts",
    "Paper & Ink",
    "River Journeys",
    "Workshop Handbooks",
    "Folk Tales Retold",
    "Quiet Science",
    "Animal Neighbours",
    "Lost Cities",
    "Gardens in Winter",
    "Theatre & Song",
    "Border Stories",
    "Long Walks",
    "Family Ledgers",
    "First Chapters",
)

PLACES = (
    "Šibenik", "Đakovo", "São Bento", "Besançon", "Évora", "Čakovec", "Málaga", "Göteborg", "Lisbon",
    "Trieste", "Coimbra", "Zürich", "Piran", "Alençon", "Ericeira", "Kraków", "Tromsø", "Kotor",
    "Bergen", "Cádiz", "Ostend", "Varaždin", "Skye", "Açores", "Whitby", "Tartu", "Ghent", "Nazaré",
    "Hvar", "Orkney",
)  # fmt: skip

FIRST_NAMES = (
    "Zdenka", "Đorđe", "João", "Françoise", "Inês", "Matija", "Élodie", "Tomé", "Oda", "Clara", "Božo",
    "Ruth", "Sebastião", "Maren", "Šime", "Amélie", "Tilda", "Anselm", "Conceição", "Edwin", "Mirjana",
    "Noor",
)  # fmt: skip

LAST_NAMES = (
    "Šarić", "Đurić", "Magalhães", "Lefrançois", "Brandão", "Holm", "Whitlock", "Peña", "Kovačević",
    "Ahlström", "Gonçalves", "Merriman", "Žagar", "Beaumont", "Tveit", "Okafor", "Délacroix", "Novak",
    "Simões", "Hargreave",
)  # fmt: skip

ADJECTIVES = (
    "Patient", "Borrowed", "Salt-Stained", "Forgotten", "Amber", "Unhurried", "Seventh", "Paper",
    "Crooked", "Silent", "Generous", "Half-Painted", "Northern", "Reluctant", "Moonlit", "Stubborn",
    "Copper", "Wandering", "Plain", "Distant", "Blue", "Careful", "Hollow", "Winter", "Unsent",
    "Gentle",
)  # fmt: skip

NOUNS = (
    "Lighthouse", "Cartographer", "Orchard", "Bicycle", "Clockmaker", "Ferry", "Bakery", "Violin",
    "Telescope", "Archive", "Umbrella", "Beekeeper", "Staircase", "Piano Tuner", "Greenhouse",
    "Postman", "Almanac", "Bridge", "Kettle", "Cellar", "Barometer", "Puppeteer", "Window", "Market",
    "Compass", "Librarian", "Tramway", "Lantern", "Ledger", "Harbour",
)  # fmt: skip

PLURALS = (
    "Teapots", "Winters", "Strangers", "Letters", "Doors", "Sparrows", "Bridges", "Recipes", "Promises",
    "Islands", "Lanterns", "Sisters", "Timetables", "Apples", "Questions", "Rooftops",
)  # fmt: skip

CRAFTS = (
    "Baking", "Waiting", "Mending", "Sailing", "Listening", "Pruning", "Bookbinding", "Getting Lost",
    "Rowing", "Counting", "Whistling", "Keeping Bees", "Reading Maps", "Doing Nothing",
)  # fmt: skip

COUNTS = ("Two", "Three", "Four", "Five", "Seven", "Nine", "Eleven", "Twelve", "Forty", "A Hundred")

TITLE_VOCABULARY = {
    "adjective": ADJECTIVES,
    "noun": NOUNS,
    "plural": PLURALS,
    "place": PLACES,
    "name": FIRST_NAMES,
    "craft": CRAFTS,
    "count": COUNTS,
    "volume": tuple("123456789"),
}

PROSE_VOCABULARY = {
    "adjective": ADJECTIVES,
    "Noun": NOUNS,
    "noun": tuple(map(str.lower, NOUNS)),
    "plural": tuple(map(str.lower, PLURALS)),
    "place": PLACES,
    "name": FIRST_NAMES,
    "surname": LAST_NAMES,
    "craft": tuple(map(str.lower, CRAFTS)),
    "count": tuple(map(str.lower, COUNTS)),
}
