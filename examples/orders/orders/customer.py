"""Who an order is for."""


def initials(name: str) -> str:
    """The first letter of each word of a name in upper case: `AL` for `Ada lovelace`."""
    raise NotImplementedError
