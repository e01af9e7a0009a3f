"""日志: the newest rows in plain words, and the check that nothing was altered, removed or inserted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping import law
from minping.feedback.models import Case
from minping.kernel import clock, journal
from minping.kernel.access import Actor
from minping.kernel.models import Account, ApiKey, JournalEntry
from minping.kernel.paging import page_of
from minping.kernel.web import actor, staff_page
from minping.registry import queries as registry
from minping.supervise import clues
from minping.upstream.states import KINDS

PAGE = 100
VERIFY_MOST = 200_000  # records that a page may recompute; more is the command's work

# Every action that is written anywhere (tests/site/test_pages.py looks for what is missing).
ACTIONS = {
    "services.received": "收到服务",
    "device.pairing": "生成配对码",
    "device.paired": "装置配对",
    "device.revoked": "停用装置",
    "device.offered": "窗口平板请评价",
    "device.checked": "晨检",
    "device.keypad": "按键评价器报来一按",
    "below.service": "收到下级的服务",
    "below.first": "收到下级的评价",
    "below.package": "收到下级的套餐总评（带入一项）",
    "below.supplementary": "收到下级的追评",
    "below.rerating": "收到下级的再评",
    "below.changed": "下级的评价有了新的一版",
    "below.default": "收到下级的默认",
    "below.case": "收到下级差评件的进展",
    "below.order": "收到下级整改的进展",
    "below.revocation": "收到下级的撤销申请",
    "below.disputed": "下级申请撤销，照常计入",
    "below.revoke": "决定撤销下级的差评",
    "below.refuse": "不予撤销下级的差评",
    "below.forward": "转报下级的撤销申请",
    "below.report": "收到下级的季度报告",
    "below.organization": "按下级所报建立机构",
    "below.sent_down": "下发下级",
    "incoming.forwarded": "上级已转报撤销申请",
    "incoming.supervision": "上级督办",
    "rating.first": "收到评价",
    "rating.package": "收到套餐总评（带入一项）",
    "package.rated": "收到一件事套餐总评",
    "rating.supplementary": "收到追评",
    "rating.rerating": "收到再评",
    "rating.changed": "评价人修改评价",
    "rating.word_added": "评价人补充了一句话",
    "rating.asked": "派出电话请评",
    "rating.ask_ended": "电话请评结束",
    "call.started": "自动电话开始",
    "call.event": "自动电话报来一步",
    "calls.lost": "自动电话断线，按挂断处理",
    "texts.sent": "发出短信",
    "reply.received": "收到短信回复",
    "phone_code.asked": "要手机验证码",
    "window_codes.made": "生成窗口码",
    "window_code.replaced": "更换窗口码",
    "defaults.made": "到期记为默认",
    "case.opened": "差评立件",
    "case.withdrawn": "差评件撤回（评价人改了评价）",
    "case.rating_changed": "差评件随评价更新",
    "case.called": "电话回访",
    "case.opened_by_ticket": "按来件立件",
    "case.ticket_joined": "并入来件",
    "case.ticket_updated": "来源更新了来件",
    "case.rated": "差评并入按来件立的件",
    "case.explain": "解释说明后答复来源",
    "case.reconsider": "来件反映没有解决，重新核实",
    "case.typed": "手工录入上级转来的差评",
    "case.came_late": "核实时限从下发到本地起算",
    "case.told": "整改的进展告知上级",
    "ticket.received": "收到来件",
    "ticket.updated": "来件更新",
    "ticket.kept": "评价改好，来件另立件",
    "ticket.late": "来件对应的件已办结，待定",
    "ticket.choose": "认定来件对应的件",
    "ticket.own": "来件另立一件",
    "ticket.reopen": "来件重新核实原件",
    "ticket.told": "来件按办理结果答复",
    "answer.made": "作出来件答复",
    "answer.written": "改好来件答复",
    "answer.delivered": "来件答复送达",
    "answers.exported": "下载来件答复清单",
    "case.confirmed": "核实属实",
    "case.appeal": "窗口申诉",
    "case.dismiss": "申诉不成立",
    "case.mistaken": "认定误评",
    "case.not_ours": "认定不是本单位的事项",
    "case.malicious": "认定恶意",
    "case.second": "第二人复核同意",
    "case.doubt": "第二人复核不同意",
    "case.approve": "同意申请撤销",
    "case.disapprove": "不同意申请撤销",
    "case.forward": "上级转报撤销申请",
    "case.revoke": "上级已撤销",
    "case.refuse": "上级不予撤销",
    "case.supervise": "督办",
    "case.assign": "转给其他单位核实",
    "case.assign_review": "转给其他单位复核申诉",
    "case.accept": "差评件整改通过验收",
    "case.reopen": "差评件重新整改",
    "revocation.proposed": "提出撤销申请",
    "revocation.seconded": "撤销申请第二人复核",
    "revocation.sent_back": "撤销申请退回",
    "revocation.approved": "撤销申请上报",
    "revocation.forwarded": "撤销申请转报",
    "revocation.answered": "撤销申请得到答复",
    "revocation.decided": "本级裁决撤销申请",
    "order.explain": "解释说明",
    "order.ask_extension": "申请整改延期",
    "order.extend": "同意整改延期",
    "order.transfer": "整改转办给实际责任单位",
    "order.keep": "不同意整改延期",
    "order.suspend": "申诉复核，暂停整改",
    "order.resume": "恢复整改",
    "order.cancel": "差评已撤销，不再整改",
    "order.unreached": "回访：无法联系",
    "case.closed": "差评件办结",
    "case.due_recomputed": "放假安排公布，重算核实期限",
    "order.due_recomputed": "放假安排公布，重算整改期限",
    "identity.opened": "查看联系方式",
    "order.assigned": "转办整改",
    "order.report": "报送整改情况",
    "order.return": "退回补充整改",
    "order.accept": "验收通过",
    "order.solve": "回访：解决了",
    "order.fail": "回访：没有解决",
    "order.rerate_bad": "再评仍不满意",
    "order.finish": "整改办结",
    "evidence.added": "上传整改材料",
    "document.added": "上传案卷材料",
    "template.saved": "保存答复模板",
    "template.deleted": "删除答复模板",
    "mark.set": "标记差评件",
    "mark.cleared": "取消标记",
    "evidence.removed": "保存期满，清除材料内容",
    "call.removed": "保存期满，清除回访原话",
    "evidence.strays": "清除没有登记的材料（办理没有成功的）",
    "clue.removed": "保存期满，清除线索密封件",
    "case.printed": "打印处理单",
    "message.refused": "省平台拒收",
    "message.replayed": "重发",
    "visit.opened": "到上级评价页",
    "visit.fell_back": "上级评价页打不开，在本系统评",
    "message.done_by_hand": "人工录入省平台",
    "message.checked": "复核人工录入",
    "manual.exported": "下载人工上送清单",
    "message.opened": "查看上送原文",
    "incoming.decision": "收到上级对撤销的决定",
    "incoming.received": "收到上级下发的评价",
    "dictionary.received": "收到上级的字典",
    "reconciled": "与省平台对账",
    "unrated.compared": "与上级核对未评服务",
    "proofs.cleared": "清除到期的上送凭证",
    "task.opened": "上送待查",
    "task.closed": "查结",
    "messages.readdressed": "待上送的改投现在的省平台",
    "messages.backfilled": "补排从没排过队的记录",
    "messages.closed": "没有上级，未送完的不再送",
    "target.switched": "停用或恢复上送",
    "callback.registered": "登记回调对象",
    "callback.secret": "生成回调密钥",
    "callback.secret_changed": "更换回调密钥",
    "callback.secret_ends": "旧回调密钥到期",
    "callback.switched": "停用或恢复回调",
    "callback.retired": "注销回调对象",
    "callback.tested": "测试回调",
    "callbacks.delivered": "回调已收",
    "callback.dead": "回调送不到",
    "callback.replayed": "重送回调",
    "callback.dropped": "放下回调",
    "key.created": "生成接口密钥",
    "key.revoked": "停用接口密钥",
    "signin.done": "登录",
    "signin.failed": "登录失败",
    "signout.done": "退出",
    "password.changed": "改密码",
    "account.created": "新建账号",
    "account.changed": "修改账号",
    "account.password_reset": "重置密码",
    "role.given": "加上角色",
    "role.taken": "去掉角色",
    "registry.imported": "导入登记簿",
    "law.calendar_loaded": "载入放假安排",
    "quarter.sent": "报送季度情况",
    "inquiry.opened": "反复被差评，发出问责提醒",
    "inquiry.grew": "问责提醒又列入差评",
    "inquiry.row_revoked": "问责提醒所列差评已撤销",
    "inquiry.explain": "提交情况说明",
    "inquiry.lapse": "到期没有说明",
    "inquiry.order": "问责：限期整改",
    "inquiry.settle": "问责：作出处理",
    "inquiry.spare": "不予问责",
    "inquiry.raise": "问责提醒报上级决定",
    "inquiry.told": "登记上级对问责的决定",
    "inquiry.report": "报送改进情况",
    "inquiry.return": "改进退回补充",
    "inquiry.accept": "改进通过验收",
    "inquiry.lift": "差评撤销后不足次数，撤回问责提醒",
    "inquiry.released": "撤回后所列差评重新计数",
    "inquiry.due_recomputed": "放假安排公布，重算问责期限",
    "lead.found": "发现疑点",
    "lead.closed": "疑点查结",
    "statement.added": "被评价人员作出说明",
    "clue.sealed": "封存线索",
    "clue.taken": "取出线索密封件",
    "clue.settled": "线索办结",
    "cluekey.proposed": "登记纪检公钥，待核对",
    "cluekey.confirmed": "核对并启用纪检公钥",
}

# The facts that are shown, and how; whatever is not here stays in the row and off the page.
FACTS = {
    "number": "编号",
    "count": "件数",
    "level": "满意程度",
    "channel": "渠道",
    "words": "字数",
    "revision": "第几版",
    "round": "第几次整改",
    "state": "状态",
    "purpose": "用途",
    "outcome": "结果",
    "result": "结果",
    "due": "期限",
    "before": "原期限",
    "after": "新期限",
    "edition": "日历",
    "moved": "改动件数",
    "clause": "依据",
    "kind": "类别",
    "size": "大小",
    "code": "代码",
    "reference": "省平台编号",
    "target": "上送对象",
    "enabled": "启用",
    "username": "账号",
    "role": "角色",
    "window": "窗口",
    "staff_code": "工号",
    "is_active": "启用",
    "changed": "改动",
    "locked": "已锁定",
    "permissions": "权限",
}
CODES: dict[str, dict[Any, str]] = {
    "kind": {**KINDS},
    "state": {"verifying": "待核实", "confirmed": "整改中", "closed": "已办结"},
    "purpose": {"verify": "核实回访", "follow_up": "整改回访"},
    "outcome": {"answered": "接通", "no_answer": "未接通", "refused": "接通后拒绝", "wrong_number": "号码有误"},
    "result": {"solved": "解决了", "partly": "部分解决", "unsolved": "没有解决", "changed_by_rater": "评价人自己改了评价"},
    "changed": {"name": "名称", "staff_code": "工号", "is_active": "启用"},
}  # fmt: skip
ACTORS = {"system": "系统", "rater": "评价人", "anonymous": "未登录"}


@staff_page("journal.read")
@require_safe
def journal_page(request: HttpRequest) -> HttpResponse:
    """The newest rows within the actor's scope, by action and by what they are about."""
    return _page(request)


