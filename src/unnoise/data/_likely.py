"""Numbers that are places, angles, ids or codes by their names and values, or values alone, though nobody said so."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping

import numpy as np

from unnoise.data._numerics import Values

FEWEST = 20  # rows from which values say something
_LATITUDE = {
    *("lat", "latitude", "latitud", "latitudine", "breitengrad", "breedtegraad", "широта", "緯度", "纬度"),
}
_LONGITUDE = {
    *("lon", "lng", "long", "longitude", "longitud", "longitudine", "längengrad", "laengengrad", "lengtegraad"),
    *("долгота", "経度", "经度"),
}
_WIDTH, _LENGTH = {"breite", "szerokość", "šířka"}, {"länge", "laenge", "długość", "délka"}  # which things have, too
_OF_EARTH = re.compile("geo|zeměpisn")
_ANGLES = {
    *("angle", "angles", "direction", "dir", "heading", "bearing", "azimuth", "aspect", "course", "orientation"),
    *("phase", "torsion", "dihedral", "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "chi", "phi", "psi"),
    *("omega", "theta", "eta"),
}
_IDS = {
    *("id", "ids", "identifier", "uid", "pid", "number", "nr", "no", "nummer", "numero", "número", "serial", "account"),
    *("konto", "card", "phone", "telephone", "tel", "mobile", "fax", "isbn", "ean", "upc", "imei", "ssn", "barcode"),
}
_CODES = {"zip", "zipcode", "postcode", "postalcode", "postal", "plz", "postleitzahl", "fips", "naics", "sic"}
_DISTINCT = 0.99  # of the rows, which ids tell apart
_TURNS = {"degrees": 360.0, "radians": 2 * math.pi}
_ROUND, _WHOLE = 0.8, 0.99  # of a turn, which values reach across: of what is called an angle, and of any numbers
_MANY = 200  # rows from which numbers that end where a turn does say something


def likely(columns: Mapping[str, Values]) -> list[tuple[tuple[str, ...], str, str]]:
    """Columns that belong together, the kind that they look like, and in words what that is.

    Args:
        columns: numbers of which no kind was declared, without holes.

    >>> degrees = np.linspace(-180, 179, 100)
    >>> likely({"start_lat": degrees / 3, "start_lon": degrees, "wind_dir": degrees + 180})
    [(('start_lat', 'start_lon'), 'latlon', 'places on the globe'), (('wind_dir',), 'degrees', 'angles in degrees')]
    """
    columns = {name: values for name, values in columns.items() if values.ndim == 1 and len(values) >= FEWEST}
    pairs = list(_places(columns))
    found: list[tuple[tuple[str, ...], str, str]] = [(pair, "latlon", "places on the globe") for pair in pairs]
    taken = {name for pair in pairs for name in pair}
    kinds = {
        name: _angle(values, bool(_words(name) & _ANGLES)) for name, values in columns.items() if name not in taken
    }
    for name, values in columns.items():
        if name not in taken and kinds.get(name) is None and (looks := _label(name, values)) is not None:
            found.append(((name,), *looks))
    for kind in _TURNS:
        names = tuple(name for name, own in kinds.items() if own == kind)
        if names:
            found.append((names, kind, f"angles in {kind}"))
    return found


def _places(columns: Mapping[str, Values]) -> Iterator[tuple[str, str]]:
    """Latitudes with the longitude of the same other words."""
    longitudes = {rest: name for name in columns if (rest := _without(name, _LONGITUDE, _LENGTH)) is not None}
    for name, values in columns.items():
        rest = _without(name, _LATITUDE, _WIDTH)
        other = None if rest is None else longitudes.get(rest)
        if other is None:
            continue
        if _within(values, -90, 90) and _within(columns[other], -180, 360) and np.ptp(values) > 0:
            yield name, other


def _without(name: str, words: set[str], of_things: set[str]) -> frozenset[str] | None:
    """The other words of a name; None without one of these, of which some need the earth beside them."""
    own = _words(name)
    known = words | of_things if any(map(_OF_EARTH.search, own)) else words
    return own - known if own & known else None


def _angle(values: Values, called: bool) -> str | None:
    """The unit, if the values reach across most of one turn, from 0 or from its negative half, and no farther.

    Numbers that are not called an angle must be many and fill a turn of degrees; one of radians other numbers fill too.
    """
    if not called and len(values) < _MANY:
        return None
    for kind, turn in _TURNS.items() if called else (("degrees", 360.0),):
        inside = any(_within(values, low, low + turn) for low in (0.0, -turn / 2))
        if inside and np.ptp(values) >= (_ROUND if called else _WHOLE) * turn:
            return kind
    return None


def _label(name: str, values: Values) -> tuple[str, str] | None:
    """The kind, and in words what it is, of whole numbers that are called ids, each of its own, or codes."""
    words = _words(name)
    if not words & (_IDS | _CODES) or "of" in words or not (values >= 0).all() or not (values == np.rint(values)).all():
        return None
    if words & _CODES:
        return "category", "codes, whose numbers say nothing of how much"
    apart = len(np.unique(values)) >= _DISTINCT * len(values)
    return ("identifier", "ids, as each row has its own") if apart else None


def _within(values: Values, low: float, high: float) -> bool:
    return bool(values.min() >= low and values.max() <= high)


def _words(name: str) -> frozenset[str]:
    """Of a name, in lower case and without digits.

    >>> sorted(_words("pickupLatitude_2")), sorted(_words("Längengrad"))
    (['latitude', 'pickup'], ['längengrad'])
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", unicodedata.normalize("NFC", name))
    return frozenset(word.lower() for word in re.findall(r"[^\W\d_]+", parted))
