import pytest
from orders.catalogue import Catalogue, Product
from orders.order import Order


@pytest.fixture
def catalogue():
    shop = Catalogue()
    shop.add(Product("TEA-1", "Green tea", 4_50, "food", 100))
    shop.add(Product("TEA-2", "Black tea, first flush, loose leaf, in a tin", 7_25, "food", 250))
    shop.add(Product("POT-1", "Tea pot", 32_00, weight=900))
    shop.add(Product("BK-7", "The book of tea", 18_95, "book", 350))
    return shop


@pytest.fixture
def order(catalogue):
    basket = Order(42, "Ada Lovelace")
    basket.add(catalogue.find("TEA-1"), 4)
    basket.add(catalogue.find("POT-1"))
    return basket
