"""Answers that are kept for a while."""


class Memory:
    """Forgets what is older than `seconds`; `now` tells the time, so that tests need not wait."""

    def __init__(self, seconds, now):
        self._seconds = seconds
        self._now = now
        self._kept = {}

    def put(self, key, value):
        self._kept[key] = (self._now(), value)

    def get(self, key):
        """The value, or None when there is none or it is too old."""
        if key not in self._kept:
            return None
        since, value = self._kept[key]
        if self._now() - since >= self._seconds:
            del self._kept[key]
            return None
        return value

    def __len__(self):
        return len(self._kept)