@staff_page("journal.read")
@require_POST
def journal_verify(request: HttpRequest) -> HttpResponse:
    """Recompute chain and records now; too many are left to the command on the server."""
    total = _records()
    if total > VERIFY_MOST:
        messages.warning(
            request, f"共有 {total} 条记录，超过页面能校验的 {VERIFY_MOST} 条。请在服务器上运行 minping verify。"
        )
        return _page(request)
    result = journal.verify()
    for finding in result.findings:
        messages.error(request, finding.message)
    found = "没有发现改动、删除或插入" if result.clean else f"发现 {len(result.findings)} 处，见上"
    verify = {
        "ok": result.clean,
        "text": f"日志 {result.entries} 行，记录 {result.records} 条，{found}。",
        "at_text": f"{clock.moment_text(clock.now())} 校验",
    }
    return _page(request, verify)


def _records() -> int:
    return JournalEntry.objects.count() + sum(model._default_manager.count() for model in journal.covered_models())


def _page(request: HttpRequest, verify: dict[str, Any] | None = None) -> HttpResponse:
    who = actor(request)
    action, subject = request.GET.get("action", ""), request.GET.get("subject", "").strip()
    rows = _visible(who)
    if action:
        rows = rows.filter(action=action)
    if subject:
        rows = rows.filter(subject=_subject(subject))
    page = page_of(rows, request, size=PAGE, newest_first=True, key=UUID)
    names = _names(page.rows)
    context = {
        "verify_url": reverse("journal_verify"),
        "verify": verify,
        "filters": _filters(action, subject),
        "rows": [_line(entry, names) for entry in page.rows],
        "page": page.links,
    }
    return render(request, "site/journal.html", context)


