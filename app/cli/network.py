"""Listening where other machines can reach it: only when the address is typed a second time."""

from __future__ import annotations

import argparse

from app.core.addresses import LOOPBACK, is_loopback
from app.core.errors import AppError, ErrorCode


def add_host_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where to listen."""
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        metavar="ADDRESS",
        help="the address to listen at; one that others can reach needs --confirm-network",
    )
    parser.add_argument(
        "--confirm-network",
        default="",
        metavar="ADDRESS",
        help="the same address again, if everybody who can reach it may come",
    )


def require_confirmed(arguments: argparse.Namespace, risk: str) -> None:
    """Check that an address beyond loopback was typed twice; `risk` says what that means.

    Raises:
        AppError: `network_unconfirmed`.
    """
    host: str = arguments.host
    if not is_loopback(host) and arguments.confirm_network != host:
        raise AppError(ErrorCode.NETWORK_UNCONFIRMED, address=host, risk=risk)
