"""The duties of the channel, one file each."""

from minping.evaluate.channels.sms.services.codes import phone_code_check, phone_code_send
from minping.evaluate.channels.sms.services.invite import invitations_make
from minping.evaluate.channels.sms.services.reply import reply_receive
from minping.evaluate.channels.sms.services.send import report_receive, texts_send

__all__ = [
    "invitations_make", "phone_code_check", "phone_code_send", "reply_receive", "report_receive", "texts_send",
]  # fmt: skip
