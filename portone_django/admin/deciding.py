"""Pages on which an operator decides: each on its own URL, outside of transactions, for those who may, changed by POST.

A decision is never a field of a form of the admin's own: its rules are in flows/, and its page only asks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from .readonly import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

PERMISSION = "portone.refund_payment"
# What a bank account is typed into; these values stay out of error reports.
ACCOUNT_FIELDS = ("bank", "number", "holder", "tel")

Page = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Decision:
    """One page below a row's own: `page(admin, request, row, …)`; its button is shown while `is_possible(row)`, and the
    page itself to those who have the permission and may see the row."""

    name: str
    route: str
    label: _StrOrPromise
    page: Page
    is_possible: Callable[[Any], bool]
    permission: str = PERMISSION


class DecidingAdmin(ReadOnlyAdmin):
    """A read-only model with decisions about its rows."""

    decisions: tuple[Decision, ...] = ()
    change_form_template = "admin/portone/change_form.html"

    def get_urls(self) -> list[Any]:
        return [*(self._url(each) for each in self.decisions), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        if row is not None:
            mine = [each for each in self.decisions if may_decide(request, each.permission)]
            possible = [each for each in mine if each.is_possible(row)]
            context["decisions"] = [(url_of(self, each.name, row.pk), each.label) for each in possible]
        return super().render_change_form(request, context, *args, **kwargs)

    def _url(self, decision: Decision) -> URLPattern:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{decision.name}"
        return path(f"<int:object_id>/{decision.route}/", self._view(decision), name=name)

    def _view(self, decision: Decision) -> Page:
        @require_http_methods(["GET", "HEAD", "POST"])
        def view(request: HttpRequest, object_id: int, **more: Any) -> HttpResponse:
            if not may_decide(request, decision.permission) or not self.has_view_permission(request):
                raise PermissionDenied
            row = self.get_object(request, str(object_id))
            if row is None:
                raise Http404
            if not self.has_view_permission(request, row):
                raise PermissionDenied
            return decision.page(self, request, row, **more)

        # By this mark check E008 finds the view again, whatever a project has wrapped around it.
        view.portone_decision = f"admin {decision.name}"  # type: ignore[attr-defined]
        guarded = _kept_private(sensitive_post_parameters(*ACCOUNT_FIELDS)(self.admin_site.admin_view(view)))
        for alias in connections:
            guarded = transaction.non_atomic_requests(using=alias)(guarded)
        return guarded


def may_decide(request: HttpRequest, permission: str = PERMISSION) -> bool:
    """Whether the user may decide: without another permission, refund and decide about money that arrived."""
    return request.user.has_perm(permission)


def url_of(admin: Any, name: str, *args: Any) -> str:
    """The address of a page of this model: url_of(admin, "refund", 17)."""
    label = f"admin:{admin.opts.app_label}_{admin.opts.model_name}_{name}"
    return reverse(label, args=args, current_app=admin.admin_site.name)


def to_row(admin: Any, row: Any) -> HttpResponseRedirect:
    """Back to the row's own page by GET, so that a reload repeats nothing."""
    return HttpResponseRedirect(url_of(admin, "change", row.pk), status=303)


def show(admin: Any, request: HttpRequest, row: Any, template: str, **context: Any) -> HttpResponse:
    """A decision's page in the admin's own frame; `title` is its heading."""
    request.current_app = admin.admin_site.name
    frame = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "original": row,
        "row_url": url_of(admin, "change", row.pk),
    }
    return TemplateResponse(request, f"admin/portone/{template}", {**frame, **context})


def _kept_private(view: Page) -> Page:
    @functools.wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        # Whatever the project allows elsewhere: nobody frames a page that moves money, or reads its address.
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return inner
