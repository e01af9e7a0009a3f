"""The one error of the rules folder: a code for programs, a Chinese sentence for people."""

from __future__ import annotations


class LawError(Exception):
    """A rule is missing, broken, or may not be used this way.

    ``code`` is stable (``LAW_…``); ``message`` is one or two Chinese sentences that say what is wrong
    and what to do. ``file`` and ``key`` name the place in the data where there is one.
    """

    def __init__(self, code: str, message: str, *, file: str = "", key: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.file = file
        self.key = key

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not pickle by themselves, and worker processes pickle them.
        return (_rebuild, (type(self), self.code, self.message, self.file, self.key))


class LevelConfusion(LawError, TypeError):
    """Codes of two level systems were mixed: 5 is 非常满意 in one and 非常不满意 in another."""


class UnknownLevel(LawError, ValueError):
    """A code that the level system does not have."""


def _rebuild(cls: type[LawError], code: str, message: str, file: str, key: str) -> LawError:
    return cls(code, message, file=file, key=key)


def broken(code: str, file: str, key: str, wrong: str, cure: str) -> LawError:
    """A fault in a data file: names the file, the key, what is wrong and the cure."""
    place = f"文件 {file}" + (f"，键 {key}" if key else "")
    return LawError(code, f"{place}：{wrong}。{cure}。", file=file, key=key)
