"""What templates of public pages say about languages: `{% load words %}`."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from minping.kernel import language

register = template.Library()


@register.simple_tag
def html_lang() -> str:
    """The page's lang: needs no context, for a 500 has none."""
    return language.current().tag


@register.simple_tag
def voice_lang() -> str:
    return language.current().voice


@register.filter
def said(text: object) -> str:
    """A name out of the registry, plain, for attributes and titles."""
    return language.said(str(text or ""))


@register.filter
def native(text: object) -> SafeString | str:
    """A name out of the registry: on an English page it is Chinese, and says so to whoever reads the page aloud."""
    shown = language.said(str(text or ""))
    if language.current().code == language.ENGLISH and not shown.isascii():
        return format_html('<span lang="zh-CN">{}</span>', shown)
    return shown
