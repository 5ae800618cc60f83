"""Arguments for the address to listen on; any address other than loopback must be typed twice."""

from __future__ import annotations

import argparse

from app.core.addresses import LOOPBACK, is_loopback
from app.core.errors import AppError, ErrorCode
from app.core.language import tr


def add_host_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the address to listen on, and its confirmation."""
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        metavar="ADDRESS",
        help=tr(
            "the address to listen on; one that other machines can reach needs --confirm-network"
        ),
    )
    parser.add_argument(
        "--confirm-network",
        default="",
        metavar="ADDRESS",
        help=tr("the same address again, to confirm that other machines may connect"),
    )


def require_confirmed(arguments: argparse.Namespace, risk: str) -> None:
    """Check that a non-loopback address was confirmed; `risk` explains the consequences.

    Raises:
        AppError: `network_unconfirmed`.
    """
    host: str = arguments.host
    if not is_loopback(host) and arguments.confirm_network != host:
        raise AppError(ErrorCode.NETWORK_UNCONFIRMED, address=host, risk=risk)
