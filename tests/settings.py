"""Settings of the test suite; DATABASE_URL chooses the database (SQLite without it)."""

import os
from pathlib import Path

import dj_database_url
import pymysql

pymysql.version_info = (2, 2, 1, "final", 0)  # Django asks mysqlclient's version; PyMySQL is the pure Python one
pymysql.install_as_MySQLdb()

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "tests-only-" + "x" * 40
DEBUG = False
USE_TZ = True
TIME_ZONE = "Asia/Seoul"
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1", "shop.example"]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "portone_django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "tests" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": dj_database_url.parse(os.environ.get("DATABASE_URL", "sqlite://:memory:"), conn_max_age=0)}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    DATABASES["default"]["OPTIONS"] = {"charset": "utf8mb4", "isolation_level": "read committed"}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

PORTONE = {
    "USER_CODE": "imp00000000",
    "IMP_KEY": "test-imp-key",
    "IMP_SECRET": "test-imp-secret",
    "API_BASE": "https://api.iamport.kr",
    "UID_KEY": "tests-only-uid-key-" + "u" * 32,
    "MERCHANT_UID_PREFIX": "t",
    "PUBLIC_BASE_URL": "https://shop.example",
    "ACCEPT_TEST_PAYMENTS": True,
    "CHANNELS": {
        "checkout": {
            "channel_key": "channel-key-00000000-0000-0000-0000-000000000000",
            "pg_provider": "html5_inicis",
            "pg_id": "INIpayTest",
            "sandbox": True,
        },
        "billing": {
            "channel_key": "channel-key-11111111-1111-1111-1111-111111111111",
            "pg_provider": "html5_inicis",
            "pg_id": "INIBillTst",
            "sandbox": True,
        },
    },
}
