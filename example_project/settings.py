"""Settings of the example shop: everything comes from the environment, and the demo's values are the defaults.

Names: DEBUG, DJANGO_SECRET_KEY, ALLOWED_HOSTS, DATABASE_URL, CELERY_BROKER_URL, PORTONE_API_BASE, PORTONE_SDK_URL,
PORTONE_USER_CODE, PORTONE_IMP_KEY, PORTONE_IMP_SECRET, PORTONE_CHANNEL_KEY, PORTONE_BILLING_CHANNEL_KEY,
PORTONE_PUBLIC_BASE_URL, PORTONE_ACCEPT_TEST_PAYMENTS, PORTONE_UID_KEY, PORTONE_MERCHANT_UID_PREFIX.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab

from . import environment

BASE_DIR = Path(__file__).resolve().parent
DEBUG = environment.flag("DEBUG", True)
SECRET_KEY = environment.secret("DJANGO_SECRET_KEY", "demo-known-to-everybody-" + "x" * 30, debug=DEBUG)
PORTONE = environment.portone(debug=DEBUG)

PUBLIC_HOST = urlsplit(PORTONE["PUBLIC_BASE_URL"])
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").replace(",", " ").split() or sorted(
    {"127.0.0.1", "localhost", "[::1]", PUBLIC_HOST.hostname or "127.0.0.1"}
)
CSRF_TRUSTED_ORIGINS = [f"{PUBLIC_HOST.scheme}://{PUBLIC_HOST.netloc}"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environment.flag("BEHIND_PROXY", False) else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_HOST.scheme == "https"
# Cookies know no ports: without names of its own, a second site on this host would log the first one out.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "shop_session", "shop_csrf"

INTERNAL_IPS = ["127.0.0.1", "::1"]  # who sees `debug` in templates: the login page names the demo's logins

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "portone_django",
    "example_project.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portone_django.middleware.CheckoutMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "example_project.shop.language.KoreanFirstMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
TIME_ZONE = "Asia/Seoul"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = environment.VAR / "static"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "shop:orders"
LOGOUT_REDIRECT_URL = "shop:products"
SECURE_REFERRER_POLICY = "same-origin"

CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = environment.broker()
CELERY_BEAT_SCHEDULE = {
    # A sweep that found no worker for half a minute is replaced by the next one.
    "portone-reconcile": {"task": "portone_django.reconcile", "schedule": 15.0, "options": {"expires": 30}},
    # Bills of subscriptions that are due; nothing is charged twice, whoever else charges.
    "portone-charge-due": {"task": "portone_django.charge_due", "schedule": 30.0, "options": {"expires": 60}},
    # Personal data and old webhooks go at night when their time is over.
    "portone-purge": {"task": "portone_django.purge", "schedule": crontab(minute="40", hour="3")},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "portone_django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "celery": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
# Mails to customers become files while this is tried; a real shop names its mail server instead.
if DEBUG:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = os.environ.get("EMAIL_FILE_PATH") or environment.VAR / "mail"
DEFAULT_FROM_EMAIL = "Namu Coffee <help@namu.example>"

# The sandbox's address where the shop talks to one, else empty.
SANDBOX_URL = PORTONE["API_BASE"] if urlsplit(PORTONE["API_BASE"]).hostname in ("127.0.0.1", "localhost") else ""
# On the sandbox the order form is filled in, so that trying it takes clicks only.
DEMO_BUYER = (
    {"buyer_name": "김나무", "buyer_tel": "010-1234-5678", "buyer_email": "namu@namu.example"} if SANDBOX_URL else {}
)
# The demo's `manage.py portone_sandbox` is configured by its own options; this names its file when it has none.
PORTONE_SANDBOX = {"DB": str(environment.VAR / "sandbox.sqlite3")}
