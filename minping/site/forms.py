"""Forms of the site's own pages: labels and sentences in the words of the house."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.validators import MaxLengthValidator

from minping.kernel.errors import Problem
from minping.kernel.models import Account

Choices = list[tuple[str, str]]


def refuse(form: forms.Form, problem: Problem) -> None:
    """Show a service's refusal at its field, or above the form."""
    field = problem.field if problem.field in form.fields else None
    form.add_error(field, f"{problem.message}{problem.cure}")


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "账号或密码不对。请核对后再试；连续输错会暂时锁定。",
        "inactive": "账号或密码不对。请核对后再试；连续输错会暂时锁定。",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "账号"
        # Django only tells the browser how long a name can be; what no browser typed would reach the database whole.
        most, wrong = Account._meta.get_field("username").max_length, self.error_messages["invalid_login"]
        self.fields["username"].validators.append(MaxLengthValidator(most, wrong))
        self.fields["password"].label = "密码"


class PasswordForm(PasswordChangeForm):
    error_messages = {
        "password_mismatch": "两次输入的新密码不一样。请重新输入。",
        "password_incorrect": "现在的密码不对。请重新输入。",
        "password_same": "新密码和现在的一样。请换一个。",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "现在的密码"
        self.fields["new_password1"].label = "新密码"
        self.fields["new_password1"].help_text = "至少 10 个字符，不能全是数字，不要用常见的密码或与账号相近的词。"
        self.fields["new_password2"].label = "再输一次新密码"
        self.fields["new_password2"].help_text = ""

    def clean_new_password1(self) -> str:
        new: str = self.cleaned_data["new_password1"]
        if new == self.cleaned_data.get("old_password"):
            raise forms.ValidationError(self.error_messages["password_same"], code="password_same")
        return new


class AccountForm(forms.Form):
    """What may change of an account that is there."""

    name = forms.CharField(label="名称", max_length=60, help_text="写岗位，不写姓名，如“窗口一号”。")
    staff_code = forms.CharField(
        label="工号", max_length=40, required=False, help_text="登记簿里的工号；回避规则靠它认出被评价的人。"
    )
    active = forms.BooleanField(label="启用", required=False)


class RoleForm(forms.Form):
    """A role at an organisation, or at one window of it."""

    role = forms.ChoiceField(label="角色")
    organization = forms.ChoiceField(label="机构", help_text="连同它下面的机构。")
    window = forms.CharField(
        label="窗口代码", max_length=40, required=False, help_text="只管一个窗口的（如窗口人员）才填。"
    )

    def __init__(self, *args: Any, roles: Choices, organizations: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("role", roles), ("organization", organizations)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "请选择"), *choices]


class NewAccountForm(RoleForm):
    """A new account with its first role."""

    username = forms.CharField(label="账号", max_length=40, help_text="小写字母、数字、点和短横，登录时输入。")
    name = forms.CharField(label="名称", max_length=60, help_text="写岗位，不写姓名，如“窗口一号”。")
    staff_code = forms.CharField(
        label="工号", max_length=40, required=False, help_text="登记簿里的工号；回避规则靠它认出被评价的人。"
    )
    field_order = ("username", "name", "role", "organization", "window", "staff_code")
