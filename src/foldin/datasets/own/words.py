"""What columns of users, items, ratings, counts, times and events are often called."""

import re
import unicodedata

WORDS: dict[str, tuple[str, ...]] = {
    "user": (
        *("user", "useri", "usersha1", "customer", "client", "buyer", "member", "reader", "reviewer", "account"),
        *("person", "listener", "visitor", "profile", "player", "student", "kunde", "nutzer", "benutzer", "usuario"),
        *("cliente", "utilisateur", "kaufer", "besteller", "leser", "mitglied", "gast", "horer", "acheteur", "lecteur"),
        *("comprador", "lector", "gebruiker", "klant", "lezer", "lid", "kunden", "subscriber", "respondent"),
        *("borrower", "patron", "guest", "rater", "viewer", "voter"),
    ),
    "item": (
        *(
            "item",
            "movie",
            "film",
            "book",
            "isbn",
            "isbn10",
            "isbn13",
            "product",
            "article",
            "sku",
            "asin",
            "artist",
            "artmbid",
            "track",
        ),
        *("song", "game", "business", "anime", "joke", "recipe", "restaurant", "album", "venue", "location", "course"),
        *("beer", "wine", "app", "news", "video", "artikel", "produkt", "producto", "pelicula", "libro", "livre"),
        *(
            "episode",
            "podcast",
            "buch",
            "lied",
            "spiel",
            "produit",
            "articulo",
            "boek",
            "titleid",
            "titleno",
            "recording",
        ),
    ),
    "rating": (
        *("rating", "ratings", "stars", "star", "score", "rate", "overall", "grade", "reviewscore", "bookrating"),
        *("userrating", "movierating", "reviewoverall", "reviewrating", "bewertung", "sterne", "punkte", "puntuacion"),
        *("valoracion", "calificacion", "waardering", "cijfer", "beoordeling"),
    ),
    "count": (
        *("plays", "count", "weight", "listens", "views", "clicks", "quantity", "purchases", "hours", "playcount"),
        *("n", "freq", "frequency", "times", "visits", "minutes", "listeningminutes", "playtime", "hoursplayed"),
        *("listencount", "playcounts", "qty", "nplays", "minutesplayed", "watchtime", "duration", "menge", "anzahl"),
        *("stuckzahl", "aufrufe", "cantidad", "quantite", "aantal", "quantita", "units"),
    ),
    "time": (
        *("timestamp", "time", "date", "tstamp", "datetime", "ratedat", "createdat", "unixreviewtime", "reviewtime"),
        *("ts", "day", "when", "datum", "fecha", "updatedat", "dateadded", "invoicedate", "reviewdate", "eventtime"),
        *("checkintime", "localtime", "unixtime", "zeit", "zeitpunkt", "zeitstempel", "bestelldatum", "ratedon"),
        *("playedat", "clickedat", "readat", "reviewedat", "orderedat", "tsms", "timestampms", "fechahora", "tijd"),
    ),
    "event": ("event", "eventtype", "action", "behavior", "behaviour", "interaction", "type", "activity", "eventname"),
}
"""What columns of each role are often called, in small letters without anything between them."""
EVENTS = {
    **dict.fromkeys(("view", "click", "pageview", "detail", "impression", "open", "pv", "watch", "play"), 1.0),
    **dict.fromkeys(("like", "fav", "favorite", "favourite", "save", "bookmark", "wishlist", "share", "follow"), 2.0),
    **dict.fromkeys(("addtocart", "cart", "add", "basket", "addtobasket", "checkout"), 3.0),
    **dict.fromkeys(("purchase", "buy", "transaction", "order", "sale", "bought"), 5.0),
}
"""Kinds of events, in small letters without anything between them → the weight that a proposal gives them."""
AGAINST = (
    *("skip", "dislike", "hide", "remove", "removefromcart", "return", "refund", "cancel", "unlike", "unfollow"),
    *("delete", "block", "report", "dismiss", "thumbsdown", "bounce", "unsubscribe"),
)
"""Kinds of events that speak against an item; a proposal leaves them out."""
ATTRIBUTES = (
    *("age", "gender", "sex", "zip", "zipcode", "price", "year", "lat", "lon", "latitude", "longitude", "country"),
    *("city", "title", "name", "genre", "genres", "category", "brand", "device", "session", "sessionid", "review"),
    *("text", "comment", "summary", "helpful", "verified", "language", "occupation", "url", "email", "helpfulvotes"),
    *(
        "totalvotes",
        "row",
        "index",
        "unnamed0",
        "vote",
        "votes",
        "height",
        "weightkg",
        "income",
        "invoice",
        "invoiceno",
    ),
    *("orderid", "transactionid", "amount", "cost", "averagerating", "avgrating", "meanrating", "averagescore"),
    *("umsatz", "preis", "betrag", "strasse", "ort", "stadt", "plz", "land", "rechnung", "rechnungsnummer"),
    *("precio", "importe", "ciudad", "prix", "montant", "ville", "prijs", "bedrag", "revenue", "turnover"),
)
"""What columns of nothing of that are often called."""
SESSIONS = ("session", "sessionid", "sessionkey", "sessid", "visitid", "basketid", "playlistid")
"""What columns of sessions are often called."""
TABLES = {"people": "user", "persons": "user", "accounts": "user", "catalog": "item", "catalogue": "item"}
"""What tables of users and items are often called beside that."""
PLURALS = (("$", ""), ("(?i)s$", ""), ("(?i)es$", ""), ("(?i)ies$", "y"), ("(?i)n$", ""))
"""Endings of plurals, and what stands for them."""
KINDS = re.compile(r":(token|float|token_seq|float_seq)$")
"""What RecBole adds to the names of columns."""
SUFFIX = re.compile(
    r"(ids?|no|nr|num|number|nummer|numero|key|name|code|uuid|guid|hash|title|handle|login|slug|ref|gtin|ean|upc)$"
)

