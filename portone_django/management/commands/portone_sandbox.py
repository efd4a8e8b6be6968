"""`manage.py portone_sandbox`: the simulated PortOne as a server of its own."""

from __future__ import annotations

import errno
import shlex
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from portone_django.sandbox import permission
from portone_django.sandbox.ledger import Sandbox, Unopenable
from portone_django.sandbox.options import (
    Options,
    another_file,
    base_dir,
    line_of_another_file,
    read_options,
    webhook_fault,
)
from portone_django.sandbox.server import SandboxServer

_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", 9999


class Command(BaseCommand):
    help = "Serves a simulated PortOne V1 account (REST API, payment window, webhooks) on this machine."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        # What is not given comes from PORTONE_SANDBOX, read later: a fault of the settings is no stack trace then.
        parser.add_argument("--port", type=int, default=_DEFAULT_PORT)
        parser.add_argument("--host", default=_DEFAULT_HOST)
        parser.add_argument("--db", metavar="FILE")
        parser.add_argument("--imp-key")
        parser.add_argument("--imp-secret")
        parser.add_argument("--user-code")
        parser.add_argument("--webhook-url", metavar="URL")
        parser.add_argument("--allow-production", action="store_true", help="run although DEBUG is False")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["allow_production"]:
            permission.allow()
        try:
            permission.check_permission()
            configured = read_options()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        for name in ("imp_key", "imp_secret", "user_code", "webhook_url"):
            if options[name] is None:
                options[name] = getattr(configured, name)
        if fault := webhook_fault(options["webhook_url"]):
            line = f"Write: manage.py portone_sandbox --webhook-url {shlex.quote(fault[1])}"
            raise CommandError(f"--webhook-url: {fault[0]} {line}")
        sandbox = _open(options, configured)
        try:
            server = SandboxServer(sandbox, options["host"], options["port"], quiet=options["verbosity"] < 2)
        except (OSError, OverflowError, UnicodeError) as error:  # the last two: no port, no name of a machine
            sandbox.close()
            raise CommandError(_cannot_listen(options["host"], options["port"], error)) from None
        self._announce(server, options)
        self._serve(server)

    def _announce(self, server: SandboxServer, options: dict[str, Any]) -> None:
        lines = [
            f"PortOne sandbox on {server.url}",
            f"  REST API   {server.url}/users/getToken …   key {options['imp_key']}",
            f"  SDK        {server.url}/v1/iamport.js      IMP.init({options['user_code']!r})",
            f"  console    {server.url}/",
            f"  switches   {server.url}/_sandbox/state",
            f"  webhooks   {options['webhook_url'] or 'only to notice_url'}",
            f"  ledger     {options['db']}",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _serve(self, server: SandboxServer) -> None:
        def stop(signum: int, frame: Any) -> None:
            threading.Thread(target=server.shutdown, daemon=True).start()

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, stop)
            signal.signal(signal.SIGTERM, stop)
        try:
            server.serve_forever()
        finally:
            server.server_close()
            server.sandbox.close()
        self.stdout.write("PortOne sandbox stopped.")


def _open(options: dict[str, Any], configured: Options) -> Sandbox:
    given, options["db"] = options["db"], options["db"] or str(base_dir() / configured.db)
    try:
        return Sandbox(
            options["db"],
            imp_key=options["imp_key"],
            imp_secret=options["imp_secret"],
            user_code=options["user_code"],
            webhook_url=options["webhook_url"],
        )
    except Unopenable as error:
        option = f"Write: manage.py portone_sandbox --db {shlex.quote(str(another_file(options['db'])))}"
        raise CommandError(f"{error} {option if given else line_of_another_file(configured.db)}") from None


def _cannot_listen(host: str, port: int, error: Exception) -> str:
    """Why nothing can be served there, and the line that serves somewhere else."""
    number = error.errno if isinstance(error, OSError) else None
    another = _DEFAULT_PORT
    if isinstance(error, OverflowError):
        sentence = f"There is no port {port}; they go from 1 to 65535."
    elif number == errno.EADDRINUSE:
        sentence = f"Port {port} of {host} is in use."
        another = port + 1 if port < 65535 else _DEFAULT_PORT
    elif number == errno.EACCES:
        sentence = f"Port {port} of {host} is for the system's administrator only."
    else:
        sentence = f"{host!r} is not an IPv4 address of this machine."
        host, another = _DEFAULT_HOST, port
    there = "" if host == _DEFAULT_HOST else f"--host {shlex.quote(host)} "
    return f"{sentence} Write: manage.py portone_sandbox {there}--port {another}"
