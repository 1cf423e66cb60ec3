"""The page of a row of one's own."""

from unnoise.look.pages import Visit


def page(look: Visit) -> str:
    return ""
