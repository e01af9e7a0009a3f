"""The reader as a file on the officer's own machine, without a network and without an installation (decision 0070)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from minping.supervise import reader, sealed
from tests.supervise.world import MARK, PASSPHRASE, key_pair
from tests.support import browser as browsers

pytestmark = [pytest.mark.browser, pytest.mark.once]


def read(page: Page, file: Path, key: Path) -> None:
    page.get_by_label("密封件").set_input_files(file)
    page.get_by_label("私钥文件").set_input_files(key)
    page.get_by_label("私钥口令").fill(PASSPHRASE)
    page.get_by_role("button", name="打开", exact=True).click()


def test_kept_as_a_file_it_opens_what_the_program_sealed_and_nothing_that_was_changed(tmp_path: Path) -> None:
    page_file, key, other = tmp_path / "阅读器.html", tmp_path / "k.key", tmp_path / "o.key"
    page_file.write_bytes(reader.page())
    made, public, _ = key_pair()
    key.write_bytes(made)
    other.write_bytes(key_pair(1)[0])
    evil = "<img src=x onerror=alert(1)>"
    told = sealed.seal({"from": "staff", "words": f"{MARK}{evil}", "case": "差评-1"}, "线索-1", public)
    good, renumbered, changed = (tmp_path / f"{n}.json" for n in range(3))
    good.write_bytes(sealed.file_of("线索-1", "", told))
    renumbered.write_bytes(sealed.file_of("线索-2", "", told))
    changed.write_bytes(sealed.file_of("线索-1", "", told[:-4] + (b"AAAA" if told[-4:] != b"AAAA" else b"BBBB")))
    with browsers.browser() as chromium:
        page = browsers.page(chromium, "phone")
        page.context.set_offline(True)
        page.goto(page_file.as_uri())
        read(page, good, key)
        expect(page.get_by_text(MARK)).to_be_visible()
        assert evil in page.locator("#told").inner_text()  # words, never markup
        assert page.locator("#told img").count() == 0
        assert page.get_by_label("私钥口令").input_value() == ""
        browsers.picture(page, "reader-kept")
        for file, by, why in (
            (renumbered, key, "编号被改动过"),
            (changed, key, "打不开：不是封给这把私钥的"),
            (good, other, "打不开：不是封给这把私钥的"),
            (good, good, "这不是要选的文件"),
            (key, key, "这不是密封件"),
        ):
            read(page, file, by)
            expect(page.get_by_text(why)).to_be_visible()
            expect(page.get_by_role("heading", name="内容")).to_be_hidden()
        assert page.evaluate("Object.keys(localStorage).length + document.cookie.length") == 0
    assert json.loads(good.read_text())["format"] == sealed.FORMAT
