"""A clue for 纪检: the attacks. Whoever holds the database, the home folder and every account cannot open it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.cache import cache
from django.db import connection
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.models import Rating
from minping.kernel import journal, privacy
from minping.kernel.errors import Invalid, Problem
from minping.kernel.home import home
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.registry import queries as registry
from minping.supervise import clues, sealed
from minping.supervise.models import Clue, ClueKey
from tests.supervise.world import MARK, PASSPHRASE, key_in_force
from tests.support.world import FRIDAY, Story, actor, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
STAFF = ("window3", "window5", "unit", "reviewer", "head", "inside", "operator", "auditor", "neighbour")
CONTACT = "微信：群众甲"


def reported() -> tuple[Rating, Clue, X25519PrivateKey]:
    """A rater reports from the receipt page."""
    _, private = key_in_force()
    rating = Story().negative().rating
    cache.clear()
    answer = Client().post("/report/", report_form(rating))
    assert (answer.status_code, answer["Location"]) == (302, "/report/done/")
    return rating, Clue.objects.get(), private


def report_form(rating: Rating, **more: str) -> dict[str, str]:
    return {"code": tokens.receipt_code(rating.pk), "step": "send", "words": MARK, "contact": CONTACT, **more}


def everything_kept() -> list[bytes]:
    """All that whoever runs the machine holds: each value of each table, each file of the home folder."""
    found: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for value in itertools.chain.from_iterable(cursor.fetchall()):
                raw = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                found.append(raw)
    found += [file.read_bytes() for file in home().path.rglob("*") if file.is_file()]
    return found


def test_the_database_and_the_home_folder_together_open_nothing() -> None:
    _, clue, private = reported()
    kept = everything_kept()
    for said in (MARK, CONTACT):
        assert not any(said.encode() in one or json.dumps(said).encode() in one for one in kept)
    content = bytes(clue.sealed)
    for name in home().keys():  # noqa: SIM118 — a method that returns the keys
        if name == "seal_id":
            continue
        with pytest.raises(sealed.NotOpened):  # every secret of the installation, taken as the private key
            sealed.unseal(content, clue.number, X25519PrivateKey.from_private_bytes(home().key(name)))
    with pytest.raises(Problem):
        privacy.unseal(content, f"clue:{clue.pk.hex}")
    with pytest.raises(sealed.NotOpened):
        sealed.unseal(content, clue.number, X25519PrivateKey.generate())
    assert sealed.unseal(content, clue.number, private)["words"] == MARK  # and the officer does


def test_no_account_but_the_officers_sees_that_there_is_one() -> None:
    rating, clue, _ = reported()
    case = rating.case
    for name in STAFF:
        client = signed_in(name)
        for address in (f"/clues/{clue.pk}/take/", f"/clues/{clue.pk}/settle/"):
            assert client.post(address).status_code in (403, 404), name
        for address in ("/clues/", "/journal/", "/units/", f"/desk/mine/{case.pk}/", "/desk/done/"):
            page = client.get(address).content.decode()
            assert clue.number not in page, (name, address)
            assert MARK not in page
            assert str(clue.pk) not in page
    officer = signed_in("discipline").get("/clues/").content.decode()
    assert clue.number in officer
    assert "评价人反映" in officer
    assert MARK not in officer


def test_an_officer_of_elsewhere_who_audits_here_sees_no_row_of_the_clue() -> None:
    _, clue, _ = reported()
    auditor = Account.objects.get(username="auditor")
    assert clue.number not in signed_in("auditor").get("/journal/").content.decode()
    Assignment.objects.create(account=auditor, role="discipline", organization_code="neighbour")
    assert clue.number not in signed_in("auditor").get("/journal/").content.decode()
    Assignment.objects.create(account=auditor, role="discipline", organization_code="minan")
    assert clue.number in signed_in("auditor").get("/journal/").content.decode()


def test_the_officer_takes_it_out_each_time_on_record_and_opens_it_offline() -> None:
    rating, clue, private = reported()
    officer = signed_in("discipline")
    for _ in range(2):
        answer = officer.post(f"/clues/{clue.pk}/take/")
        assert answer["Content-Disposition"].startswith("attachment")
    told = sealed.file_open(answer.content, private)
    assert (told["words"], told["contact"], told["case"]) == (MARK, CONTACT, rating.case.number)
    rows = JournalEntry.objects.filter(subject=clue.pk, action="clue.taken")
    assert [row.actor for row in rows] == ["account:discipline"] * 2
    assert "取件记录" in officer.get("/clues/").content.decode()
    assert officer.post(f"/clues/{clue.pk}/settle/").status_code == 302
    assert journal.verify().clean


def test_the_command_opens_it_on_a_machine_without_an_installation(tmp_path: Path) -> None:
    key = tmp_path / "私钥.pem"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MINPING_", "DJANGO_"))}

    def minping(*arguments: str, typed: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "minping.cli", "--home", str(tmp_path / "none"), "clue", *arguments], env=env,
            input=typed + "\n", capture_output=True, text=True, check=False,
        )  # fmt: skip

    made = minping("keygen", str(key))
    assert made.returncode == 0, made.stderr
    assert key.stat().st_mode & 0o077 == 0
    assert b"ENCRYPTED" in key.read_bytes()
    public = next(line.split("：")[1] for line in made.stdout.splitlines() if "mpclue1:" in line)
    assert minping("keygen", str(key)).returncode == 1  # never over a key that is there
    file = tmp_path / "线索.json"
    told = sealed.seal({"words": MARK, "from": "rater"}, "线索-1", sealed.public_of(public))
    file.write_bytes(sealed.file_of("线索-1", "", told))
    opened = minping("open", str(file), "--key", str(key))
    assert (opened.returncode, MARK in opened.stdout) == (0, True), opened.stderr
    wrong = minping("open", str(file), "--key", str(key), typed="不是这个口令啊啊啊")
    assert (wrong.returncode, MARK in wrong.stdout, "clue_key_locked" in wrong.stderr) == (1, False, True)
    assert not (tmp_path / "none").exists()


def test_a_sealed_file_that_was_changed_or_renumbered_does_not_open() -> None:
    pem, public = sealed.key_make(PASSPHRASE)
    private = sealed.key_read(pem, PASSPHRASE)
    told = sealed.seal({"words": MARK}, "线索-1", public)
    assert sealed.unseal(told, "线索-1", private)["words"] == MARK
    for bad, number in ((told[:-1] + bytes([told[-1] ^ 1]), "线索-1"), (told, "线索-2"), (b"", "线索-1")):
        with pytest.raises(sealed.NotOpened):
            sealed.unseal(bad, number, private)


def test_the_length_of_what_is_kept_says_nothing_of_the_words() -> None:
    _, public = sealed.key_make(PASSPHRASE)
    assert len({len(sealed.seal({"words": "字" * n}, "1", public)) for n in (1, 50, 800)}) == 1


def test_the_row_of_the_journal_names_neither_who_nor_which_case() -> None:
    key_in_force()
    case = Story().called()
    clues.clue_hand_in(case=case, words=MARK, by=actor("reviewer"), at=FRIDAY)
    row = JournalEntry.objects.get(action="clue.sealed")
    clue = Clue.objects.get()
    assert (row.actor, row.subject, set(row.facts)) == ("sealed", clue.pk, {"number"})
    whole = f"{row.data}{row.actor}{clue.number}"
    assert case.number not in whole
    assert "reviewer" not in whole
    assert clue.trace is None
    assert not JournalEntry.objects.filter(subject=case.pk, action__startswith="clue").exists()


@pytest.mark.parametrize(("name", "may"), [("reviewer", True), ("head", True), ("unit", False), ("operator", False)])
def test_who_may_hand_in_is_a_matter_of_the_law_file(name: str, may: bool) -> None:
    key_in_force()
    case = Story().called()
    client = signed_in(name)
    link = f"/cases/{case.pk}/clue/"
    assert (link in client.get(f"/desk/mine/{case.pk}/").content.decode()) is may
    assert client.get(link).status_code == (200 if may else 403)
    answer = client.post(link, {"words": MARK})
    assert answer.status_code == (302 if may else 403)
    assert Clue.objects.count() == int(may)


def test_what_was_typed_is_in_no_session_when_it_is_refused() -> None:
    case = Story().called()  # no key: refused
    client = signed_in("reviewer")
    answer = client.post(f"/cases/{case.pk}/clue/", {"words": MARK})
    assert answer.status_code == 422
    assert not any(MARK in str(value) for value in client.session.values())
    assert Clue.objects.count() == 0


def test_only_a_second_person_puts_a_key_into_force_and_only_with_the_fingerprint_from_paper() -> None:
    pem, public = sealed.key_make(PASSPHRASE)
    assert pem
    text = sealed.public_text(public)
    for name in ("operator", "head", "reviewer"):
        with pytest.raises(Problem):
            clues.key_propose(organization_code="minan", name="纪检", public=text, by=actor(name), at=FRIDAY)
    with pytest.raises(Invalid):
        clues.key_propose(organization_code="minan", name="纪检", public="x" + text, by=actor("discipline"), at=FRIDAY)
    key = clues.key_propose(organization_code="minan", name="纪检", public=text, by=actor("discipline"), at=FRIDAY)
    assert clues.key_for("minan-center") is None  # proposed is not in force
    for name in ("operator", "discipline", "neighbour"):
        with pytest.raises(Problem):
            clues.key_confirm(key_id=key.pk, fingerprint=key.fingerprint, by=actor(name), at=FRIDAY)
    page = signed_in("head").get("/clues/").content.decode()
    assert key.fingerprint not in page  # typed from paper, not copied from the page
    with pytest.raises(Invalid, match="指纹不一致"):
        clues.key_confirm(key_id=key.pk, fingerprint="0" * 32, by=actor("head"), at=FRIDAY)
    clues.key_confirm(key_id=key.pk, fingerprint=key.fingerprint, by=actor("head"), at=FRIDAY)
    found = clues.key_for("minan-center")
    assert found is not None
    assert found.pk == key.pk
    assert clues.key_for("neighbour") is None


def test_a_new_key_retires_the_old_and_a_swapped_one_is_found() -> None:
    first, private = key_in_force()
    rating = Story().negative().rating
    clues.report_hand_in(service=rating.service, words=MARK, contact="", at=FRIDAY)
    second, _ = key_in_force()
    first.refresh_from_db()
    assert first.retired_at is not None
    assert sealed.unseal(bytes(Clue.objects.get().sealed), Clue.objects.get().number, private)["words"] == MARK
    assert journal.verify().clean
    _, evil = sealed.key_make("管理员自己的口令啊啊")
    ClueKey.objects.filter(pk=second.pk).update(public=evil)  # the administrator swaps the key in the database
    assert not journal.verify().clean


def test_the_receipt_says_how_far_it_is_and_the_rated_see_nothing() -> None:
    rating, clue, _ = reported()
    code = tokens.receipt_code(rating.pk)
    assert "已收到" in Client().post("/receipt", {"code": code}).content.decode()
    clues.clue_take(clue_id=clue.pk, by=actor("discipline"), at=FRIDAY)
    page = Client().post("/receipt", {"code": code}).content.decode()
    assert "已转交" in page
    assert MARK not in page
    link = Client().get(f"/r/{tokens.invitation_token(rating.service_id)}").content.decode()
    assert "已转交" in link
    assert "向纪检反映" in link


def test_looking_hands_nothing_in_and_the_code_stands_in_no_address() -> None:
    key_in_force()
    rating = Story().negative().rating
    assert Client().get("/report/").status_code == 302
    form = Client().post("/report/", {"code": tokens.receipt_code(rating.pk)})
    assert form.status_code == 200
    assert Client().post("/report/", {"code": "0000 0000 0000 0000", "step": "send", "words": "x"}).status_code == 404
    empty = Client().post("/report/", report_form(rating, words="  "))
    assert (empty.status_code, CONTACT in empty.content.decode()) == (422, True)
    assert Clue.objects.count() == 0


def test_guessing_codes_and_flooding_one_are_stopped() -> None:
    key_in_force()
    rating = Story().negative().rating
    cache.clear()
    answers = [Client().post("/report/", report_form(rating)).status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]
    assert Clue.objects.count() == 5
    guesses = [Client().post("/report/", {"code": f"{n:016d}"}).status_code for n in range(25)]
    assert guesses[-1] == 429
    cache.clear()


def test_without_a_key_nobody_is_told_that_it_is_sealed() -> None:
    rating = Story().negative().rating
    answer = Client().post("/report/", report_form(rating))
    assert answer.status_code == 409
    assert "12388" in answer.content.decode()
    assert registry.place("minan").code == "minan"
