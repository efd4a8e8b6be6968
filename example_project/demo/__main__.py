"""python -m example_project.demo: start everything, take the tour, serve until Ctrl-C, leave nothing behind."""

from __future__ import annotations

import argparse
import sys
import time

from .interrupts import Interrupts, Stop
from .narration import say, say_addresses
from .ports import PortTaken, require_free
from .stack import Stack, StackFailed
from .tour import take_tour

WATCH_SECONDS = 1.0


def main(arguments: list[str] | None = None) -> int:
    """0: ended as asked (and, with --tour only, every step held); 1: something did not hold; 2: could not start."""
    options = _parse(arguments)
    interrupts = Interrupts()
    stack = Stack(port=options.port, interrupts=interrupts)
    try:
        require_free("127.0.0.1", options.port, options.port + 1)
        stack.start()
        held = options.tour == "no" or take_tour(stack.shop_url, stack.sandbox_url)
        if options.tour == "only":
            return 0 if held else 1
        say_addresses(stack)
        return _serve(stack)
    except PortTaken as taken:
        say(f"{taken} Choose two free ones in a row: make demo PORT={taken.port + 100}")
        return 2
    except StackFailed as failed:
        say(f"✗ {failed}")
        return 2
    except Stop:
        say("\n  Stopping …")
        return 0 if options.tour != "only" else 1
    finally:
        with interrupts.ignored():
            stack.stop()


def _serve(stack: Stack) -> int:
    while (ended := stack.ended()) is None:
        time.sleep(WATCH_SECONDS)
    say(f"✗ {ended}")
    return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the shop's port; the sandbox takes the next one")
    parser.add_argument("--tour", choices=("yes", "only", "no"), default="yes")
    options = parser.parse_args(arguments)
    if not 1 <= options.port <= 65534:
        parser.error("--port must be between 1 and 65534")
    return options


if __name__ == "__main__":
    sys.exit(main())
