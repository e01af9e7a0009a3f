"""The sandbox province itself: routes, answers, log, start and stop."""

from __future__ import annotations

import contextlib
import hmac
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import parse_qsl

from minping.sandbox import page, rating_page
from minping.sandbox.behaviour import BehaviourError, Plan, Verdict
from minping.sandbox.families import Province
from minping.sandbox.protocol import BEIJING, KINDS, UNAVAILABLE, Answer, Message, Refused, parse
from minping.sandbox.store import Store
from minping.sandbox.wire import BadRequest, Listener, Request, Response

_FILTERS = ("kind", "case_no", "organization_code")
_PATIENCE = 5.0
_MESSAGES = "/v1/messages"
_HTML = "text/html; charset=utf-8"
_GARBAGE = Response(200, "<html><body>系统升级中，请稍后再试</body></html>".encode(), _HTML)
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}


def _json(status: int, body: object, **headers: str) -> Response:
    try:
        text = json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair somewhere: escapes carry it, UTF-8 cannot
        text = json.dumps(body).encode()
    return Response(status, text, headers=headers)


def _error(status: int, message: str, **headers: str) -> Response:
    code = _CODES.get(status, "http_" + str(status))
    return _json(status, {"error": {"code": code, "message": message}}, **headers)


def _bad(message: str) -> NoReturn:
    raise BadRequest(400, message)


def _number(service_no: str) -> int | str:
    """As it was told, where that was a number."""
    return int(service_no) if service_no.isascii() and service_no.isdecimal() else service_no


def _tail(case_no: str) -> str:
    """The last four of a case number, safe to print: enough to find it, too little to be it."""
    return "".join(each if each.isalnum() or each in "-_" else "?" for each in case_no[-4:])


