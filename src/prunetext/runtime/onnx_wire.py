"""The encoding of ONNX files, protobuf: a reader that refuses what it does not expect, and copies no tensor.

Each message has a form that says all that it may hold. A value that may stand once stands once, since other readers
would take the last one, or join them: then they would read another model than the one that was checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

VARINT, SIZED, FOUR_BYTES = 0, 2, 5  # how a field is encoded: a whole number, bytes behind their length, a float32
_LONGEST_VARINT = 10  # bytes


class Form(NamedTuple):
    """What a message may hold.

        Form("its name", {1: SIZED})      # the first field alone, a text

    name: of the message, as the subject of a sentence. fields: their numbers and encodings. many: those that may come
    more than once. refused: why some others must not be there. most: fields in all, which bounds the time of reading.
    """

    name: str
    fields: Mapping[int, int]
    many: frozenset[int] = frozenset()
    refused: Mapping[int, str] = {}
    most: int = 64


class Message(NamedTuple):
    """The fields of a message, by their numbers.

    >>> Message("its name", {1: [memoryview(b"film")], 2: [5]}).text(1)
    'film'
    """

    name: str
    found: Mapping[int, list[int | memoryview]]

    def whole(self, field: int) -> int | None:
        """The only whole number of a field; None if it is not there."""
        numbers = self.wholes(field)
        return numbers[0] if numbers else None

    def wholes(self, field: int) -> list[int]:
        """All whole numbers of a field, with their signs."""
        values = [each for each in self.found.get(field, ()) if isinstance(each, int)]
        return [each - (1 << 64) if each >> 63 else each for each in values]

    def chunks(self, field: int) -> list[memoryview]:
        """All bytes of a field."""
        return [each for each in self.found.get(field, ()) if isinstance(each, memoryview)]

    def chunk(self, field: int) -> memoryview:
        """The only bytes of a field; ValueError if they are not there."""
        for each in self.chunks(field):
            return each
        raise ValueError(f"{self.name} is not whole")

    def text(self, field: int) -> str:
        """The only text of a field, empty if it is not there."""
        return "".join(self.texts(field))

    def texts(self, field: int) -> list[str]:
        """All texts of a field; ValueError if one is no UTF-8."""
        try:
            return [str(each, "utf-8") for each in self.chunks(field)]
        except UnicodeDecodeError:
            raise ValueError(f"{self.name} has a text that is no UTF-8") from None


def message_in(data: memoryview, form: Form) -> Message:
    r"""The message that bytes encode; ValueError if it has not the form.

    >>> message_in(memoryview(b"\x08\x05\x12\x02hi"), Form("it", {1: VARINT, 2: SIZED})).text(2)
    'hi'
    """
    found: dict[int, list[int | memoryview]] = {}
    at, count = 0, 0
    while at < len(data):
        tag, at = _varint(data, at, form.name)
        field, encoding = tag >> 3, tag & 7
        if form.fields.get(field) != encoding:
            reason = form.refused.get(field, f"has something that no packed file has there, field {field}")
            raise ValueError(f"{form.name} {reason}")
        if field in found and field not in form.many:
            raise ValueError(f"{form.name} has two values in the place of one")
        if (count := count + 1) > form.most:
            raise ValueError(f"{form.name} has more than {form.most:,} parts")
        if encoding == VARINT:
            number, at = _varint(data, at, form.name)
            found.setdefault(field, []).append(number)
            continue
        size, at = (4, at) if encoding == FOUR_BYTES else _varint(data, at, form.name)
        if size > len(data) - at:
            raise ValueError(f"{form.name} is cut off")
        found.setdefault(field, []).append(data[at : at + size])
        at += size
    return Message(form.name, found)


def _varint(data: memoryview, at: int, name: str) -> tuple[int, int]:
    """A whole number of 64 bits, and the place behind it."""
    found = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        found |= (byte & 127) << 7 * place
        if byte < 128:
            if found >> 64:
                break
            return found, at + place + 1
    raise ValueError(f"{name} has a number that is cut off or too large")
