import pytest
from orders.importer import ImportProblem, import_order, parse_quantity


def test_a_plain_quantity():
    assert parse_quantity(" 12 ") == 12


@pytest.mark.parametrize("text", ["", "many", "1.5"])
def test_a_quantity_that_is_none(text):
    with pytest.raises(ValueError):
        parse_quantity(text)


def test_quantities_in_words():
    assert parse_quantity("12 pcs") == 12
    assert parse_quantity("2 dozen") == 24
    assert parse_quantity(" 1 dozen ") == 12


def test_import(catalogue):
    order = import_order("# weekly\n4; TEA-1\n\n1; pot-1\n", catalogue, 7, "Grace Hopper")
    assert [(line.product.sku, line.quantity) for line in order] == [("TEA-1", 4), ("POT-1", 1)]


@pytest.mark.parametrize(
    ("text", "why"),
    [("4 TEA-1", "line 1: expected"), ("1; TEA-1\n2; X", "line 2: unknown product"), ("x; TEA-1", "line 1: 'x' is not")],
)
def test_import_names_the_line(text, why, catalogue):
    with pytest.raises(ImportProblem, match=why):
        import_order(text, catalogue, 7, "Grace Hopper")
