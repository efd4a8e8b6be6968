"""`manage.py portone_sandbox`: the simulated PortOne as a server of its own."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from portone_django.sandbox import permission
from portone_django.sandbox.ledger import Sandbox
from portone_django.sandbox.server import SandboxServer


class Command(BaseCommand):
    help = "Serves a simulated PortOne V1 account (REST API, payment window, webhooks) on this machine."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        configured: dict[str, Any] = getattr(settings, "PORTONE_SANDBOX", {})
        base = Path(getattr(settings, "BASE_DIR", "."))
        parser.add_argument("--port", type=int, default=9999)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--db", default=str(configured.get("DB") or base / "portone-sandbox.sqlite3"))
        parser.add_argument("--imp-key", default=configured.get("IMP_KEY", "sandbox-key"))
        parser.add_argument("--imp-secret", default=configured.get("IMP_SECRET", "sandbox-secret"))
        parser.add_argument("--user-code", default=configured.get("USER_CODE", "imp00000000"))
        parser.add_argument("--webhook-url", default=configured.get("WEBHOOK_URL", ""))
        parser.add_argument("--allow-production", action="store_true", help="run although DEBUG is False")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["allow_production"]:
            permission.allow()
        try:
            permission.check_permission()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        sandbox = Sandbox(
            options["db"],
            imp_key=options["imp_key"],
            imp_secret=options["imp_secret"],
            user_code=options["user_code"],
            webhook_url=options["webhook_url"],
        )
        try:
            server = SandboxServer(sandbox, options["host"], options["port"], quiet=options["verbosity"] < 2)
        except OSError as error:
            raise CommandError(f"cannot listen on {options['host']}:{options['port']}: {error.strerror}") from None
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
