"""Sets everything up and runs a command: `python3 packaging/bootstrap.py run`.

Only the standard library; this file must be readable for any Python 3, to say that it is too old.
"""

import sys

OLDEST_PYTHON = (3, 11)


def main() -> int:
    """Run the command in `sys.argv`; the exit status is 0 when all went well."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write(
            "gristmill: Python 3.11 or newer is needed, and this is {}.{}: install it and run "
            "the command with it.\n".format(*sys.version_info[:2])
        )
        return 1
    from commands import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
