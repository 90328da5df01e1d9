"""Entry point of the `tql` command: runs a command and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import sys

from tql.collector import resting


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 an error in the query or the data, 2 wrong usage, 130 Ctrl-C.
    """
    with resting():  # a command is short: collecting garbage takes longer than it is worth
        _run()


def _run() -> None:
    try:
        from tql.cli.commands import tql
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("the tql command needs its extra: pip install 'tql[cli]'")

    from tql.cli.failure import print_error
    from tql.errors import TQLError

    try:
        tql.main(standalone_mode=True)
    except TQLError as error:
        print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) is gone; silence the flush at interpreter exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
