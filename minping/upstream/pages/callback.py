"""Coming in: what the superior tells of by itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from minping.kernel import clock
from minping.kernel.web import public_page
from minping.upstream import incoming


@csrf_exempt
@public_page
@require_POST
def callback(request: HttpRequest) -> HttpResponse:
    """The superior tells of a rating; proven by its signature, taken once, whatever the state of the case."""
    new = incoming.callback_take(request.headers, request.body, key=incoming.callback_key(), at=clock.now())
    return JsonResponse({"result": "accepted" if new else "duplicate"})
