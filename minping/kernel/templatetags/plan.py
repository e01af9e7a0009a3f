"""What templates say of the plan: 方案四（二）（3） instead of the id that data and code cite."""

from __future__ import annotations

from django import template

from minping import law

register = template.Library()


@register.filter
def clause(identifier: str) -> str:
    """Where a clause stands in the document, or its title; an id that is not known is shown as it is."""
    known = law.clauses().get(identifier)
    return (known.place or known.title) if known else identifier
