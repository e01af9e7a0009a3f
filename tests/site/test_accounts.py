"""Signing in, and who may manage whom: deny by default, every act on record."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem
from minping.kernel.home import home
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.registry import demo
from minping.site import accounts, pages
from tests.support.world import FRIDAY, PASSWORD, actor, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
BACKEND = "django.contrib.auth.backends.ModelBackend"
NEW = "全新的口令-2026-长"


@pytest.fixture(autouse=True)
def _quiet_cache() -> None:
    cache.clear()


def sign_in(client: Client, username: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login", {"username": username, "password": password, **more})


def journal(action: str) -> list[JournalEntry]:
    return list(JournalEntry.objects.filter(action=action).order_by("id"))


# --- signing in --------------------------------------------------------------------------------


def test_a_sign_in_gets_a_fresh_session_and_a_row_in_the_journal() -> None:
    client = Client()
    client.get("/login")
    session = client.session
    session["before"] = "planted"
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = planted
    answer = sign_in(client, "reviewer")
    assert (answer.status_code, answer["Location"]) == (303, "/desk/")
    assert client.session.session_key != planted
    (entry,) = journal("signin.done")
    assert (entry.actor, entry.organization_code, entry.facts) == (
        "account:reviewer",
        "minan",
        {"username": "reviewer"},
    )
    assert Account.objects.get(username="reviewer").last_login is not None


def test_after_signing_in_one_comes_to_the_page_one_wanted_but_never_to_another_house() -> None:
    assert sign_in(Client(), "head", next="/accounts/?x=1")["Location"] == "/accounts/?x=1"
    for bait in ("https://example.org/", "//example.org", "javascript:alert(1)"):
        assert sign_in(Client(), "head", next=bait)["Location"] == "/desk/"


def test_a_page_of_the_staff_sends_a_stranger_to_the_sign_in_and_back() -> None:
    answer = Client().get("/accounts/?x=1")
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=%2Faccounts%2F%3Fx%3D1")


def test_a_wrong_password_is_on_record_without_the_password() -> None:
    answer = sign_in(Client(), "reviewer", "不对的口令")
    assert answer.status_code == 422
    assert "账号或密码不对" in answer.content.decode()
    (entry,) = journal("signin.failed")
    assert (entry.actor, entry.facts) == ("anonymous", {"username": "reviewer", "locked": False})
    assert "不对的口令" not in entry.data


def test_an_unknown_name_is_on_record_without_the_name_for_it_may_be_a_password() -> None:
    sign_in(Client(), "my-secret-password", "x")
    (entry,) = journal("signin.failed")
    assert (entry.subject, entry.facts) == (None, {"locked": False})


def test_knocking_for_ever_does_not_fill_the_journal() -> None:
    for number in range(pages.STRANGERS_A_MINUTE + 5):
        sign_in(Client(), f"nobody-{number}", "x")
    assert len(journal("signin.failed")) == pages.STRANGERS_A_MINUTE


def test_an_empty_form_is_no_attempt() -> None:
    assert sign_in(Client(), "", "").status_code == 422
    assert not journal("signin.failed")


def test_five_wrong_passwords_lock_the_account_and_the_right_one_does_not_open_it() -> None:
    statuses = [sign_in(Client(), "reviewer", f"wrong {n}").status_code for n in range(5)]
    assert statuses == [422, 422, 422, 422, 429]
    answer = sign_in(Client(), "reviewer")
    assert answer.status_code == 429
    assert "连续输错 5 次，这个账号锁定 15 分钟" in answer.content.decode()
    assert sign_in(Client(), "head").status_code == 303  # a hall is one address: nobody else is locked
    page = signed_in("operator").get("/accounts/").content.decode()
    assert page.count("暂时锁定") == 1


def test_a_fresh_password_lifts_the_lock() -> None:
    for n in range(5):
        sign_in(Client(), "reviewer", f"wrong {n}")
    account = Account.objects.get(username="reviewer")
    password = accounts.password_reset(account_id=account.pk, by=actor("operator"), at=FRIDAY)
    assert sign_in(Client(), "reviewer", password).status_code == 303


def test_a_disabled_account_neither_signs_in_nor_stays_signed_in() -> None:
    client = signed_in("reviewer")
    assert client.get("/password").status_code == 200
    Account.objects.filter(username="reviewer").update(is_active=False)
    assert client.get("/password").status_code == 302
    assert sign_in(Client(), "reviewer").status_code == 422


def test_signing_out_is_a_press_and_ends_the_session() -> None:
    client = signed_in("reviewer")
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").status_code == 303
    assert client.get("/password").status_code == 302
    assert [entry.actor for entry in journal("signout.done")] == ["account:reviewer"]


def test_a_form_without_its_own_token_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "reviewer").status_code == 403


def test_the_sign_in_page_lets_the_browser_say_where_the_form_came_from() -> None:
    # Under `no-referrer` a browser sends `Origin: null` with a form, which the check of the form's origin refuses.
    assert '<meta name="referrer" content="same-origin">' in Client().get("/login").content.decode()


def test_a_sandbox_shows_the_accounts_to_try_and_a_real_installation_never(settings: Any) -> None:
    file = home().path / demo.FILE
    file.write_text("# 演示账号\nreviewer\t复核专员\ttebo-rulu-4821\n", encoding="utf-8")
    try:
        assert "tebo-rulu-4821" in Client().get("/login").content.decode()
        settings.MINPING_SANDBOX = False
        assert "tebo-rulu-4821" not in Client().get("/login").content.decode()
    finally:
        file.unlink()


# --- passwords ---------------------------------------------------------------------------------


def test_with_a_password_given_by_another_nothing_opens_but_the_page_that_changes_it() -> None:
    Account.objects.filter(username="operator").update(must_change_password=True)
    client = signed_in("operator")
    for address in ("/accounts/", "/delivery/", "/desk/", "/journal/"):
        assert client.get(address)["Location"] == "/password", address
    assert "首次登录" in client.get("/password").content.decode()
    answer = client.post("/password", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert answer.status_code == 303
    assert client.get("/accounts/").status_code == 200
    assert sign_in(Client(), "operator", NEW).status_code == 303


def test_a_change_of_password_ends_the_other_sessions_and_is_on_record() -> None:
    here, elsewhere = signed_in("reviewer"), signed_in("reviewer")
    here.post("/password", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert here.get("/password").status_code == 200
    assert elsewhere.get("/password").status_code == 302
    (entry,) = journal("password.changed")
    assert NEW not in entry.data


@pytest.mark.parametrize(
    ("old", "new", "again", "sentence"),
    [
        ("不对", NEW, NEW, "现在的密码不对"),
        (PASSWORD, NEW, "另一个口令-2026", "两次输入的新密码不一样"),
        (PASSWORD, PASSWORD, PASSWORD, "新密码和现在的一样"),
        (PASSWORD, "1234567890", "1234567890", "数字"),
        (PASSWORD, "短-1", "短-1", "10"),
    ],
    ids=["old one wrong", "not repeated", "the same", "digits only", "too short"],
)
def test_a_weak_or_mistyped_password_is_refused_with_its_reason(old: str, new: str, again: str, sentence: str) -> None:
    answer = signed_in("reviewer").post(
        "/password", {"old_password": old, "new_password1": new, "new_password2": again}
    )
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not journal("password.changed")


# --- managing ----------------------------------------------------------------------------------

FORM = {"username": "window7", "name": "窗口七号", "role": "clerk", "organization": "minan-center", "window": "03"}


def test_a_new_account_gets_a_password_that_is_shown_once_and_must_be_changed() -> None:
    client = signed_in("operator")
    answer = client.post("/accounts/new/", FORM)
    account = Account.objects.get(username="window7")
    page = answer.content.decode()
    password = page.split('class="receipt-code">')[1].split("<")[0]
    assert account.check_password(password)
    assert account.must_change_password
    assert password not in client.get(f"/accounts/{account.pk}/").content.decode()
    assert sign_in(Client(), "window7", password)["Location"] == "/desk/"
    (made,), (given,) = journal("account.created"), journal("role.given")
    assert (made.actor, made.subject, made.organization_code) == ("account:operator", account.pk, "minan-center")
    assert given.facts == {"username": "window7", "role": "clerk", "window": "03"}
    assert password not in made.data + given.data


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"username": "reviewer"}, 409, "已经有了"),
        ({"username": "Ä b"}, 422, "账号写得不对"),
        ({"window": "99"}, 422, "没有这个窗口"),
        ({"role": "emperor"}, 422, "emperor"),
        ({"organization": "neighbour"}, 422, "neighbour"),
        ({"staff_code": "x99"}, 422, "登记簿里没有这个工号"),
        ({"name": " "}, 422, "必填"),
    ],
    ids=["taken", "odd name", "unknown window", "unknown role", "outside the scope", "unknown number", "no label"],
)
def test_a_wrong_account_is_refused_with_its_reason(change: dict[str, str], status: int, sentence: str) -> None:
    answer = signed_in("operator").post("/accounts/new/", {**FORM, **change})
    assert answer.status_code == status
    assert sentence in answer.content.decode()
    assert Account.objects.count() == 8
    assert not JournalEntry.objects.exists()


def test_a_service_gives_no_role_outside_the_scope_whatever_the_page_offers() -> None:
    with pytest.raises(accounts.OutOfScope):
        accounts.account_create(
            username="spy",
            name="邻街道",
            role="operator",
            organization_code="neighbour",
            by=actor("operator"),
            at=FRIDAY,
        )
    with pytest.raises(accounts.OutOfScope):
        accounts.assignment_add(
            account_id=Account.objects.get(username="unit").pk, role="head", organization_code="neighbour",
            by=actor("operator"), at=FRIDAY,
        )  # fmt: skip
    assert not Assignment.objects.filter(organization_code="neighbour").exclude(account__username="neighbour").exists()
    assert not JournalEntry.objects.exists()


def test_roles_are_added_and_taken_with_effect_at_once() -> None:
    client, unit = signed_in("operator"), Account.objects.get(username="unit")
    address = f"/accounts/{unit.pk}/"
    assert signed_in("unit").get("/journal/").status_code == 403
    client.post(address, {"verb": "assign", "role": "auditor", "organization": "minan", "window": ""})
    assert signed_in("unit").get("/journal/").status_code == 200
    added = Assignment.objects.get(account=unit, role="auditor")
    again = client.post(address, {"verb": "assign", "role": "auditor", "organization": "minan", "window": ""})
    assert (again.status_code, "已经有这个角色" in again.content.decode()) == (422, True)
    client.post(address, {"verb": "unassign", "assignment": str(added.pk)})
    assert signed_in("unit").get("/journal/").status_code == 403
    assert [entry.facts["role"] for entry in journal("role.given") + journal("role.taken")] == ["auditor"] * 2


def test_a_changed_account_keeps_on_record_what_changed_but_not_its_label() -> None:
    unit = Account.objects.get(username="unit")
    client = signed_in("operator")
    answer = client.post(f"/accounts/{unit.pk}/", {"name": "中心经办", "staff_code": "w05"})  # active: not ticked
    assert answer.status_code == 303
    unit.refresh_from_db()
    assert (unit.name, unit.staff_code, unit.is_active) == ("中心经办", "w05", False)
    (entry,) = journal("account.changed")
    assert entry.facts == {
        "username": "unit", "changed": ["is_active", "name", "staff_code"], "is_active": False, "staff_code": "w05",
    }  # fmt: skip


OWN: dict[str, Any] = {
    "switching oneself off": lambda me, by: accounts.account_change(
        account_id=me.pk, name=me.name, staff_code=me.staff_code, active=False, by=by, at=FRIDAY
    ),
    "another staff number": lambda me, by: accounts.account_change(
        account_id=me.pk, name=me.name, staff_code="w03", active=True, by=by, at=FRIDAY
    ),
    "giving oneself a role": lambda me, by: accounts.assignment_add(
        account_id=me.pk, role="reviewer", organization_code="minan", by=by, at=FRIDAY
    ),
    "taking one's own role": lambda me, by: accounts.assignment_remove(
        account_id=me.pk, assignment_id=me.assignments.get().pk, by=by, at=FRIDAY
    ),
    "resetting one's own password": lambda me, by: accounts.password_reset(account_id=me.pk, by=by, at=FRIDAY),
}


@pytest.mark.parametrize("act", OWN)
def test_nobody_manages_their_own_account_and_so_nobody_locks_themselves_out(act: str) -> None:
    me = Account.objects.get(username="operator")
    with pytest.raises(accounts.OwnAccount):
        OWN[act](me, actor("operator"))
    assert actor("operator").may("account.manage")
    assert not JournalEntry.objects.exists()


def test_ones_own_label_may_be_changed_on_the_page_though_the_rest_is_locked() -> None:
    me = Account.objects.get(username="operator")
    answer = signed_in("operator").post(f"/accounts/{me.pk}/", {"name": "值班管理员", "staff_code": "w03"})
    me.refresh_from_db()
    assert answer.status_code == 303
    assert (me.name, me.staff_code, me.is_active) == ("值班管理员", "o01", True)


def _part_manager() -> Account:
    """An operator of the centre only, below the office."""
    account = Account.objects.create_account("center-operator", "中心管理员", PASSWORD)
    Assignment.objects.create(account=account, role="operator", organization_code="minan-center")
    return account


def test_an_account_is_managed_only_by_one_whose_scope_holds_all_its_roles() -> None:
    _part_manager()
    unit = Account.objects.get(username="unit")
    Assignment.objects.create(account=unit, role="head", organization_code="minan")
    by = actor("center-operator")
    for act in (
        lambda: accounts.password_reset(account_id=unit.pk, by=by, at=FRIDAY),
        lambda: accounts.account_change(account_id=unit.pk, name="x", staff_code="", active=False, by=by, at=FRIDAY),
        lambda: accounts.assignment_add(
            account_id=unit.pk, role="clerk", organization_code="minan-center", by=by, at=FRIDAY
        ),
    ):
        with pytest.raises(accounts.OutOfScope):
            act()
    page = signed_in("center-operator").get(f"/accounts/{unit.pk}/").content.decode()
    assert "重置密码</button>" not in page
    assert "超出您的管理范围" in page


def test_accounts_outside_the_scope_are_neither_listed_nor_found() -> None:
    _part_manager()
    client = signed_in("center-operator")
    page = client.get("/accounts/").content.decode()
    assert "window3" in page
    for hidden in ("reviewer", "neighbour"):
        assert f">{hidden}<" not in page
        account = Account.objects.get(username=hidden)
        assert client.get(f"/accounts/{account.pk}/").status_code == 404
        with pytest.raises(NotFound):
            accounts.password_reset(account_id=account.pk, by=actor("center-operator"), at=FRIDAY)


def test_an_account_without_a_role_is_the_affair_of_the_office() -> None:
    _part_manager()
    bare = Account.objects.create_account("bare", "还没有角色的", PASSWORD)
    assert signed_in("operator").get(f"/accounts/{bare.pk}/").status_code == 200
    assert signed_in("center-operator").get(f"/accounts/{bare.pk}/").status_code == 404


@pytest.mark.parametrize("username", ["window3", "unit", "reviewer", "head", "auditor", "neighbour"])
def test_accounts_open_to_nobody_without_the_permission(username: str) -> None:
    client, unit = signed_in(username), Account.objects.get(username="unit")
    for address in ("/accounts/", "/accounts/new/", f"/accounts/{unit.pk}/"):
        assert client.get(address).status_code == 403
    assert client.post(f"/accounts/{unit.pk}/", {"verb": "reset"}).status_code == 403
    with pytest.raises((Forbidden, NotFound)):
        accounts.password_reset(account_id=unit.pk, by=actor(username), at=FRIDAY)


def test_a_first_password_is_random_and_passes_for_a_password() -> None:
    from django.contrib.auth.password_validation import validate_password

    made = {accounts.first_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        validate_password(password)


def test_a_real_installation_hashes_passwords_with_argon2() -> None:
    from minping.site import settings as real

    assert real.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_the_list_of_accounts_costs_the_same_for_few_and_many(django_assert_max_num_queries: Any) -> None:
    client = signed_in("operator")
    client.get("/accounts/")
    with django_assert_max_num_queries(8) as few:
        client.get("/accounts/")
    for number in range(60):
        account = Account.objects.create_account(f"clerk{number:02}", f"窗口 {number}", PASSWORD)
        Assignment.objects.create(account=account, role="clerk", organization_code="minan-center", window_code="03")
    with django_assert_max_num_queries(len(few)) as many:
        page = client.get("/accounts/").content.decode()
    assert len(many) == len(few)
    assert page.count('<th scope="row" class="code"') == 50
    second = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert client.get(second).content.decode().count('<th scope="row" class="code"') == 17


def test_a_lock_page_needs_nothing_of_the_attempt() -> None:
    request = RequestFactory().post("/login", {"username": "reviewer", "password": "x"})
    request.user = None  # type: ignore[assignment]
    answer = pages.locked_out(request, None, {"username": "reviewer"})
    assert answer.status_code == 429


def test_each_refusal_of_accounts_has_a_name_and_a_cure() -> None:
    for kind in (accounts.OwnAccount, accounts.OutOfScope, accounts.UsernameTaken):
        problem: Problem = kind(username="x")
        assert problem.code and problem.message.endswith("。") and problem.cure
    assert issubclass(accounts.UsernameTaken, Invalid)
