"""What the shop sells."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    price: int
    """Cents, without tax."""
    category: str = "standard"
    weight: int = 0
    """Grams."""


class UnknownProduct(KeyError):
    """Nothing is sold under this number."""

    def __str__(self) -> str:
        return f"unknown product {self.args[0]!r}"


@dataclass
class Catalogue:
    products: dict[str, Product] = field(default_factory=dict)

    def add(self, product: Product) -> None:
        sku = normalise_sku(product.sku)
        if sku in self.products:
            raise ValueError(f"{sku} is already in the catalogue")
        self.products[sku] = product

    def find(self, sku: str) -> Product:
        try:
            return self.products[normalise_sku(sku)]
        except KeyError:
            raise UnknownProduct(sku) from None

    def search(self, words: str) -> list[Product]:
        """Products whose names hold every word, cheapest first."""
        wanted = words.lower().split()
        found = [p for p in self.products.values() if all(w in p.name.lower() for w in wanted)]
        return sorted(found, key=lambda p: (p.price, p.sku))


def normalise_sku(sku: str) -> str:
    """Article numbers are compared without blanks and in upper case."""
    return "".join(sku.split()).upper()
