"""A process that has imported everything and forks workers on demand, so that a killed one is replaced in milliseconds.

`python -m tests.chaos.zygote FOLDER` obeys its standard input, line by line (see Brood.obey). Each worker has a session
of its own.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback


def main(folder: str) -> None:
    """Serve until standard input ends, and end whoever is left; what the workers say goes into workers.log."""
    from tests.chaos.app import app  # noqa: F401  (imported once, for all)

    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    brood = Brood(folder)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            print(brood.obey(*line.split()), flush=True)
    finally:
        brood.end()


class Brood:
    """The workers that were forked.

    Only this process buries and signals them: the number of one that is dead and not buried cannot become another's.
    """

    def __init__(self, folder: str) -> None:
        self._folder, self._zygote = folder, os.getpid()
        self._children: set[int] = set()

    def obey(self, order: str, *words: str) -> str:
        """Answer "start KIND" with the new process id, "signal PID NUMBER" and "alive" with the ids of the living."""
        if order == "start":
            return str(self._fork(words[0]))
        self._bury()
        if order == "signal" and int(words[0]) in self._children:
            self._signal(int(words[0]), int(words[1]))
        return " ".join(map(str, sorted(self._children)))

    def end(self) -> None:
        """End all of them, if this is still the process that forked them."""
        if os.getpid() == self._zygote:
            self._bury()
            for child in list(self._children):
                self._signal(child, signal.SIGKILL)

    def _fork(self, kind: str) -> int:
        child = os.fork()
        if child == 0:
            _become(kind, self._folder)
        self._children.add(child)
        return child

    def _signal(self, child: int, number: int) -> None:
        os.kill(child, number)
        if number == signal.SIGKILL:
            os.waitpid(child, 0)
            self._children.discard(child)

    def _bury(self) -> None:
        for child in list(self._children):
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                self._children.discard(child)


def _become(kind: str, folder: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    log = os.open(f"{folder}/workers.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(descriptor, target)
    try:
        _KINDS[kind](folder)
    except SystemExit:
        pass
    except BaseException as error:
        print(f"CRASHED {kind}: {error!r}", file=sys.stderr)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _celery(folder: str) -> None:
    from tests.chaos.app import app

    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
    app.worker_main(["--quiet", "worker", "--pool", "solo", "--hostname", f"w{os.getpid()}@chaos", *quiet])


def _beat(folder: str) -> None:
    from tests.chaos.app import app

    app.start(["--quiet", "beat", "--pidfile=", "--schedule", f"{folder}/beat{os.getpid()}", "--loglevel", "ERROR"])


def _command(folder: str) -> None:
    from django.core.management import call_command

    call_command("portone_charge_due", loop=True, every=1, quiet=True)


def _sweep(folder: str) -> None:
    from django.core.management import call_command

    call_command("portone_reconcile", loop=1, quiet=True)


def _naive(folder: str) -> None:
    from tests.chaos import naive

    naive.run()


_KINDS = {"celery": _celery, "beat": _beat, "command": _command, "sweep": _sweep, "naive": _naive}

if __name__ == "__main__":
    main(sys.argv[1])
