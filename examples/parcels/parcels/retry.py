"""Ask again when a carrier fails, a few times, with growing pauses."""

import asyncio


class Unreachable(Exception):
    """A carrier that did not answer; asking again may help."""


async def with_retries(ask, tries=3, pause=0.0):
    """What `ask()` gives. Raises Unreachable when it failed `tries` times."""
    attempt = 1
    while True:
        try:
            return await ask()
        except Unreachable:
            if attempt > tries:
                raise
            await asyncio.sleep(pause * 2 ** (attempt - 1))
            attempt += 1
