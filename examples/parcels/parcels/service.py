"""The service: one question for each parcel, several at a time, and none for what is known."""

import asyncio

from .retry import with_retries


class Service:
    def __init__(self, carrier, memory, at_once=4):
        self._carrier = carrier
        self._memory = memory
        self._places = asyncio.Semaphore(at_once)

    async def where(self, parcel):
        """The place of a parcel, as its carrier names it."""
        known = self._memory.get(parcel)
        if known is not None:
            return known
        place = self._asked(parcel)
        self._memory.put(parcel, place)
        return place

    async def where_all(self, parcels):
        """The places of many parcels, by parcel; each is asked for once."""
        distinct = list(dict.fromkeys(parcels))
        places = await asyncio.gather(*(self.where(parcel) for parcel in distinct))
        return dict(zip(distinct, places))

    async def _asked(self, parcel):
        async with self._places:
            return await with_retries(lambda: self._carrier(parcel))
