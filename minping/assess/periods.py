"""Which days a figure speaks of, and up to which moment facts count for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from minping.kernel.clock import BEIJING, beijing
from minping.kernel.errors import Invalid

AsOf = date | datetime
SMALLEST = timedelta(microseconds=1)


def midnight(day: date) -> datetime:
    """The beginning of a Beijing day."""
    return datetime.combine(day, time.min, BEIJING)


def cut(as_of: AsOf) -> datetime:
    """The last moment whose facts count: an instant itself, a day its last microsecond in Beijing.

    A limit that ends at 24:00 of that day has therefore not yet run out on it.
    """
    if isinstance(as_of, datetime):
        return as_of
    return midnight(as_of + timedelta(days=1)) - SMALLEST


@dataclass(frozen=True)
class Period:
    """From a Beijing day to a Beijing day, both inclusive.  Raises Invalid where they are the wrong way round."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise Invalid("起始日晚于截止日。", cure="请把两个日期对调。", field="from")

    @property
    def since(self) -> datetime:
        return midnight(self.start)

    @property
    def before(self) -> datetime:
        """The first moment after the period."""
        return midnight(self.end + timedelta(days=1))

    @property
    def text(self) -> str:
        return f"{_day(self.start)}至{_day(self.end)}"


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a year, 1 to 4.  Raises Invalid for any other number."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if self.number not in (1, 2, 3, 4) or not 2019 <= self.year <= 2100:
            raise Invalid("没有这个季度。", cure="季度写 1 到 4，年份写四位数字。", field="quarter")

    @property
    def period(self) -> Period:
        first = date(self.year, self.number * 3 - 2, 1)
        return Period(first, self.following_first - timedelta(days=1))

    @property
    def following_first(self) -> date:
        return date(self.year + self.number // 4, self.number % 4 * 3 + 1, 1)

    @property
    def closing(self) -> datetime:
        """Its last moment, from which the limit of its report runs (that day does not count, R1)."""
        return cut(self.period.end)

    @property
    def text(self) -> str:
        return f"{self.year}年第{'一二三四'[self.number - 1]}季度"

    @property
    def short(self) -> str:
        return f"{self.year % 100}年{self.number}季"

    def back(self, steps: int) -> Quarter:
        index = self.year * 4 + self.number - 1 - steps
        return Quarter(index // 4, index % 4 + 1)


def quarter_of(day: date) -> Quarter:
    return Quarter(day.year, (day.month + 2) // 3)


def quarters_ended_in(period: Period) -> tuple[Quarter, ...]:
    """The quarters whose last day lies within the period, earliest first."""
    found = []
    quarter = quarter_of(period.start)
    while quarter.period.end <= period.end:
        found.append(quarter)
        quarter = quarter.back(-1)
    return tuple(found)


def day_of(as_of: AsOf) -> date:
    return beijing(as_of).date() if isinstance(as_of, datetime) else as_of


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日（周{'一二三四五六日'[day.weekday()]}）"