def _visible(who: Actor) -> QuerySet[JournalEntry]:
    """Rows of the organisations in scope; those of no organisation belong to the office of the installation."""
    directory = registry.directory()
    codes = list(directory.within(who.scopes("journal.read")))
    office = directory.office(settings.MINPING_AREA)
    if office is not None and who.can("journal.read", office.path):
        codes.append("")
    rows = JournalEntry.objects.filter(organization_code__in=codes)
    # That a clue exists is for the 纪检 of its place alone (minan/5.2): its rows are in the chain, and on no other page.
    sealed = Q(action__startswith=clues.ACTION) & ~Q(
        organization_code__in=list(directory.within(who.scopes("clue.open")))
    )
    return rows.exclude(sealed)


def _subject(text: str) -> UUID | None:
    """What was asked for: an id as the list shows it, or the number of a negative case."""
    try:
        return UUID(text)
    except ValueError:
        return Case.objects.filter(number=text).values_list("pk", flat=True).first() or UUID(int=0)


def _filters(action: str, subject: str) -> list[dict[str, Any]]:
    options = [{"value": value, "label": label, "selected": value == action} for value, label in ACTIONS.items()]
    return [
        {"name": "action", "label": "做了什么", "type": "select", "options": options},
        {"name": "subject", "label": "对象编号或差评件编号", "type": "text", "value": subject},
    ]  # fmt: skip


