"""How records are kept in files: read strictly, written whole.

Rules: JSON for one record, JSON lines for many. A reader never guesses: what is not as expected is
the user's to know, with file and line. A line that is torn (the last one, without its newline:
somebody was killed while writing it) is told apart from a line that is wrong (somebody edited it).
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
from typing import TYPE_CHECKING, TypeVar

import msgspec

from harness.model import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

T = TypeVar("T", bound=msgspec.Struct)


def _bytes(path: Path) -> bytes:
    """Return a file's content, unpacked where its name ends in .gz or .xz."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(data)
        return lzma.decompress(data) if path.suffix == ".xz" else data
    except FileNotFoundError:
        raise UsageError(f"{path.parent} is no run folder: it has no {path.name}.") from None
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise UsageError(f"cannot read {path}: {error}.") from error


def _record(data: bytes, kind: type[T]) -> T:
    """Return a record. Raises ValueError (half a sentence) for wrong JSON, keys or types."""
    raw = msgspec.json.decode(data)
    if not isinstance(raw, dict):
        raise ValueError("expected an object")  # noqa: TRY004  one kind of error for the caller
    unknown = sorted(set(raw) - set(kind.__struct_encode_fields__))
    if unknown:
        raise ValueError(f"unknown key `{unknown[0]}`")
    return msgspec.convert(raw, kind)


def _format(data: bytes) -> object:
    """Return the `format` that a file says it has; None where it says nothing."""
    raw = msgspec.json.decode(data)
    if not isinstance(raw, dict):
        raise ValueError("expected an object")  # noqa: TRY004  one kind of error for the caller
    return raw.get("format")


def read_json(path: Path, kind: type[T]) -> T:
    """Return the one record of a file. Raises UsageError with what was expected."""
    data = _bytes(path)
    try:
        wanted, has = _default_format(kind), _format(data)
        if wanted == has:
            return _record(data, kind)
    except ValueError as error:
        raise UsageError(f"{path}: not a {kind.__name__}: {error}.") from error
    raise UsageError(
        f"{path}: not a {kind.__name__} that this version reads: `format` is {has}, "
        f"expected {wanted}."
    )


def _default_format(kind: type[T]) -> object:
    """Return the format that records of this kind are written in."""
    for field in msgspec.structs.fields(kind):
        if field.name == "format":
            return field.default
    return None


def read_jsonl(path: Path, kind: type[T]) -> list[T]:
    """Return the record of every line; the record of line N stands at index N - 1.

    Raises UsageError with the number of the first line that is not one whole record.
    """
    lines = _bytes(path).split(b"\n")
    torn = lines.pop()
    keys, whole = msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(kind)
    known = frozenset(kind.__struct_encode_fields__)
    found = []
    for number, line in enumerate(lines, 1):
        with contextlib.suppress(ValueError):
            if known.issuperset(keys.decode(line)):
                found.append(whole.decode(line))
                continue
        try:
            found.append(_record(line, kind))  # slower, and says what is wrong
        except ValueError as error:
            raise UsageError(
                f"{path}, line {number}: not a {kind.__name__}: {error}. "
                "The file was edited or damaged; restore the line, or measure again."
            ) from error
    if torn:
        raise UsageError(
            f"{path}, line {len(lines) + 1}: the last line is cut short: the run ended while "
            f"it was written. Go on with --resume {path.parent}, which drops that line alone."
        )
    return found


def pretty(record: msgspec.Struct) -> bytes:
    """Return a record as JSON that a person can read, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def write_json(path: Path, record: msgspec.Struct) -> None:
    """Write one record so that the file holds the old content or the new, never a part."""
    text = pretty(record)
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def append_jsonl(path: Path, records: Iterable[msgspec.Struct]) -> None:
    """Append records in one write, and return when the kernel has them."""
    text = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    with path.open("ab", buffering=0) as file:
        view = memoryview(text)
        while view:  # a full disk or a signal may take a part only
            view = view[file.write(view) :]


def mend(path: Path) -> int:
    """Cut a torn last line off, and return its length in bytes; 0 when there is none.

    A missing file has none. Call it before the first append to a file of an earlier process.
    """
    if not path.exists():
        return 0
    data = path.read_bytes()
    torn = len(data) - (data.rfind(b"\n") + 1)
    if torn:
        os.truncate(path, len(data) - torn)
    return torn


def write_jsonl(path: Path, records: Iterable[msgspec.Struct]) -> None:
    """Write all records so that the file holds the old content or the new, never a part."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    append_jsonl(beside, records)
    beside.replace(path)
