"""Imports run one way: doors → public modules → flows → models and gateway → pure rules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "portone_django"
# Each layer may import from itself and from those below it.
LAYERS = (
    {"views", "urls", "templatetags", "tasks", "admin", "management", "apps", "checks", "testing", "middleware",
     "permissions"},
    {"access", "orders", "refunds", "receipts", "escrow", "billing", "subscriptions", "checkout", "cards",
     "buttons", "tokens", "keyin"},
    {"flows"},
    {"models", "gateway", "adapter", "links", "clock", "signals", "reasons"},
    {"conf", "evidence", "lifecycles", "money", "periods", "window", "exceptions", "addresses", "storable"},
)  # fmt: skip
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if not {"migrations", "sandbox"} & set(path.parts))


def imported(path: Path, *, whole_file: bool) -> set[str]:
    """The package's own top-level names that a file imports (at module level only, unless `whole_file`)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if whole_file else _at_module_level(tree)
    found = set()
    parts = ("portone_django", *path.relative_to(PACKAGE).with_suffix("").parts)
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(parts[: len(parts) - node.level]) if node.level else []
            stem = [*base, *((node.module or "").split(".") if node.module else [])]
            names = [[*stem, alias.name] for alias in node.names] if len(stem) == 1 else [stem]
        else:
            continue
        found |= {name[1] for name in names if name[0] == "portone_django" and len(name) > 1}
    return found


def _at_module_level(tree: ast.Module) -> list[ast.AST]:
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        found.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    upwards = {name for name in imported(path, whole_file=False) & set(LEVEL) if LEVEL[name] < LEVEL[own]}
    assert not upwards


def test_every_module_has_a_layer() -> None:
    names = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert names - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", sorted((PACKAGE / "gateway").rglob("*.py")), ids=lambda path: path.name)
def test_the_gateway_knows_only_its_settings(path: Path) -> None:
    assert imported(path, whole_file=True) <= {"gateway", "conf", "addresses"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "sandbox").rglob("*.py")), ids=lambda path: path.name)
def test_the_sandbox_knows_nothing_of_the_app(path: Path) -> None:
    assert imported(path, whole_file=True) <= {"sandbox"}


def test_only_a_models_verb_reaches_upwards() -> None:
    for path in (PACKAGE / "models").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(isinstance(each, ast.ImportFrom) for each in ast.walk(node)):
                assert len(node.body) <= 5, f"{path.name}: {node.name} is more than a verb"


@pytest.mark.parametrize("module", ["celery", "rest_framework", "requests", "django.db"])
def test_importing_the_package_pulls_in_nothing(module: str) -> None:
    code = f"import sys, portone_django; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_installed_app_pulls_in_neither_celery_nor_drf() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup(); "
        "import portone_django.urls, portone_django.admin, portone_django.access, portone_django.billing; "
        "import portone_django.subscriptions, portone_django.templatetags.portone; "
        "sys.exit(bool({'celery', 'rest_framework'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=PACKAGE.parent).returncode == 0


def test_no_file_is_long() -> None:
    long = {str(path.relative_to(PACKAGE)): n for path in FILES if (n := len(path.read_text().splitlines())) > 350}
    assert not long
