"""When work that nobody asked for must wait: the machine belongs to the user."""

from __future__ import annotations

import os

import psutil

_BUSY = 1.5
"""Load average of the last minute, per core, above which nothing is begun unasked."""


def reason_to_rest() -> str:
    """One sentence, or nothing when there is none."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is not None and battery.power_plugged is False:
        return "On battery: nothing is searched unasked."
    if os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1):
        return "The machine is busy: nothing is searched unasked."
    return ""
