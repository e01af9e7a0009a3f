"""A word added later, by whoever holds the receipt; the rating itself stays as it was given (minan/2.0, 3.1.3)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate.models import AddedWord, Rating
from minping.evaluate.services.rate import readable
from minping.kernel import ids, journal
from minping.kernel.access import RATER
from minping.kernel.errors import Problem


class NothingSaid(Problem):
    code = "nothing_said"
    status = 422
    message = gettext_noop("请写下要补充的话。")
    cure = ""


class EnoughWords(Problem):
    code = "added_words_most"
    status = 409
    message = gettext_noop("这次评价已经补充过 {most} 次，都保存着。")
    cure = gettext_noop("还有要说的，回访时请告诉复核专员，或拨打 12345。")


def word_add(*, rating: Rating, text: str, at: datetime) -> AddedWord:
    """Keep `text` beside the rating; the same words twice in a row are one (a page sent again).

    Raises NothingSaid, EnoughWords, TextTooLong, TextUnreadable.
    """
    rules = law.at(rating.service.area_code, at.astimezone(law.BEIJING).date())
    text = readable(text, rules).strip()
    if not text:
        raise NothingSaid(field="text")
    most = rules.value("added_words_most").number
    with transaction.atomic():
        Rating.objects.select_for_update().get(pk=rating.pk)  # one after the other
        said = list(AddedWord.objects.filter(rating=rating).order_by("number"))
        if said and said[-1].text == text:
            return said[-1]
        if len(said) >= most:
            raise EnoughWords(most=most)
        word = AddedWord(id=ids.uuid7(at), rating=rating, number=len(said) + 1, text=text, added_at=at)
        word.save(force_insert=True)
        journal.write(
            "rating.word_added", at=at, actor=RATER.name, organization_code=rating.service.organization_code,
            subject=rating.pk, records=[word], number=word.number,
        )  # fmt: skip
    return word
