"""The repository tests itself (architecture, principle 15)."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from minping import law
from minping.kernel.errors import Problem
from minping.kernel.home import Config
from minping.kernel.models import Account
from tests.house import machines
from tests.support import services
from tests.support.world import FRIDAY, Story

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "minping"
SOURCES = [file for file in PACKAGE.rglob("*.py") if "migrations" not in file.parts]
TEMPLATES = list(PACKAGE.rglob("*.html"))


def tracked() -> list[Path]:
    told = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in told.splitlines() if (ROOT / name).is_file()]


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern), entry.callback


def test_each_route_says_who_may_open_it() -> None:
    silent = [
        path for path, view in routes() if not path.startswith("api/v1/") and not getattr(view, "permission", None)
    ]
    assert silent == []


def test_only_the_clock_reads_the_clock() -> None:
    reading = re.compile(r"datetime\.now\(|time\.time\(|timezone\.now\(|utcnow\(|date\.today\(")
    allowed = {PACKAGE / "kernel" / "clock.py"}
    found = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if file not in allowed and "sandbox" not in file.parts and reading.search(file.read_text("utf-8"))
    ]
    assert found == []


def test_no_template_carries_style_or_script_of_its_own() -> None:
    forbidden = re.compile(r"\sstyle=|\son[a-z]+=\"|<script(?![^>]*\ssrc=)")
    assert [str(file.relative_to(ROOT)) for file in TEMPLATES if forbidden.search(file.read_text("utf-8"))] == []


def test_no_table_names_a_key_twice() -> None:
    """The later row would silently take the place of the earlier one: two rows of the chain were lost so."""
    twice = []
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                keys = [ast.unparse(key) for key in node.keys if key is not None]
                twice += [f"{file.relative_to(ROOT)}: {key}" for key in set(keys) if keys.count(key) > 1]
    assert twice == []


def test_each_module_says_what_it_is() -> None:
    plain = {"apps.py", "urls.py", "__init__.py", "__main__.py", "wsgi.py"}
    silent = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if file.name not in plain and not ast.get_docstring(ast.parse(file.read_text("utf-8")))
    ]
    assert silent == []


def test_no_registry_host_and_no_path_of_a_machine_is_kept() -> None:
    hosts = re.compile(rb"py[p]i\.org|pythonhoste[d]|registry\.np[m]|deb\.debia[n]")
    path = str(ROOT.parent).encode() + b"/"
    found = []
    for file in tracked():
        content = file.read_bytes()
        if hosts.search(content) or (len(path) > 6 and path in content):
            found.append(file.name)
    assert found == []


INVENTED = {"13800138000", "13912345678"}


def test_no_telephone_of_anyone_stands_in_the_tests() -> None:
    phone = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
    found = {
        match
        for file in tracked()
        if file.suffix in (".py", ".yaml", ".md", ".html")
        for match in phone.findall(file.read_text("utf-8"))
    }
    assert {number for number in found if "0000" not in number and number not in INVENTED} == set()


@pytest.mark.django_db
def test_the_tables_are_what_the_models_say() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_next_years_calendar_is_there_or_its_absence_is_announced() -> None:
    calendar = law.calendar()
    year = FRIDAY.year + 1
    if calendar.is_provisional(year):
        due = law.due(law.at("350213005", FRIDAY.date()).limit("rectify"), FRIDAY.replace(month=12, day=31))
        assert due.provisional
        assert "暂" in due.edition or "未公布" in due.edition


def test_the_law_folder_is_clean_and_each_clause_cited_exists() -> None:
    assert law.check() == []
    cited = {clause for file in SOURCES for clause in re.findall(r"minan/\d(?:\.\d+)+", file.read_text("utf-8"))}
    assert cited - set(law.clauses()) == set()


def test_the_page_on_the_machines_is_drawn_from_the_tables() -> None:
    assert (ROOT / "docs" / "machines.md").read_text("utf-8") == machines.page()


def test_each_setting_the_code_reads_is_documented() -> None:
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    names = set(Config.__dataclass_fields__)
    for file in SOURCES:
        names |= set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', file.read_text("utf-8")))
    names |= set(re.findall(r'env\.get\("(MINPING_[A-Z]+)"\)', (PACKAGE / "kernel" / "home.py").read_text("utf-8")))
    missing = {name for name in names - {"DJANGO_SETTINGS_MODULE"} if f"`{name}`" not in page}
    assert missing == set()


def problems(of: type[Problem] = Problem) -> set[str]:
    return {of.code}.union(*(problems(child) for child in of.__subclasses__()))


def test_each_error_code_is_in_the_page_for_integrators() -> None:
    import minping.chain
    import minping.site.urls  # noqa: F401 — both bring in every refusal there is

    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert {code for code in problems() if f"`{code}`" not in page} == set()


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("username", ["reviewer", "unit", "head", "operator", "auditor"])
def test_looking_writes_nothing(username: str) -> None:
    """Principle 10: GET never writes, whoever looks at whatever page."""
    from django.db import connection

    order = Story().confirmed()
    browser = Client()
    browser.force_login(Account.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend")
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.match(r"\s*(INSERT|UPDATE|DELETE)", sql) and "django_session" not in sql:
            written.append(sql[:80])
        return execute(sql, params, many, context)

    addresses = [f"/{path}" for path, view in routes() if "<" not in path and not path.startswith("api/")]
    addresses += [f"/desk/{view}/{order.case_id}/" for view in ("mine", "verify", "rectify", "done")]
    with connection.execute_wrapper(watch):
        for address in addresses:
            assert browser.get(address).status_code < 500, address
    assert written == []


def test_each_test_and_path_that_the_pages_name_exists() -> None:
    written = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("*.py"))
    pages = [(ROOT / "docs" / name).read_text("utf-8") for name in ("failures.md", "clauses.md")]
    named = {name for page in pages for name in re.findall(r"`(test_[a-z0-9_]+)`", page)}
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in written} == set()
    paths = {path for page in pages for path in re.findall(r"`((?:minping|tests)/[^`]+)`", page)}
    assert {path for path in paths if not (ROOT / path).exists()} == set()
    clauses = set(re.findall(r"`(minan/[\d.]+|R\d+)`", pages[1]))
    assert clauses <= set(law.clauses())


def test_no_two_workers_of_the_two_runs_are_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was led to another's receiver failed both their tests, once in some fifty runs."""
    shares = []
    for database in ("", "postgresql://minping@127.0.0.1/minping"):
        for worker in range(4):
            monkeypatch.setenv("MINPING_DATABASE", database)
            monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
            shares.append(services.own_ports())
    assert len({port for share in shares for port in share}) == sum(map(len, shares))
