"""TCP ports of this process."""

from __future__ import annotations

import psutil


def is_listening(port: int) -> bool:
    """Return whether this process listens on a TCP port."""
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port
        for connection in psutil.Process().net_connections("tcp")
    )
