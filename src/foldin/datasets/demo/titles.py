"""Synthetic titles and names for the built-in data set, combined from words that suit an item's theme."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


@dataclass(frozen=True)
class Theme:
    """What a genre is about, whatever the domain: its name as a genre of each, and the words of its titles."""

    genres: dict[str, str]
    adjectives: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]


def _theme(books: str, movies: str, music: str, adjectives: str, things: str, places: str) -> Theme:
    genres = {"books": books, "movies": movies, "music": music}
    return Theme(genres, _words(adjectives), _words(things), _words(places))


THEMES = (
    _theme(
        "Mystery", "Crime", "Jazz",
        "Silent, Borrowed, Locked, Crooked, Nameless, Cold, Unsigned, Patient",
        "Witness, Alibi, Ledger, Verdict, Lodger, Inheritance, Night Porter, Fingerprint, Auction, Informant",
        "Marrow Lane, the Blue Lantern, Gallows Quay, the Last Tram, Harrow Street, the Velvet Room",
    ),
    _theme(
        "Science Fiction", "Science Fiction", "Electronic",
        "Distant, Hollow, Orbital, Sleeping, Second, Weightless, Synthetic, Unmapped",
        "Signal, Colony, Engine, Satellite, Archive, Machine, Horizon, Pilot, Equation, Antenna",
        "Io Station, the Outer Ring, Sector Nine, Europa, the Glass Moon, Meridian",
    ),
    _theme(
        "Romance", "Romance", "Soul",
        "Tender, Unsent, Reckless, Hidden, Summer, Faithful, Secret, Gentle",
        "Promise, Letter, Heart, Stranger, Wedding, Waltz, Kiss, Neighbour, Confession, Orchard",
        "Rosewater Bay, the Lemon Grove, Lisbon, Willow Street, the Dance Hall, San Marino",
    ),
    _theme(
        "History", "Drama", "Classical",
        "Forgotten, Gilded, Broken, Winter, Solemn, Exiled, Iron, Faded",
        "Crown, Cartographer, Regiment, Portrait, Treaty, Cathedral, Duchess, Bell, Chronicle, Siege",
        "Trieste, the Old Bridge, Königsberg, the Northern Gate, Ravenna, the Salt Road",
    ),
    _theme(
        "Fantasy", "Adventure", "Folk",
        "Wandering, Golden, Thorned, Ancient, Moonlit, Enchanted, Wild, Lost",
        "Dragon, Lantern, Raven, Kingdom, Ferryman, Compass, Forest, Oracle, Blade, River",
        "Elderwood, the Misty Isles, Thornwall, the Hidden Valley, Ashmere, the Ninth Gate",
    ),
    _theme(
        "Humour", "Comedy", "Pop",
        "Awkward, Brilliant, Unlikely, Cheerful, Accidental, Sleepy, Neon, Ridiculous",
        "Umbrella, Landlord, Holiday, Parrot, Sandwich, Cousin, Karaoke, Weekend, Haircut, Bicycle",
        "the Corner Shop, Platform Four, Pudding Hill, the Laundrette, Brighton, the Wrong Hotel",
    ),
    _theme(
        "Nature", "Documentary", "Ambient",
        "Slow, Quiet, Tidal, Green, Migrating, Patient, Open, Northern",
        "Glacier, Heron, Meadow, Tide, Beekeeper, Estuary, Snowfall, Garden, Whale, Lichen",
        "the Fens, Lake Orrin, the Tundra, Cormorant Point, the Cloud Forest, the Long Shore",
    ),
    _theme(
        "Horror", "Horror", "Metal",
        "Pale, Whispering, Buried, Crimson, Starving, Hollow, Burning, Nocturnal",
        "Scarecrow, Crypt, Mirror, Hunger, Asylum, Ritual, Effigy, Grave, Swarm, Lullaby",
        "Blackwater, the Attic, Harm's Hollow, the Drowned Church, Mourning Hill, the Thirteenth Floor",
    ),
)  # fmt: skip
PATTERNS = {
    "books": (
        "The {adjective} {thing}",
        "The {thing} of {place}",
        "What the {thing} Knew",
        "A Winter in {place}",
        "The Road to {place}",
        "Letters from {place}",
        "A Short History of the {thing}",
    ),
    "movies": (
        "{adjective} {thing}",
        "Midnight at {place}",
        "Return to {place}",
        "Seven Days in {place}",
        "The {thing}",
        "Before the {thing}",
        "The {adjective} {thing} of {place}",
    ),
    "music": (
        "The {thing} Suite",
        "Songs for the {adjective} {thing}",
        "Live at {place}",
        "{place} Sessions",
        "Dancing with the {thing}",
        "{adjective} Hours",
        "Nocturne for {place}",
    ),
}
GIVEN = _words(
    "Ada, Amara, Anselm, Beatriz, Bruno, Chidi, Clara, Davit, Edda, Elif, Emeka, Farida, Goran, Hana, Ilse, Ines, "
    "Ivo, Jun, Kavya, Leif, Lucia, Malik, Mei, Mirela, Nadia, Noor, Oskar, Pilar, Rasmus, Ravi, Sana, Soren, Tariq, "
    "Thandi, Una, Vera, Wanjiru, Yara, Yusuf, Zofia"
)
FAMILY = _words(
    "Abara, Albrecht, Baptista, Bielska, Castellan, Dahl, Devane, Ekholm, Ferreira, Galanis, Harcourt, Ishida, "
    "Jansson, Kaplan, Kowal, Lindqvist, Maduro, Mbeki, Moravec, Nakano, Novak, Okafor, Oyelaran, Pereira, Quill, "
    "Rahimi, Rosen, Sandoval, Sato, Sharma, Tanaka, Thorne, Ueda, Varga, Whitlock, Xu, Yilmaz, Zamora"
)
BAND = _words(
    "Copper, Paper, Velvet, Midnight, Electric, Marble, Crooked, Silver, Hollow, Tiny, Distant, Painted, Amber, "
    "Winter, Static, Lucky, Wooden, Northern, Scarlet, Borrowed"
)
BAND_OF = _words(
    "Lanterns, Foxes, Cathedrals, Engines, Sparrows, Tigers, Parade, Orchestra, Telephones, Rivers, Ghosts, "
    "Machines, Gardens, Brothers, Satellites, Saints, Umbrellas, Wolves, Choir, Strangers"
)


def _shuffled(texts: list[str], rng: np.random.Generator) -> list[str]:
    return [texts[place] for place in np.argsort(rng.random(len(texts)))]


def _endless(texts: list[str], sequel: str) -> Iterator[str]:
    yield from texts
    for number in itertools.count(2):
        yield from (sequel.format(text, number) for text in texts)


def _all_titles(theme: Theme, patterns: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    # Patterns take turns: some give few titles and some hundreds, and the reader should see them equally often.
    words = list(itertools.product(theme.adjectives, theme.things, theme.places))
    by_pattern = []
    for pattern in patterns:
        made = {pattern.format(adjective=adj, thing=thing, place=place) for adj, thing, place in words}
        by_pattern.append(_shuffled(sorted(made), rng))
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_pattern))
    return [title[0].upper() + title[1:] for title in turns if title]


def titles(domains: list[str], themes: list[int], rng: np.random.Generator) -> list[str]:
    """Make a title up for every item; no two are alike.

    Parameters
    ----------
    domains : list of str, length n
        "books", "movies" or "music".
    themes : list of int, length n
        Indices into `THEMES`.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    list of str, length n
        Titles. Where the words run out, sequels follow.
    """
    supply = {
        (domain, number): _endless(_all_titles(theme, patterns, rng), "{}, Part {}")
        for domain, patterns in PATTERNS.items()
        for number, theme in enumerate(THEMES)
    }
    used: set[str] = set()
    chosen = []
    for key in zip(domains, themes, strict=True):
        title = next(text for text in supply[key] if text not in used)
        used.add(title)
        chosen.append(title)
    return chosen


def creators(domain: str, n: int, rng: np.random.Generator) -> list[str]:
    """Make up the names of n creators of a domain, all different: people, or bands where the domain is music.

    Parameters
    ----------
    domain : str
        "books", "movies" or "music".
    n : int
        How many.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    list of str, length n
        Names.
    """
    if domain == "music":
        names = [f"The {first} {second}" for first, second in itertools.product(BAND, BAND_OF)]
    else:
        names = [f"{first} {second}" for first, second in itertools.product(GIVEN, FAMILY)]
    return list(itertools.islice(_endless(_shuffled(names, rng), "{} {}"), n))