class Server:
    """A sandbox province on one port with one store. ``start`` serves in a thread, ``stop`` ends in order.

    Bound at construction, so ``url`` is known (port 0 picks a free one). Raises OSError when the port is
    taken and StoreError when the store cannot be used.
    """

    def __init__(self, host: str, port: int, store: str | Path, token: str) -> None:
        if not token:
            raise ValueError("沙盒省平台需要一个非空的密钥")
        self._token = f"Bearer {token}".encode()
        self._plan = Plan()
        self.province = Province(token, lambda: self._plan.present().skew)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener = Listener((host, port), self._answer, lambda error: _error(error.status, str(error)))
        try:
            self._store = Store(store)
        except BaseException:
            self._listener.server_close()
            raise
        self._last = deque(
            (
                page.Line(datetime.fromisoformat(at), kind, _tail(case_no), revision, level, "accepted")
                for at, kind, case_no, revision, level in self._store.latest(page.LINES)
            ),
            maxlen=page.LINES,
        )

    @property
    def url(self) -> str:
        """Address without a slash at the end."""
        host, port = self._listener.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> Self:
        """Serve in a thread of its own; returns at once."""
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no new request, answer those under way, close. A second call does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
        self._listener.end_connections(_PATIENCE)
        self._listener.server_close()
        self._store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def behave(self, **told: Any) -> None:
        """Like POST /behaviour: behave(mode="up"), behave(lose=0.1, slow=0.2). Raises BehaviourError."""
        self._plan.tell(told)

    def received(self, **equal: str) -> list[dict[str, Any]]:
        """The same as GET /received, without HTTP."""
        return list(self._store.received(**equal))

    # Routes -------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response | None:
        started = time.perf_counter()
        response: Response | None
        what, result = "-", ""
        try:
            if (request.method, request.path) == ("POST", _MESSAGES):
                response, what, result = self._message(request)
            elif request.path in _FAMILIES:
                response, what, result = self._family(request)
            elif request.path.startswith(rating_page.PLACE):
                response, what, result = self._rating_page(request)
            else:
                response = self._route(request)
        except BadRequest as error:
            response = _error(error.status, error.message)
        except Exception as error:
            response, what = _error(500, "沙盒省平台内部出错"), type(error).__name__
        # The path only when it is ours: an address typed by hand may hold anything, personal data included.
        known = request.path in _ROUTES or request.path in _FAMILIES or request.path == _MESSAGES
        route = request.path if known else "?"
        result = result or str(response.status if response else "-")
        now = datetime.now(BEIJING).isoformat(timespec="milliseconds")
        took = (time.perf_counter() - started) * 1000
        method = request.method if request.method in ("GET", "POST") else "?"
        with contextlib.suppress(OSError, ValueError):  # a log that nobody reads any more stops no message
            sys.stderr.write(f"{now} 沙盒 {method} {route} {what} {result} {took:.1f}ms\n")
        return response

    def _route(self, request: Request) -> Response:
        known = {"POST": None} if request.path == _MESSAGES else _ROUTES.get(request.path)
        if known is None:
            return _error(404, "没有这个地址")
        page_of = known.get(request.method)
        if page_of is None:
            return _error(405, f"这个地址只接受 {'、'.join(known)}", Allow=", ".join(known))
        return page_of(self, request)

    def _message(self, request: Request) -> tuple[Response | None, str, str]:
        """Response (None: hang up), then what and how it ended for the log."""
        if self._plan.is_down():
            return None, "-", "down"
        if not hmac.compare_digest(request.headers.get("authorization", "").encode("latin-1"), self._token):
            return _json(401, Answer.refused(Refused("E_TOKEN", status=401)).body), "-", "E_TOKEN"
        verdict = self._plan.judge()
        if verdict.delay and self._stopping.wait(verdict.delay):
            return None, "-", "stopped"
        message, answer = self._handle(request.body, verdict)
        result = answer.body.get("code", answer.result)
        if verdict.instead == "garbage":
            result = "garbage"
        elif verdict.lost:
            result = "lost"
        what = self._remember(message, result)
        if verdict.lost:
            return None, what, result
        return _GARBAGE if result == "garbage" else _json(answer.status, answer.body), what, result

    def _family(self, request: Request) -> tuple[Response | None, str, str]:
        """A call of one of the real families, met by the same behaviours as protocol v1."""
        if self._plan.is_down():
            return None, "-", "down"
        call = _FAMILIES[request.path]
        if call == "token":
            response = self.province.token(request)
            return response, call, str(response.status)
        verdict = self._plan.judge()
        if verdict.expire:
            self.province.expire_tokens()
        if verdict.delay and self._stopping.wait(verdict.delay):
            return None, "-", "stopped"
        if verdict.instead == "garbage":
            return _GARBAGE, call, "garbage"
        if verdict.instead == "refuse":
            kind = "soap" if call in ("page", "results") else call
            return self.province.refused(kind, verdict.code), call, verdict.code
        if verdict.instead:
            return _json(503, UNAVAILABLE.body), call, verdict.instead
        taken: list[str] = []

        def submit(message: Message) -> Answer:
            answer = self._store.submit(message)
            if verdict.twice:
                self._store.submit(message)
            result = "lost" if verdict.lost else answer.body.get("code", answer.result)
            taken.append(self._remember(message, result))
            return answer

        if call in ("soap", "page", "results"):
            response = self.province.soap(
                request, submit, call, lambda case_no: self.received(kind="rating", case_no=case_no)
            )
        elif call == "form":
            response = self.province.form(request, submit)
        else:
            response = self.province.envelope(request, call, submit, city=request.path.startswith("/bj/"))
        return (None if verdict.lost else response), taken[0] if taken else call, "lost" if verdict.lost else "answered"

    def _rating_page(self, request: Request) -> tuple[Response | None, str, str]:
        """The province's own page in a person's browser; while it is down, nobody answers there either."""
        if self._plan.is_down():
            return None, "-", "down"
        response = rating_page.answer(self.province, request, self._store.submit)
        return response, "评价页", str(response.status)

    def _credentials(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode("latin-1"), self._token):
            return _json(401, Answer.refused(Refused("E_TOKEN", status=401)).body)
        return _json(200, self.province.credentials("fj" if request.path.startswith("/fj/") else "sd"))

    def _show_negatives(self, request: Request) -> Response:
        """What the province sends down, from the moment each was due."""
        now = time.monotonic()
        due = [one["body"] for one in self.province.negatives if one["due"] <= now]
        return _json(200, {"negatives": due})

    def _add_negative(self, request: Request) -> Response:
        """{"reference", "organization_code", "case_no", "service_no", "level", "rated_at", …, "after": seconds}"""
        told = self._told(request)
        after = told.pop("after", 0)
        if not {"reference", "case_no", "level"} <= set(told) or not isinstance(after, (int, float)):
            _bad("请写 reference、case_no、level；after 为多少秒以后")
        self.province.negatives.append({"due": time.monotonic() + after, "body": told})
        return _json(200, {"negatives": len(self.province.negatives)})

    def _show_dictionary(self, _: Request) -> Response:
        return _json(200, self.province.dictionary())

    def _set_dictionary(self, request: Request) -> Response:
        told = self._told(request)
        try:
            self.province.change_dictionary(told)
        except (KeyError, TypeError, ValueError):
            _bad('例如 {"edition": "2027", "valid_from": "2027-01-01", "retire": ["207"], "add": [{"code": …}]}')
        return self._show_dictionary(request)

    @staticmethod
    def _told(request: Request) -> dict[str, Any]:
        try:
            told = json.loads(request.body)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            _bad("请求体不是一个 JSON 对象")
        return told

    def _handle(self, body: bytes, verdict: Verdict) -> tuple[Message | None, Answer]:
        try:
            message = parse(body)
        except Refused as error:
            return None, Answer.refused(error)
        if verdict.instead == "refuse":
            return message, Answer.refused(Refused("E_REFUSED", told=verdict.code))
        if verdict.instead:
            return message, UNAVAILABLE
        answer = self._store.submit(message)
        if verdict.twice:
            self._store.submit(message)
        return message, answer

    def _remember(self, message: Message | None, result: str) -> str:
        """Keep the message for the page's list; what the log may say about it."""
        now = datetime.now(BEIJING)
        if message is None:
            self._last.append(page.Line(now, "", "", 0, None, result))
            return "?"
        tail = _tail(message.case_no)
        self._last.append(page.Line(now, message.kind, tail, message.revision, message.level, result))
        return f"{message.kind} …{tail}"

    def _received(self, request: Request) -> Response:
        asked = self._asked(request, _FILTERS)
        if asked.get("kind", "rating") not in KINDS:
            _bad(f"不认识的 kind。可用：{'、'.join(KINDS)}")
        return _json(200, self.received(**asked))

    def _counts(self, request: Request) -> Response:
        asked = self._days(request, "from", "to")
        return _json(200, self._store.counts(asked.get("from", ""), asked.get("to", "")))

    def _open(self, request: Request) -> Response:
        """What is still to be rated, of the services from a day on."""
        rows = self._store.open(self._days(request, "from").get("from", ""))
        names = ("organization_code", "case_no", "service_no")
        told = [dict(zip(names, (unit, case_no, _number(number)), strict=True)) for unit, case_no, number in rows]
        return _json(200, {"services": told})

    def _days(self, request: Request, *names: str) -> dict[str, str]:
        asked = self._asked(request, names)
        for key, value in asked.items():
            try:
                if date.fromisoformat(value).isoformat() != value:
                    raise ValueError
            except ValueError:
                _bad(f"{key} 应为日期，例如 2026-11-23")
        return asked

    @staticmethod
    def _asked(request: Request, valid: tuple[str, ...]) -> dict[str, str]:
        asked = dict(request.query)
        if not set(asked) <= set(valid):
            _bad(f"不认识的查询条件。可用：{'、'.join(valid)}")
        return asked

    def _show_behaviour(self, _: Request) -> Response:
        return _json(200, self._plan.as_dict())

    def _set_behaviour(self, request: Request) -> Response:
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        if form and not request.body.lstrip().startswith((b"{", b"[")):  # curl -d '{…}' calls its JSON a form
            return self._set_by_form(request)
        try:
            self._plan.tell(json.loads(request.body))
        except BehaviourError as error:
            _bad(str(error))
        except (ValueError, RecursionError):
            _bad('请求体不是 JSON，例如 {"mode": "up"}')
        return self._show_behaviour(request)

    def _set_by_form(self, request: Request) -> Response:
        try:
            self._plan.tell(page.read_form(parse_qsl(request.body.decode("utf-8", "replace"))))
        except BehaviourError as error:
            return self._page(400, str(error))
        return Response(303, b"", headers={"Location": "/"})

    def _show_page(self, _: Request) -> Response:
        return self._page(200, "")

    def _page(self, status: int, problem: str) -> Response:
        plan = self._plan
        html = page.render(self._store.totals(), list(self._last), plan.present(), plan.as_dict(), problem)
        return Response(status, html.encode(), _HTML, page.HEADERS)


