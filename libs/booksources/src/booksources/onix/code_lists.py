"""EDItEUR's code lists as words; codes of other meaning are left out."""

FORMS = {  # list 7 of ONIX 2.1 and list 150 of 3.0
    "AA": "Audio",
    "AB": "Audio cassette",
    "AC": "Audio CD",
    "AJ": "Audio download",
    "AN": "Audio download",
    "BA": "Book",
    "BB": "Hardback",
    "BC": "Paperback",
    "BD": "Loose-leaf",
    "BE": "Spiral bound",
    "BF": "Pamphlet",
    "BG": "Leather",
    "BH": "Board book",
    "BI": "Rag book",
    "BJ": "Bath book",
    "BK": "Novelty book",
    "BM": "Big book",
    "BP": "Foam book",
    "DG": "E-book",
    "EA": "E-book",
    "EB": "E-book",
    "EC": "E-book",
    "ED": "E-book",
}

ROLES = {  # list 17
    "A01": "author",
    "A02": "author",
    "A03": "screenwriter",
    "A04": "librettist",
    "A05": "lyricist",
    "A06": "composer",
    "A07": "artist",
    "A08": "photographer",
    "A09": "author",
    "A11": "designer",
    "A12": "illustrator",
    "A13": "photographer",
    "A14": "author",
    "A15": "author of introduction",
    "A19": "author of afterword",
    "A23": "author of foreword",
    "A24": "author of introduction",
    "A36": "cover designer",
    "A38": "author",
    "A43": "interviewer",
    "A44": "interviewee",
    "B01": "editor",
    "B02": "editor",
    "B05": "adapter",
    "B06": "translator",
    "B09": "editor",
    "B10": "editor",
    "B11": "editor",
    "B13": "editor",
    "B18": "editor",
    "C01": "compiler",
    "C02": "compiler",
    "D01": "producer",
    "D02": "director",
    "E03": "narrator",
    "E07": "narrator",
}
"""Role words are those of MARC's relator list; any other code is a `contributor`."""

UNNAMED = {"02": "Anonymous", "03": "et al.", "04": "Various authors", "05": "Synthetic voice"}  # list 19

PRICE_TYPES = {  # list 58: whom a price is for, and whether tax is within
    **dict.fromkeys(("02", "04", "12", "14", "22", "24", "33", "36", "42"), "with_tax"),
    **dict.fromkeys(("01", "03", "11", "13", "21", "23", "31", "35", "41"), "without_tax"),
    **dict.fromkeys(("05", "06", "07", "08", "09", "15", "25", "32", "34", "51", "59", "99"), "trade"),
}

CONSUMER_QUALIFIERS = {"": None, "00": None, "05": None, "08": "promotion"}
LIBRARY_QUALIFIERS = frozenset({"10", "14", "20"})
"""List 59. Any other qualifier (members, export, part of a set, rental, subscription) is no usual price."""

UNPRICED = {"01": "free", "02": "to_be_announced", "04": "on_request"}  # list 57

AVAILABILITY = {
    # List 65, ProductAvailability.
    **dict.fromkeys(("20", "21", "22", "23"), "in_stock"),
    **dict.fromkeys(("10", "11", "12"), "preorder"),
    **dict.fromkeys(("09", "30", "31", "32", "33", "34", "40", "44", "45", "47", "48", "50"), "out_of_stock"),
    **dict.fromkeys(("01", "41", "42", "43", "46", "49", "51", "52"), "delisted"),
    # List 54 of ONIX 2.1, AvailabilityCode.
    **dict.fromkeys(("IP", "MD", "TO", "AD"), "in_stock"),
    **dict.fromkeys(("NP", "NY"), "preorder"),
    **dict.fromkeys(("PP", "OI", "RP", "RU", "TP", "TU", "UR", "RM", "WR", "RF"), "out_of_stock"),
    **dict.fromkeys(("AB", "EX", "OF", "OP", "OR", "WS"), "delisted"),
}

SUBJECT_SCHEMES = {  # list 27
    "01": "dewey",
    "02": "dewey",
    "03": "lcc",
    "04": "lcsh",
    "10": "bisac",
    "12": "bic",
    "20": "keyword",
    "24": "proprietary",
    "29": "clil",
    "59": "vlb",
    "93": "thema",
}

MEASURES = {"01": "height", "02": "width", "03": "thickness", "08": "weight"}  # list 48

DESCRIPTIONS = ("03", "01", "02")
"""Text types, the best first: in list 153, 03 is the description and 02 a short one; in list 33 of ONIX 2.1,
03 is a long description and 01 the main one."""
