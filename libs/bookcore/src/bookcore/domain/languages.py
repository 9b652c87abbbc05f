"""One code for each language: `en`, `eng`, `English` and `en-GB` are `en`.

Codes are those of ISO 639-1, of ISO 639-3 where it has none; names are English and the language's own.
"""

from collections.abc import Iterator

_LONGEST_CODE = 3
_TABLE = """
af afr Afrikaans
am amh Amharic አማርኛ
ar ara Arabic العربية
az aze Azerbaijani Azərbaycan
be bel Belarusian Беларуская
bg bul Bulgarian Български
bn ben Bengali বাংলা
bo tib bod Tibetan
bs bos Bosnian Bosanski
ca cat Catalan Català
cs cze ces Czech Čeština
cy wel cym Welsh Cymraeg
da dan Danish Dansk
de ger deu German Deutsch Nemački Niemiecki Allemand Alemán Tedesco
el gre ell Greek Ελληνικά
en eng English Engleski Englisch Anglais Inglés Inglese Angielski Engels Inglês
eo epo Esperanto
es spa Spanish Español Castellano Španski Spanisch Espagnol Spagnolo
et est Estonian Eesti
eu baq eus Basque Euskara
fa per fas Persian Farsi فارسی
fi fin Finnish Suomi
fr fre fra French Français Francuski Französisch Francés Francese
ga gle Irish Gaeilge
gl glg Galician Galego
gu guj Gujarati ગુજરાતી
he heb Hebrew עברית
hi hin Hindi हिन्दी
hr hrv scr Croatian Hrvatski
hu hun Hungarian Magyar
hy arm hye Armenian Հայերեն
id ind Indonesian
is ice isl Icelandic Íslenska
it ita Italian Italiano Italijanski Italienisch Italien
ja jpn Japanese 日本語
ka geo kat Georgian ქართული
kk kaz Kazakh Қазақ
km khm Khmer
kn kan Kannada ಕನ್ನಡ
ko kor Korean 한국어
la lat Latin Latina
lb ltz Luxembourgish
lt lit Lithuanian Lietuvių
lv lav Latvian Latviešu
mi mao mri Maori Māori
mk mac mkd Macedonian Македонски
ml mal Malayalam മലയാളം
mn mon Mongolian Монгол
mr mar Marathi मराठी
ms may msa Malay Melayu
mt mlt Maltese Malti
my bur mya Burmese
nb nob Bokmål
ne nep Nepali नेपाली
nl dut nld Dutch Nederlands Flemish Holandski
nn nno Nynorsk
no nor Norwegian Norsk
oc oci Occitan
pa pan Punjabi Panjabi ਪੰਜਾਬੀ
pl pol Polish Polski
ps pus Pashto
pt por Portuguese Português Portugalski
ro rum ron Romanian Română Rumunski
ru rus Russian Русский Ruski
sa san Sanskrit
si sin Sinhala Sinhalese සිංහල
sk slo slk Slovak Slovenčina
sl slv Slovenian Slovene Slovenščina
sq alb sqi Albanian Shqip
sr srp scc Serbian Srpski Српски
sv swe Swedish Svenska
sw swa Swahili Kiswahili
ta tam Tamil தமிழ்
te tel Telugu తెలుగు
th tha Thai ไทย
tl tgl Tagalog Filipino
tr tur Turkish Türkçe
uk ukr Ukrainian Українська
ur urd Urdu اردو
uz uzb Uzbek
vi vie Vietnamese
yi yid Yiddish
zh chi zho cmn Chinese Mandarin 中文
zu zul Zulu
ang ang Old\u00a0English
grc grc Ancient\u00a0Greek
enm enm Middle\u00a0English
mul mul Multiple\u00a0languages
"""


def normalise_language(text: str) -> str:
    """The code of a code or name, without region or script; another text as it is."""
    word = " ".join(text.split())
    base = word.replace("_", "-").partition("-")[0]
    known = _CODES.get(word.casefold())
    if known is None and len(base) <= _LONGEST_CODE:
        known = _CODES.get(base.casefold())
    return known or word


def _list_codes() -> Iterator[tuple[str, str]]:
    for line in _TABLE.strip().splitlines():
        code, *others = line.split(" ")
        for word in (code, *others):
            yield word.replace("\u00a0", " ").casefold(), code


_CODES = dict(_list_codes())