_FAMILIES = {
    "/fj/api-gateway/gateway/get-token": "token",
    "/fj/wailian/webservice/getSaveEvaluation": "soap",
    "/fj/wailian/webservice/getEvaluationSupplement": "soap",
    "/fj/wailian/webservice/getSaveEvaluationUrl": "page",
    "/fj/wailian/webservice/getEvaluationDetail": "results",
    "/sd/service": "service",
    "/sd/evaluate": "evaluate",
    "/sd/getnorm": "getnorm",
    "/gd/eval": "form",
    "/bj/service": "service",
    "/bj/evaluate": "evaluate",
}
_ROUTES: dict[str, dict[str, Callable[[Server, Request], Response]]] = {
    "/": {"GET": Server._show_page},
    "/fj/credentials": {"GET": Server._credentials},
    "/sd/credentials": {"GET": Server._credentials},
    "/negatives": {"GET": Server._show_negatives, "POST": Server._add_negative},
    "/dictionary": {"GET": Server._show_dictionary, "POST": Server._set_dictionary},
    "/open": {"GET": Server._open},
    "/received": {"GET": Server._received},
    "/received/counts": {"GET": Server._counts},
    "/behaviour": {"GET": Server._show_behaviour, "POST": Server._set_behaviour},
}


def serve(host: str, port: int, store: str | Path, token: str) -> Server:
    """A bound sandbox province, not yet started; use ``start`` or ``with``."""
    return Server(host, port, store, token)
