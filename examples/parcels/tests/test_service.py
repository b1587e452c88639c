import asyncio

from parcels.memory import Memory
from parcels.service import Service

PLACES = {"A1": "Kiel", "B2": "Hamburg", "C3": "Bremen"}


def service(asked):
    async def carrier(parcel):
        asked.append(parcel)
        return PLACES[parcel]

    return Service(carrier, Memory(60, lambda: 0))


def test_a_known_parcel_is_not_asked_for():
    asked = []

    async def story():
        memory = Memory(60, lambda: 0)
        memory.put("A1", "Kiel")
        return await Service(None, memory).where("A1")

    assert asyncio.run(story()) == "Kiel"
    assert asked == []


def test_where_names_the_place():
    assert asyncio.run(service([]).where("B2")) == "Hamburg"


def test_no_parcels_have_no_places():
    assert asyncio.run(service([]).where_all([])) == {}
