"""`python -m ser_lightning.follow RUN`: a process that a run on several devices starts for itself; not for users."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    """Take part in the run in the folder that is the only argument."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    from ser_lightning.run import train_run
    from ser_lightning.run_state import read_config
    from ser_lightning.terminal import err, out

    out.quiet = err.quiet = True
    run_dir = Path(sys.argv[1])
    train_run(read_config(run_dir), run_dir)


def _end_with_the_first() -> None:
    """Standard input is a pipe from the process that started this one: it ends when that one does, however it does."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
