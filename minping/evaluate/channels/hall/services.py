"""An online hall asks for the address of a service's page, or brings a rating that its own page took."""

from __future__ import annotations

from urllib.parse import urlencode

from minping.evaluate import tokens
from minping.evaluate.arrival import back_sign
from minping.evaluate.models import Service
from minping.evaluate.services import InvitationUnknown, Press, Receipt, rating_give
from minping.kernel.access import Actor
from minping.kernel.errors import NotFound, Problem
from minping.registry import queries as registry

FACES = ("pc", "mobile")  # codes of channels.yaml that such a page can be


class FaceUnknown(Problem):
    code = "channel_not_online"
    status = 422
    message = "渠道应为 pc（电脑网页）或 mobile（手机网页或应用）。"
    cure = "窗口装置、电话和短信有各自的接口。"


def invitation_address(
    *, organization_code: str, case_no: str, service_no: int, channel: str, return_url: str, by: Actor
) -> str:
    """The page of the service's one invitation, to be opened in the caller's own page or application.

    `return_url` is where the person may go on afterwards; its origin must be one of the
    installation's `return_origins`.  Raises FaceUnknown, NotFound, ReturnRefused.
    """
    if channel not in FACES:
        raise FaceUnknown(field="channel")
    where = registry.directory().places.get(organization_code)
    found = None
    if where is not None and by.can("invitations:read", where.path):
        found = Service.objects.filter(
            organization_code=organization_code, case_no=case_no, service_no=service_no
        ).values_list("id", flat=True)
    service_id = found.first() if found is not None else None
    if service_id is None:
        raise NotFound("没有这次服务。", cure="请核对机构、办件编号和服务序号；也可能不在这把密钥的范围内。")
    query = {name: value for name, value in (("via", channel), ("back", back_sign(return_url))) if value}
    return f"{tokens.invitation_url(service_id)}?{urlencode(query)}"


def rating_bring(press: Press, *, by: Actor) -> Receipt:
    """Take a rating from the caller's own page: the invitation's token is the person's, the key is the caller's.

    Raises FaceUnknown, and the refusals of `rate`; a token outside the key's organisations is
    as unknown as one that never was.
    """
    if press.channel not in FACES:
        raise FaceUnknown(field="channel")
    organizations = Service.objects.filter(token=tokens.stored(press.token)).values_list("organization_code", flat=True)
    code = organizations.first()
    where = registry.directory().places.get(code) if code else None
    if where is None or not by.can("ratings:write", where.path):
        raise InvitationUnknown(field="token")
    return rating_give(press)