IDS = re.compile(r"(id|no|nr|num|nummer|numero|key|code|uuid|guid|hash|sku)$")


def plain(name: str) -> str:
    """Return a name in small letters, without accents or anything between them: `User-ID` is "userid"."""
    bare = KINDS.sub("", name.strip()).lower()
    if not bare.isascii():
        bare = unicodedata.normalize("NFKD", bare.replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]", "", bare)


def role_of(name: str) -> str:
    """Return the role that a name says, "" where it says none; points stand in names of nested fields."""
    outer, _, last = name.rpartition(".")
    if (role := _role_of(name)) or not outer:
        return role
    # What an id or a name is of, the field around it says.
    return role_of(outer) if SUFFIX.fullmatch(plain(last)) else _role_of(last)


def _role_of(name: str) -> str:
    bare = plain(name)
    stem = SUFFIX.sub("", bare)
    for role, words in WORDS.items():
        if bare in words or (stem in words and role in ("user", "item", "time", "event")):
            return role
        if role in ("rating", "count") and stem in words and stem != bare and len(stem) > 1:
            return role
    return ""


def by_name(names: list[str]) -> dict[str, str]:
    """Return the columns whose names say their role: role → name, that of an id before that of a title."""
    found: dict[str, str] = {}
    for role, all_names in all_by_name(names).items():
        found[role] = min(all_names, key=lambda name: plain(name).endswith(("name", "title")))
    return found


def all_by_name(names: list[str]) -> dict[str, list[str]]:
    """Return role → all columns whose names say it, in the order of `WORDS` and of the columns."""
    found: dict[str, list[str]] = {}
    for name in names:
        if role := role_of(name):
            found.setdefault(role, []).append(name)
    return {role: found[role] for role in WORDS if role in found}


def of_pair(name: str) -> str:
    """Return in which order one name says user and item, as "UserId:ItemId" does; "" where it does not."""
    parts = [part for part in re.split(r"[:;|/#~,]+|__|--", name) if part]
    roles = [role_of(part) for part in parts]
    return "-".join(roles) if sorted(roles) == ["item", "user"] else ""


def is_attribute(name: str) -> bool:
    """Return whether a name is that of a column that is no user, item, rating, count or time."""
    return plain(name) in ATTRIBUTES or any(plain(part) in ATTRIBUTES for part in name.split("."))


def is_id(name: str) -> bool:
    """Return whether a name ends as those of ids do."""
    last = plain(name.rsplit(".", 1)[-1])
    return last == "id" or (IDS.search(last) is not None and not IDS.fullmatch(last))


def is_session(name: str) -> bool:
    """Return whether a name is that of a column of sessions."""
    return plain(name) in SESSIONS


def role_of_table(name: str) -> str:
    """Return of what a table is by its name, as `tbl_films` is of items; "" where it says nothing, or both."""
    parts = [part for part in re.split(r"[\W_\d]+|(?<=[a-z])(?=[A-Z])", name) if len(part) > 2]
    singular = {re.sub(ending, one, part) for part in parts for ending, one in PLURALS}
    roles = {TABLES.get(plain(one), role_of(one)) for one in singular} & {"user", "item"}
    return roles.pop() if len(roles) == 1 else ""
