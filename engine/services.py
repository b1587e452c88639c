"""Does a failure say that something beyond the machine's own files could not be reached: a network, a database?"""

from __future__ import annotations

import re
from pathlib import Path

from ..sandbox.types import Failure

_NETWORK = re.compile(
    r"Network is unreachable|name resolution|Name or service not known|No address associated|getaddrinfo failed"
    r"|nodename nor servname|NameResolutionError"
)
_DATABASE = re.compile(
    r"could not connect to server|connection to server at .{1,200} failed|Can't connect to .{0,40}MySQL"
    r"|ServerSelectionTimeoutError|Error \d+ connecting to |NoBrokersAvailable|Is the server running"
    r"|\.s\.PGSQL\.|mysqld?\.sock|DatabaseConnectionError|Cannot connect to the Docker daemon"
)
_REFUSED = re.compile(r"Connection refused|ConnectionRefusedError|Connect call failed|Cannot assign requested address")
_PORTS = {
    5432: "PostgreSQL",
    3306: "MySQL",
    6379: "Redis",
    27017: "MongoDB",
    5672: "RabbitMQ",
    9092: "Kafka",
    9200: "Elasticsearch",
    11211: "memcached",
    1433: "SQL Server",
    9042: "Cassandra",
}
_LISTENING = "0A"


def unreached(failure: Failure) -> str:
    """`the network`, `a database or another service (PostgreSQL, port 5432)`; empty when nothing says so.

    A refused connection alone says nothing, for a test may start its own server and miss it: the port must be a known
    service's, or one on which something listens outside the sandbox (read from /proc; nothing is connected to).
    """
    said = f"{failure.exception}: {failure.message}\n{failure.text}"
    ports = [int(digits) for digits in re.findall(r"(?<![\w.])\d{3,5}(?![\w.]*\d)", said)]
    known = next((f" ({_PORTS[port]}, port {port})" for port in ports if port in _PORTS), "")
    if _DATABASE.search(said) or (known and (_REFUSED.search(said) or _NETWORK.search(said))):
        return f"a database or another service{known}"
    if _NETWORK.search(said):
        return "the network"
    if _REFUSED.search(said):
        outside = listening()
        return next((f"the service on port {port}" for port in ports if port in outside), "")
    return ""


def listening() -> frozenset[int]:
    """TCP ports on which something listens on this machine, where the kernel tells."""
    found: set[int] = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(name).read_text(encoding="ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        fields = [row.split() for row in rows]
        found |= {int(row[1].rpartition(":")[2], 16) for row in fields if len(row) > 3 and row[3] == _LISTENING}
    return frozenset(found)