def _names(rows: Iterable[JournalEntry]) -> dict[str, str]:
    """Who the actors on the page are: one query for accounts, one for keys."""
    actors = {row.actor for row in rows}
    usernames = [name.removeprefix("account:") for name in actors if name.startswith("account:")]
    keys = [key for name in actors if name.startswith("key:") and (key := _key_id(name)) is not None]
    accounts = Account.objects.filter(username__in=usernames).values_list("username", "name")
    labels = ApiKey.objects.filter(pk__in=keys).values_list("pk", "label") if keys else ()
    return {
        **ACTORS,
        **{f"account:{username}": name for username, name in accounts},
        **{f"key:{pk}": f"接口 {label}".strip() for pk, label in labels},
    }


def _key_id(actor: str) -> UUID | None:
    try:
        return UUID(actor.removeprefix("key:"))
    except ValueError:
        return None


def _line(entry: JournalEntry, names: dict[str, str]) -> dict[str, Any]:
    subject = str(entry.subject) if entry.subject else ""
    return {
        "seq": "待封链" if entry.seq is None else entry.seq,
        "time_text": clock.moment_text(entry.at),
        "who": names.get(entry.actor, entry.actor),
        "action": ACTIONS.get(entry.action, entry.action),
        "subject": subject,
        "url": f"{reverse('journal')}?subject={subject}" if subject else "",
        "detail": _detail(entry.facts),
    }


def _detail(facts: dict[str, Any]) -> str:
    said = [
        f"{label} {_value(name, facts[name])}" for name, label in FACTS.items() if facts.get(name) not in (None, "")
    ]
    return " · ".join(said)


def _value(name: str, value: Any) -> str:
    if name == "level" and value in tuple(law.InterfaceLevel):
        return law.InterfaceLevel(value).label
    if name in ("due", "before", "after"):
        return clock.due_text(datetime.fromisoformat(value))
    if name in ("role", "channel") and isinstance(value, str):
        rules = law.at(settings.MINPING_AREA, clock.beijing(clock.now()).date())
        row = rules.roles.get(value) if name == "role" else rules.channels.get(value)
        return row.label if row else value
    if name == "clause":
        known = law.clauses().get(str(value))
        return (known.place or known.title) if known else str(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_value(name, one) for one in value)
    return CODES.get(name, {}).get(value, str(value))
