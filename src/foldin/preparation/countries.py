"""Names of countries as users type them, normalized to one name for each country.

Unknown names are tidied and kept: no list is complete, and synthetic data has invented countries.
"""

import re

# English short names, and spellings found in data sets.
_KNOWN = """
Afghanistan; Albania; Algeria: algerie; Andorra; Angola; Antigua and Barbuda; Argentina: la argentina; Armenia;
Australia: aussie; Austria: osterreich, österreich; Azerbaijan; Bahamas: the bahamas; Bahrain; Bangladesh; Barbados;
Belarus; Belgium: belgique, belgie, belgië; Belize; Benin; Bermuda; Bhutan; Bolivia;
Bosnia and Herzegovina: bosnia, bih; Botswana; Brazil: brasil; Brunei; Bulgaria; Burkina Faso; Burundi; Cambodia;
Cameroon; Canada; Cape Verde; Cayman Islands; Chad; Chile; China: p.r. china, pr china, people's republic of china;
Colombia; Costa Rica; Croatia: hrvatska; Cuba; Cyprus; Czech Republic: czechia; Denmark: danmark; Dominica;
Dominican Republic; Ecuador; Egypt; El Salvador; Eritrea; Estonia; Ethiopia; Fiji; Finland: suomi; France; Gambia;
Georgia; Germany: deutschland, deutsches reich; Ghana; Gibraltar; Greece: hellas; Grenada; Guatemala; Guernsey; Guinea;
Guinea-Bissau; Guyana; Haiti; Honduras; Hong Kong; Hungary; Iceland; India; Indonesia; Iran: islamic republic of iran;
Iraq; Ireland: republic of ireland, eire; Israel; Italy: italia; Ivory Coast: cote d`ivoire, cote d'ivoire; Jamaica;
Japan: nippon; Jersey; Jordan; Kazakhstan; Kenya; Kosovo; Kuwait; Kyrgyzstan; Laos; Latvia; Lebanon; Lesotho; Liberia;
Libya; Liechtenstein; Lithuania; Luxembourg; Macau; Macedonia: north macedonia; Madagascar; Malawi; Malaysia; Maldives;
Mali; Malta; Mauritania; Mauritius; Mexico: méxico; Micronesia; Moldova; Monaco; Mongolia; Montenegro; Morocco: maroc;
Mozambique; Myanmar: burma; Namibia; Nepal; Netherlands: the netherlands, holland, nederland; Netherlands Antilles;
New Zealand: nz, aotearoa; Nicaragua; Niger; Nigeria; North Korea; Norway: norge; Oman; Pakistan; Palestine; Panama;
Papua New Guinea; Paraguay; Peru: perú; Philippines: the philippines; Poland: polska; Portugal; Puerto Rico; Qatar;
Romania; Russia: russian federation; Rwanda; Saint Lucia: st. lucia; Saint Vincent and the Grenadines; Samoa;
San Marino; Saudi Arabia: ksa; Senegal; Serbia; Seychelles; Sierra Leone; Singapore; Slovakia; Slovenia; Somalia;
South Africa: rsa; South Korea: korea, republic of korea; Spain: españa, espana, catalunya, catalonia, cataluña,
euskal herria, basque country, galiza; Sri Lanka; Sudan; Suriname; Swaziland: eswatini; Sweden: sverige;
Switzerland: schweiz, suisse, svizzera; Syria; Taiwan: r.o.c.; Tajikistan; Tanzania; Thailand; Togo;
Trinidad and Tobago: trinidad, tobago; Tunisia; Turkey: türkiye, turkiye; Turkmenistan; Uganda; Ukraine;
United Arab Emirates: uae, u.a.e, u.a.e.; United Kingdom: uk, u.k., great britain, england, scotland, wales,
northern ireland; United States: usa, us, u.s., u.s.a, u.s.a., united states of america, america; Uruguay: urugua;
Uzbekistan; Vatican City: holy see; Venezuela; Vietnam: viet nam; Yemen; Yugoslavia; Zambia; Zimbabwe
"""
# What users type who do not want to say.
_NOTHING = frozenset(("", "n/a", "na", "none", "null", "nan", "unknown", "the", "universe", "earth", "world", "here"))
_EDGES = " \t\r\n\v\f\u00a0\"'`´.,;:!?*-_/\\()[]<>"


def _spellings() -> dict[str, str]:
    found = {}
    for entry in _KNOWN.replace("\n", " ").split(";"):
        name, _, others = entry.strip().partition(":")
        for spelling in (name, *others.split(",")):
            found[spelling.strip().casefold()] = name
            found[spelling.strip().casefold().strip(_EDGES)] = name
    found.pop("", None)
    return found


SPELLINGS = _spellings()
"""Spelling in small letters → the country's name."""


def normalized(text: str) -> tuple[str | None, bool]:
    """Return the one name of a country, and whether the country is known.

    Parameters
    ----------
    text : str
        What somebody typed: a country, or a place whose last part after a comma is one.

    Returns
    -------
    name : str or None
        Its English short name; the text itself, tidied, where it is none that is known; None where it says nothing.
    known : bool
        Whether it is one of the countries listed here.
    """
    tidy = " ".join(text.rpartition(",")[2].split()).strip(_EDGES)
    key = tidy.casefold()
    if key in _NOTHING or not any(character.isalpha() for character in key):
        return None, False
    for candidate in (key, re.sub(r"^(la|le|l['`´]|the) ?", "", key), _behind_broken_text(key)):
        if candidate in SPELLINGS:
            return SPELLINGS[candidate], True
    return tidy, False


def _behind_broken_text(key: str) -> str:
    # "aragã¾â«â¼ã¡spain": a region whose accents were decoded wrongly, and the country behind it.
    tail = re.search(r"[^\x00-\x7f] ?([a-z ]+)$", key)
    return tail.group(1) if tail else ""
