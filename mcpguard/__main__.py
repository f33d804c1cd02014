"""The way in. ``--version`` is answered before anything is imported, because CI asks for it all the time."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; the process ends with the exit status of docs/cli.md."""
    if sys.argv[1:] == ["--version"]:
        from mcpguard.version import __version__

        sys.stdout.write(f"mcpguard {__version__}\n")
        return
    import gc

    # One pass, then exit: nothing would be collected, and collecting costs a multiple of the work on large estates.
    gc.disable()
    from mcpguard.cli.main import run

    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    # Everything is written; taking a large estate apart object by object would only cost time.
    os._exit(status)


if __name__ == "__main__":
    main()
