"""Our files: written whole or not at all and made for diffs, read in one way with one kind of error.

`read_document` reads any file of ours. What it may hold is said by whoever knows: a ``from_json`` that asks `Fields`
for its values, or a pydantic model's ``model_validate``.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import reprlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.naming import listed, nearest
from pytest_terminalbench.regular_files import read_regular

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

__all__ = [
    "FieldError",
    "Fields",
    "append_line",
    "append_whole",
    "now_text",
    "parse_document",
    "parse_json",
    "parse_line",
    "read_document",
    "read_json",
    "scratch_file",
    "time_text",
    "validation_problems",
    "write_atomically",
    "write_json",
]

# No file of ours is nested deeper than a tenth of this; what is exhausts the stack of whoever walks through it.
DEEPEST = 100

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


# -- reading ---------------------------------------------------------------------------------------------------------


def read_document(
    file: Path,
    read: Callable[[Any], _Value],
    *,
    error: type[TerminalBenchError],
    cure: str,
    versions: Collection[int] = (1,),
    unversioned: int | None = None,
) -> _Value:
    """What `read` makes of the JSON in `file`, one of ours.

    Raises `error`, naming the file, the field and the `cure`, for a file that is missing, cannot be read, is no JSON or
    nested too deeply, has a ``schema_version`` that is none of `versions`, or holds what `read` refuses (by KeyError,
    TypeError, ValueError or an error of ours). `unversioned`: the version of a file that does not tell its own.
    """
    try:
        raw = read_regular(file)
    except FileNotFoundError:
        raise error.of_file(file, "does not exist", cure) from None
    except OSError as problem:
        raise error.of_file(file, f"cannot be read: {problem.strerror or problem}", cure) from None
    return parse_document(raw, read, file=file, error=error, cure=cure, versions=versions, unversioned=unversioned)


def parse_document(
    raw: str | bytes,
    read: Callable[[Any], _Value],
    *,
    file: Path | str,
    error: type[TerminalBenchError],
    cure: str,
    versions: Collection[int] = (1,),
    unversioned: int | None = None,
) -> _Value:
    """As `read_document`, of what `file` (for messages) holds."""
    try:
        content = parse_json(raw)
    except ValueError as problem:
        raise error.of_file(file, f"is damaged: not JSON: {problem}", cure) from None
    if not isinstance(content, dict):
        raise error.of_file(file, "is damaged: the document is no object", cure)
    version = content.get("schema_version", unversioned)
    if type(version) is not int or version not in versions:
        readable = " and ".join(map(str, sorted(versions)))
        raise error.of_file(
            file,
            f"has schema_version {reprlib.repr(version)}, and this version of pytest-terminalbench reads {readable}",
            f"update pytest-terminalbench, or {cure}",
        )
    try:
        return read(content)
    except (KeyError, TypeError, ValueError, TerminalBenchError) as problem:
        raise error.of_file(file, f"is damaged: {_explained(problem)}", cure) from None


def _explained(problem: Exception) -> str:
    """The fields that are wrong, as people read it."""
    from pydantic import ValidationError

    if isinstance(problem, ValidationError):
        return "; ".join(validation_problems(problem)[:3])
    return f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)


def validation_problems(error: ValidationError, model: type[BaseModel] | None = None) -> list[str]:
    """What a pydantic model refused, each as ``<field>: <problem>``, or the problem alone for the whole document.

    With the `model` an unknown key is told with the known one that is most like it.
    """
    problems = []
    for detail in error.errors(include_url=False):
        field = ".".join(map(str, detail["loc"]))
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = "unknown key"
            if model is not None:
                message += nearest(str(detail["loc"][-1]), _keys_at(model, detail["loc"][:-1]))
        problems.append(f"{field}: {message}" if field else message)
    return problems


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys that an object may have which lies at `path` of a `model`; none where that cannot be told."""
    from pydantic import BaseModel

    for step in path:
        field = next((field for name, field in model.model_fields.items() if (field.alias or name) == step), None)
        nested = field.annotation if field is not None else None
        candidates = [nested, *get_args(nested)]
        inner = next((part for part in candidates if isinstance(part, type) and issubclass(part, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def read_json(file: Path) -> Any:
    """The content of `file`, of whatever making; raises OSError, or ValueError as `parse_json` does."""
    return parse_json(read_regular(file))


def parse_json(text: str | bytes) -> Any:
    """The value of `text`; raises ValueError for what is no JSON or nested too deeply.

    Neither are NaN and the infinities JSON, nor is an object that has a key twice: which of its values counts, nobody
    can tell.
    """
    try:
        content = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except _KeyTwice as twice:
        raise ValueError(f"the key {twice.key!r} stands twice in one object{_lines_of_key(text, twice.key)}") from None
    level = [content]
    for _ in range(DEEPEST):
        level = [child for value in level for child in _children(value)]
        if not level:
            return content
    raise ValueError("nested too deeply")


class _KeyTwice(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _KeyTwice(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return content


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is too large a number")
    return number


def _lines_of_key(text: str | bytes, key: str) -> str:
    """Where to look: the lines that have `key` as a key, in whatever object. Nothing where it is written otherwise."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), errors="replace")
    spelled = "|".join(re.escape(json.dumps(key, ensure_ascii=ascii_only)) for ascii_only in (False, True))
    lines = [str(text.count("\n", 0, match.start()) + 1) for match in re.finditer(rf"(?:{spelled})\s*:", text)]
    return f" (lines {listed(lines)})" if lines else ""


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def parse_line(line: str | bytes) -> dict[str, Any] | None:
    """The object in a line of a file that is appended to; None for a line that is damaged or cut off."""
    try:
        content = parse_json(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


class FieldError(ValueError):
    """A value of a document is missing, or is none that may stand there. `field`: its path, ``cells[0].status``."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field or 'the document'} {problem}")
        self.field = field
        self.problem = problem


class Fields:
    """A JSON object whose values are asked for by name and type.

    Every question raises FieldError for a value of another type, and for one that is missing; those with a default give
    it where the value is missing, or null and the default None. True and false are no numbers, and neither are NaN and
    the infinities.
    """

    def __init__(self, content: object) -> None:
        if not isinstance(content, Mapping):
            raise FieldError("", "is no object")
        self.content: Mapping[str, Any] = content

    def get(self, name: str, default: object = None) -> object:
        """Whatever there is."""
        return self.content.get(name, default)

    def require(self, *names: str) -> None:
        """These have to be there, whatever they are."""
        for name in names:
            self._value(name)

    def text(self, name: str) -> str:
        return _text(name, self._value(name))

    def text_or(self, name: str, default: _Default) -> str | _Default:
        return default if self._is_left_out(name, default) else self.text(name)

    def flag_or(self, name: str, default: bool) -> bool:
        value = self.content.get(name, default)
        if not isinstance(value, bool):
            raise FieldError(name, f"is {reprlib.repr(value)}, neither true nor false")
        return value

    def whole(self, name: str) -> int:
        value = self._value(name)
        if type(value) is not int:
            raise FieldError(name, f"is {reprlib.repr(value)}, not a whole number")
        return value

    def whole_or(self, name: str, default: _Default) -> int | _Default:
        return default if self._is_left_out(name, default) else self.whole(name)

    def number(self, name: str) -> float:
        return _number(name, self._value(name))

    def number_or(self, name: str, default: _Default) -> float | _Default:
        return default if self._is_left_out(name, default) else self.number(name)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object; an empty one where there is none."""
        value = self.content.get(name, {})
        if not isinstance(value, Mapping):
            raise FieldError(name, "is no object")
        return value

    def values(self, name: str) -> Sequence[Any]:
        """A list; an empty one where there is none."""
        value = self.content.get(name, [])
        if not isinstance(value, list):
            raise FieldError(name, f"is {reprlib.repr(value)}, not a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(_text(f"{name}[{place}]", value) for place, value in enumerate(self.values(name)))

    def numbers(self, name: str) -> dict[str, float]:
        """An object of numbers."""
        return {key: _number(f"{name}.{key}", value) for key, value in self.mapping(name).items()}

    def texts_by_name(self, name: str) -> dict[str, str]:
        """An object of texts."""
        return {key: _text(f"{name}.{key}", value) for key, value in self.mapping(name).items()}

    def nested(self, name: str, read: Callable[[Any], _Value]) -> _Value:
        """What `read` makes of the object; FieldError says where in it something is wrong."""
        return _read_at(name, self._value(name), read)

    def nested_or(self, name: str, read: Callable[[Any], _Value], default: _Default) -> _Value | _Default:
        return default if self._is_left_out(name, default) else self.nested(name, read)

    def each(self, name: str, read: Callable[[Any], _Value]) -> tuple[_Value, ...]:
        """What `read` makes of each object of a list."""
        return tuple(_read_at(f"{name}[{place}]", value, read) for place, value in enumerate(self.values(name)))

    def by_name(self, name: str, read: Callable[[Any], _Value]) -> dict[str, _Value]:
        """What `read` makes of each value of an object."""
        return self.nested_or(name, lambda content: Fields(content).every(read), {})

    def every(self, read: Callable[[Any], _Value]) -> dict[str, _Value]:
        """What `read` makes of each value of this object."""
        return {key: _read_at(key, value, read) for key, value in self.content.items()}

    def _value(self, name: str) -> Any:
        if name not in self.content:
            raise FieldError(name, "is missing")
        return self.content[name]

    def _is_left_out(self, name: str, default: object) -> bool:
        return name not in self.content or (default is None and self.content[name] is None)


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise FieldError(field, f"is {reprlib.repr(value)}, not text")
    return value


def _number(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FieldError(field, f"is {reprlib.repr(value)}, not a number")
    return value


def _read_at(place: str, value: object, read: Callable[[Any], _Value]) -> _Value:
    try:
        return read(value)
    except FieldError as error:
        raise FieldError(f"{place}.{error.field}" if error.field else place, error.problem) from None
    except KeyError as error:
        raise FieldError(f"{place}.{error.args[0]}", "is missing") from None
    except (TypeError, ValueError, TerminalBenchError) as error:
        raise FieldError(place, f"is wrong: {error}") from None


# -- writing ---------------------------------------------------------------------------------------------------------


def write_json(file: Path, content: object) -> None:
    """Sorted keys, two spaces, final newline; whole or not at all. Raises ValueError for NaN and the infinities."""
    write_atomically(file, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_atomically(file: Path, text: str) -> None:
    """Write `text` to a scratch file beside `file`, then put it in place."""
    with scratch_file(file, text) as scratch:
        scratch.replace(file)


@contextmanager
def scratch_file(file: Path, text: str) -> Iterator[Path]:
    """A file beside `file` that has `text`, to be put in its place; removed at the end where it was not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        # What a verifier says may hold half a surrogate pair, which UTF-8 cannot; in JSON this is its escape.
        scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def append_line(file: Path, content: Mapping[str, Any]) -> None:
    """Append `content` as one line, whole or not at all; other processes' lines never tear it.

    A last line that a killed process left half written is removed: this one would be glued to it, and both damaged.
    """
    line = json.dumps(content, ensure_ascii=True, default=str, allow_nan=False) + "\n"
    with _only_appender(file) as descriptor:
        _drop_torn_line(descriptor)
        _append(descriptor, line.encode(), file)


def append_whole(file: Path, content: bytes) -> None:
    """Append `content`, all of it or nothing; raises OSError."""
    with _only_appender(file) as descriptor:
        _append(descriptor, content, file)


@contextmanager
def _only_appender(file: Path) -> Iterator[int]:
    """`file` opened for appending, to which nobody else appends meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        # Where a file system has no locks, a line is still a single write.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _append(descriptor: int, content: bytes, file: Path) -> None:
    begin = os.fstat(descriptor).st_size
    try:
        # On a disk that is nearly full a write takes a part, and the next one says why.
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError as error:
        os.ftruncate(descriptor, begin)
        raise OSError(error.errno, error.strerror, str(file)) from None
    except BaseException:
        os.ftruncate(descriptor, begin)
        raise


def _drop_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.ftruncate(descriptor, os.pread(descriptor, size, 0).rfind(b"\n") + 1)


def now_text() -> str:
    """The time now as ISO 8601 in UTC with milliseconds."""
    return time_text(datetime.now(UTC))


def time_text(time: datetime) -> str:
    """`time`, in UTC, as all our files have it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
