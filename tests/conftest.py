"""For every test: properties are judged by what holds, never by how long an example took."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("darner", deadline=None)
settings.load_profile("darner")
