"""The form of a ticket, as the API, the file and the typed-in page share it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from minping.evaluate.schemas import Code, Moment, OptionalCode, _words

Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20, pattern=r"^[0-9+\- ()]*$")]
Text = StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")


class CallerIn(BaseModel):
    """Who asked, as far as they said."""

    # Whatever goes wrong, what was said of a person stands in no traceback.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00]*$")] = ""
    phone: Phone = ""
    cert_type: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10)] = "111"
    cert_no: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50, pattern=r"^[^\x00]*$")] = ""


class TicketIn(BaseModel):
    """One ticket: where it belongs, what was said, and by when its source wants an answer."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    number: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\s/\x00-\x1f]+$")
    ]
    organization_code: Code
    window_code: OptionalCode = ""
    item_code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=33)] = ""
    item_name: Annotated[str, Text] = ""
    case_no: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50, pattern=r"^[^\x00-\x1f]*$")] = ""
    service_no: Annotated[int, Field(ge=1, le=9999)] | None = None
    said_at: Moment
    demanded_at: Moment | None = None
    words: Annotated[str, _words(4000)]
    person: CallerIn = CallerIn()
