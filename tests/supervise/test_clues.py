"""A clue for 纪检: the attacks. Whoever holds the database, the home folder and every account cannot open it."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.models import Rating
from minping.kernel import journal, privacy
from minping.kernel.errors import Invalid, Problem
from minping.kernel.home import home
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.registry import queries as registry
from minping.supervise import clues, reader, sealed
from minping.supervise.models import Clue, ClueKey
from tests.supervise.world import MARK, PASSPHRASE, key_in_force, key_pair
from tests.support.live import CHECKOUT
from tests.support.world import FRIDAY, Story, actor, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
STAFF = ("window3", "window5", "unit", "reviewer", "head", "inside", "operator", "auditor", "neighbour")
CONTACT = "微信：群众甲"


def reported() -> tuple[Rating, Clue, sealed.Private]:
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
    head, _, *parts = content.decode().split(".")
    iv, told, tag = (base64.urlsafe_b64decode(part + "==") for part in parts)
    for name in home().keys():  # noqa: SIM118 — a method that returns the keys
        if name == "seal_id":
            continue
        with pytest.raises(InvalidTag):  # every secret of the installation, taken as the key of the content
            AESGCM(home().key(name)).decrypt(iv, told + tag, head.encode())
    with pytest.raises(Problem):
        privacy.unseal(content, f"clue:{clue.pk.hex}")
    with pytest.raises(sealed.NotOpened):
        sealed.unseal(content, clue.number, key_pair(1)[2])
    assert sealed.unseal(content, clue.number, private)["words"] == MARK  # and the officer does


def test_no_account_but_the_officers_sees_that_there_is_one() -> None:
    rating, clue, _ = reported()
    case = rating.case
    for name in STAFF:
        client = signed_in(name)
        for address in (f"/clues/{clue.pk}/take/", f"/clues/{clue.pk}/read/", f"/clues/{clue.pk}/settle/"):
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
    assert b'"PBES2-HS512+A256KW"' in base64.urlsafe_b64decode(key.read_bytes().split(b".")[0] + b"==")
    public = next(line.split("：")[1] for line in made.stdout.splitlines() if "mpclue2:" in line)
    assert minping("keygen", str(key)).returncode == 1  # never over a key that is there
    file = tmp_path / "线索.json"
    files = [
        {"name": name, "kind": "jpg", "content": base64.b64encode(PICTURE).decode()} for name in ("图.jpg", "../图.jpg")
    ]
    told = sealed.seal({"words": MARK, "from": "rater", "files": files}, "线索-1", sealed.public_of(public))
    file.write_bytes(sealed.file_of("线索-1", "", told))
    opened = minping("open", str(file), "--key", str(key))
    assert (opened.returncode, MARK in opened.stdout) == (0, True), opened.stderr
    (tmp_path / "附件").mkdir()
    assert minping("open", str(file), "--key", str(key), "--to", str(tmp_path / "附件")).returncode == 0
    assert {one.name: one.read_bytes() for one in (tmp_path / "附件").iterdir()} == {
        "1-图.jpg": PICTURE,
        "2-图.jpg": PICTURE,
    }
    wrong = minping("open", str(file), "--key", str(key), typed="不是这个口令啊啊啊")
    assert (wrong.returncode, MARK in wrong.stdout, "clue_key_locked" in wrong.stderr) == (1, False, True)
    assert not (tmp_path / "none").exists()


def test_a_sealed_file_that_was_changed_or_renumbered_does_not_open() -> None:
    _, public, private = key_pair()
    told = sealed.seal({"words": MARK}, "线索-1", public)
    assert sealed.unseal(told, "线索-1", private)["words"] == MARK
    for bad, number in ((told[:-1] + bytes([told[-1] ^ 1]), "线索-1"), (told, "线索-2"), (b"", "线索-1")):
        with pytest.raises(sealed.NotOpened):
            sealed.unseal(bad, number, private)


def test_the_length_of_what_is_kept_says_nothing_of_the_words() -> None:
    _, public, _ = key_pair()
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


def test_a_key_that_is_none_or_too_short_is_refused() -> None:
    short = rsa.generate_private_key(65537, 2048).public_key()
    curve = X25519PrivateKey.generate().public_key()
    der = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for bad in (b"", b"x" * 422, short.public_bytes(*der), curve.public_bytes(*der)):
        with pytest.raises(Invalid, match="这不是纪检公钥"):
            sealed.public_of(sealed.public_text(bad))
    _, public, _ = key_pair()
    assert sealed.public_of(sealed.public_text(public)) == public


def test_the_reader_runs_its_own_script_and_may_reach_nothing() -> None:
    _, clue, _ = reported()
    officer = signed_in("discipline")
    answer = officer.post(f"/clues/{clue.pk}/read/")
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "self" not in policy and "unsafe" not in policy and "connect-src" not in policy
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert (clue.number in page, MARK in page) == (True, False)
    assert (page.count("<script"), "src=" in page, "http:" in page, "https:" in page) == (1, False, False, False)
    row = JournalEntry.objects.get(subject=clue.pk, action="clue.taken")
    assert (row.actor, row.facts["into"]) == ("account:discipline", "reader")
    assert "在浏览器里打开" in officer.get("/clues/").content.decode()
    clue.refresh_from_db()
    assert clue.state == "taken"


def test_the_reader_that_is_kept_is_the_one_that_is_served_and_the_manual_names_its_hash(tmp_path: Path) -> None:
    kept = signed_in("discipline").get("/clues/reader/?keep=1")
    assert kept["Content-Disposition"].startswith("attachment")
    assert kept.content == reader.page()
    assert signed_in("discipline").get("/clues/reader/").content == reader.page()
    assert hashlib.sha256(kept.content).hexdigest() == reader.mark()
    assert reader.mark() in (CHECKOUT / "docs" / "operate.md").read_text("utf-8"), "docs/operate.md: 阅读器的指纹"
    for name in ("operator", "reviewer", "window3"):
        assert signed_in(name).get("/clues/reader/").status_code in (403, 404), name
    for name in STAFF:
        assert signed_in(name).post(f"/clues/{Clue().pk}/read/").status_code in (403, 404), name


PICTURE = b"\xff\xd8\xff\xe0 not for everybody"


def packed(*names: str, size: int = 10) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"0" * size)
    return file.getvalue()


def attached(name: str = "现场.jpg", content: bytes = PICTURE) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_what_is_attached_stands_in_the_seal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    _, private = key_in_force()
    rating = Story().negative().rating
    cache.clear()
    before = set(home().evidence.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # whoever would put it on a disk for a moment fails
    big = attached("录音.wav", b"RIFF0000WAVE" + MARK.encode() + os.urandom(4_000_000))
    answer = Client().post("/report/", {**report_form(rating), "files": [attached(), big]})
    assert answer.status_code == 302
    clue = Clue.objects.get()
    told = sealed.unseal(bytes(clue.sealed), clue.number, private)
    assert [one["name"] for one in told["files"]] == ["现场.jpg", "录音.wav"]
    assert base64.b64decode(told["files"][0]["content"]) == PICTURE
    raw = base64.b64encode(PICTURE)
    assert not any(PICTURE in one or raw in one or MARK.encode() in one for one in everything_kept())
    assert set(home().evidence.iterdir()) == before  # not kept as evidence is, nor shown small


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("页面.pdf", b"<html><script>alert(1)</script>", "可用的文件"),
        ("现场.html", PICTURE, "可用的文件"),
        ("程序.docx", b"MZ\x90", "可用的文件"),
        ("压缩包.docx", packed("a.exe"), "不符"),
        ("宏.docx", packed("word/document.xml", "word/vbaProject.bin"), "宏"),
        ("炸弹.docx", packed("word/document.xml", size=210_000_000), "展开"),
        ("半个.docx", b"PK\x03\x04", "不符"),
        ("大.jpg", PICTURE + bytes(5 * 1024 * 1024), "最大 5 MB"),
        ("空.jpg", b"", "空的"),
    ],
)
def test_an_attachment_that_is_not_what_it_says_is_refused_and_nothing_is_handed_in(
    name: str, content: bytes, why: str
) -> None:
    key_in_force()
    rating = Story().negative().rating
    cache.clear()
    answer = Client().post("/report/", {**report_form(rating), "files": [attached(), attached(name, content)]})
    page = answer.content.decode()
    assert (answer.status_code, why in page, name in page) == (422, True, True)
    assert MARK in page  # what was typed is not lost
    assert not Clue.objects.exists()


def test_more_attachments_than_the_law_file_allows_are_refused() -> None:
    key_in_force()
    case = Story().called()
    answer = signed_in("reviewer").post(
        f"/cases/{case.pk}/clue/", {"words": MARK, "files": [attached() for _ in range(4)]}
    )
    assert "最多 3 份" in answer.content.decode()
    taken = signed_in("reviewer").post(
        f"/cases/{case.pk}/clue/", {"words": MARK, "files": [attached() for _ in range(3)]}
    )
    assert (taken.status_code, Clue.objects.count()) == (302, 1)


def test_the_forms_with_attachments_still_ask_for_their_token() -> None:
    key_in_force()
    case = Story().called()
    assert Client(enforce_csrf_checks=True).post("/report/", report_form(case.rating)).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(Account.objects.get(username="reviewer"), backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(f"/cases/{case.pk}/clue/", {"words": MARK, "files": [attached()]}).status_code == 403
    assert not Clue.objects.exists()


def test_a_clue_that_is_done_with_is_not_kept_for_ever() -> None:
    _, clue, _ = reported()
    officer = actor("discipline")
    clues.clue_take(clue_id=clue.pk, by=officer, at=FRIDAY)
    clues.clue_settle(clue_id=clue.pk, by=officer, at=FRIDAY)
    assert clues.clues_expire(area_code="350213005", at=FRIDAY + timedelta(days=1095)) == 0
    assert clues.clues_expire(area_code="350213005", at=FRIDAY + timedelta(days=1095, seconds=1)) == 1
    clue.refresh_from_db()
    assert bytes(clue.sealed) == b""
    with pytest.raises(clues.ClueRemoved):
        clues.clue_take(clue_id=clue.pk, by=officer, at=FRIDAY + timedelta(days=1200))
    page = signed_in("discipline").get("/clues/").content.decode()
    assert (clue.number in page, "保存期满已清除" in page, f"/clues/{clue.pk}/read/" in page) == (True, True, False)
    assert journal.verify().clean


def test_what_was_typed_is_in_no_session_when_it_is_refused() -> None:
    case = Story().called()  # no key: refused
    client = signed_in("reviewer")
    answer = client.post(f"/cases/{case.pk}/clue/", {"words": MARK})
    assert answer.status_code == 422
    assert not any(MARK in str(value) for value in client.session.values())
    assert Clue.objects.count() == 0


def test_only_a_second_person_puts_a_key_into_force_and_only_with_the_fingerprint_from_paper() -> None:
    _, public, _ = key_pair()
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
    second, _ = key_in_force(which=1)
    first.refresh_from_db()
    assert first.retired_at is not None
    assert sealed.unseal(bytes(Clue.objects.get().sealed), Clue.objects.get().number, private)["words"] == MARK
    assert journal.verify().clean
    _, evil, _ = key_pair(2)
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
