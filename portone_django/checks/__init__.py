"""System checks: what would lose money is said before the first payment.

| id | says | runs |
|---|---|---|
| portone.E001 | PORTONE has a missing, unknown or bad key | always |
| portone.E003 | API_BASE or SDK_URL is not PortOne's | always |
| portone.E004 | test payments or a test MID with DEBUG off | `check --deploy` |
| portone.E006 | nobody knows yet what a channel's payments look like | with the database |
| portone.E007 | PUBLIC_BASE_URL is not https or not an allowed host; "*" is allowed | always; "*" with `--deploy` |
| portone.E008 | a view is missing, transactional, or wrongly (un)protected against CSRF | always |
| portone.W010 | KEY_IN is on: card numbers pass through this server | always |
| portone.E014 | Celery's messages are not JSON, or its workers accept what runs code | always |
| portone.W015 | Redis delivers messages again while they are worked on | always |
| portone.W016 | nothing runs the sweep | always; its heartbeat with the database |
| portone.E018 | a time limit undercuts the one below it | always |
| portone.E019 | MariaDB: isolation, engine, character set, collation | with the database |
| portone.E021 | SQLite: transaction_mode, timeout, journal | with the database |
| portone.E022 | a unique index is missing in the real schema | with the database |
| portone.E024 | a router sends our rows elsewhere than "default" | always |
| portone.E026 | USE_TZ is off | always |
| portone.W026 | CHARGE_HOUR is between midnight and four | always |
| portone.W029 | the pages with a pay button cut off the payment window | always |
| portone.E039 | UID_KEY is SECRET_KEY | always |
| portone.W040 | nothing runs the purge | always; its heartbeat with the database |
| portone.W044 | persistent connections without health checks | always |
| portone.W046 | templates without `request` | always |
| portone.W047 | mails to customers go nowhere, or come from webmaster@localhost | `check --deploy` |
| portone.E048 | SUBSCRIBE_URL leads nowhere | always |
| portone.E049 | PORTONE_SANDBOX has an unknown or bad key | always |

"With the database" is `manage.py check --database default`, which `migrate` and `portone_doctor` do by themselves.
Views, flows and gateway are imported inside the checks: every command loads this package, few of them check.
"""

from . import (
    channels,
    configuration,
    databases,
    hosts,
    keyin,
    mails,
    messages,
    placement,
    purge,
    routes,
    sandbox,
    schema,
    sweep,
    timing,
)

__all__ = [
    "channels",
    "configuration",
    "databases",
    "hosts",
    "keyin",
    "mails",
    "messages",
    "placement",
    "purge",
    "routes",
    "sandbox",
    "schema",
    "sweep",
    "timing",
]
