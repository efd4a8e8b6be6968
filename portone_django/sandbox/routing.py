"""Which function answers which method and path; a literal part wins over a parameter."""

from __future__ import annotations

from collections.abc import Callable

from .calls import Call, Reply

Handler = Callable[[Call], Reply]
_Pattern = tuple[str, ...]


class Router:
    def __init__(self) -> None:
        self._routes: list[tuple[str, _Pattern, Handler]] = []

    def __call__(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register: `@route("GET", "/payments/{imp_uid}")`."""

        def register(handler: Handler) -> Handler:
            self._routes.append((method, tuple(part for part in path.split("/") if part), handler))
            return handler

        return register

    def known(self) -> list[tuple[str, _Pattern, Handler]]:
        return list(self._routes)

    def find(self, method: str, parts: list[str]) -> tuple[Handler, dict[str, str]] | None:
        """The handler and the path's parameters."""
        wanted = "GET" if method == "HEAD" else method
        fitting = [
            (pattern, handler) for known, pattern, handler in self._routes if known == wanted and _fits(pattern, parts)
        ]
        if not fitting:
            return None
        pattern, handler = min(fitting, key=lambda found: [_is_parameter(part) for part in found[0]])
        pairs = zip(pattern, parts, strict=True)
        return handler, {name[1:-1]: part for name, part in pairs if _is_parameter(name)}


def _fits(pattern: _Pattern, parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        _is_parameter(name) or name == part for name, part in zip(pattern, parts, strict=True)
    )


def _is_parameter(part: str) -> bool:
    return part.startswith("{")


route = Router()
"""The REST API of PortOne V1; `api/` fills it."""

control = Router()
"""The testers' own addresses below `_sandbox/`; control.py and console.py fill it."""
