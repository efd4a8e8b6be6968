"""What the demo prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .stack import Stack


def say(line: str = "") -> None:
    """One line, at once: the demo is often read through a pipe."""
    print(line, flush=True)


def say_addresses(stack: Stack) -> None:
    """Where to go and how to log in."""
    say("")
    say(f"  Shop      {stack.shop_url}/            log in as demo / demo (one click), or just buy")
    say(f"  Admin     {stack.shop_url}/admin/      operator / operator")
    say(f"  Sandbox   {stack.sandbox_url}/            PortOne on this machine: its transactions, deposits")
    say(f"  Clock     {stack.shop_url}/membership/ moves shop and sandbox on together, to the next bill")
    say(f"  Mails     {stack.mails}")
    say(f"  Logs      {stack.logs}")
    say("")
    say("  Serving until Ctrl-C.")
