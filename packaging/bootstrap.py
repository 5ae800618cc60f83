"""Set everything up and run a command: `python3 packaging/bootstrap.py run`.

It uses only the standard library, and any Python 3 can parse it, to report an outdated version.
"""

import sys

OLDEST_PYTHON = (3, 11)


def main() -> int:
    """Run the command in `sys.argv`; the exit status is 0 on success."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write(
            "gristmill: Python 3.11 or newer is required, and this is {}.{}. Install a newer "
            "version and run the command with it.\n".format(*sys.version_info[:2])
        )
        return 1
    from commands import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
