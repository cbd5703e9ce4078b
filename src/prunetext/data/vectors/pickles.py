"""Follow a pickle's opcodes on inert values: nothing is looked up, imported or called.

`pickletools.genops` only splits a file into opcodes. The machine here follows those that gensim writes for word
vectors; any other opcode or name is refused, and so is a file that asks for more memory than such vectors need.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

LARGE = 1 << 16  # longer bytes are left in the file
DEEPEST = 1 << 16  # values on the stack; gensim puts a thousand there at a time
MOST_ITEMS = 1 << 25  # of all lists, and of the memo
MOST_MADE = 1 << 16  # lists, tuples, dictionaries and objects
FIRST_ORDERS, BYTES_OF_ORDER = 10_000, 2  # opcodes at the start of a file; then one for so many bytes


class RefusedError(Exception):
    """The reason why a file is refused."""


class Span:
    """Bytes that were left in the file: their start and their number."""

    def __init__(self, offset: int, length: int) -> None:
        self.offset, self.length = offset, length

    def __len__(self) -> int:
        return self.length


class Instance:
    """Stands for what an opcode would make: the name of a class or function, its arguments, its state."""

    def __init__(self, name: str, arguments: object) -> None:
        self.name, self.arguments = name, arguments
        self.state: Any = None


class _Orders:
    """The file as genops reads it: no more than it has, and large pieces only by their place."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.tell = file, size, file.tell

    def readline(self) -> bytes:
        raise RefusedError("it holds opcodes as lines of text, which gensim does not write there")

    def read(self, length: int) -> bytes | Span:
        if length <= LARGE:
            if len(found := self.file.read(length)) < length:
                raise RefusedError("the file is cut off")
            return found
        at = self.tell()
        if length > self.size - at:
            raise RefusedError("the file is cut off")
        self.file.seek(length, 1)
        return Span(at, length)


class Machine:
    """Follows the opcodes of a file.

        Machine({"gensim.models.keyedvectors KeyedVectors"}, keep).run(file, size)     # Instance(name, (), …)

    names: the classes and functions that it may name, as module and name. keep: tells which strings are of use; all
    others become empty: the words of a large file would take more memory than the wanted vectors. Bytes become a
    `Span`. Raises `RefusedError`; ValueError, IndexError, AttributeError and TypeError if opcodes make no sense.
    """

    def __init__(self, names: Collection[str], keep: Callable[[str], object]) -> None:
        self.names, self.keep = names, keep
        self.parts = {part for name in names for part in name.split()}
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: list[Any] = []
        self.items = self.made = 0
        self.before = ""  # the opcode before this one

    def run(self, file: BinaryIO, size: int) -> object:
        """The value that the file's opcodes leave on the stack."""
        for count, (order, argument, at) in enumerate(pickletools.genops(cast(Any, _Orders(file, size)))):
            name = order.name
            # Short opcodes that do nothing take as long as those that do: a second for each megabyte of them.
            if count > FIRST_ORDERS + cast(int, at) // BYTES_OF_ORDER or (name, self.before) in IDLE:
                raise RefusedError("it holds opcodes that do nothing, which gensim does not write there")
            self.before = name
            if name in FOLLOWED:
                FOLLOWED[name](self, argument)
            elif name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            elif name in NUMBERS:
                self.stack.append(argument)
            elif name in BYTES_OPCODES:
                self.stack.append(Span(cast(int, at) + 1 + BYTES_OPCODES[name], len(cast(Any, argument))))
            elif name != "STOP":
                raise RefusedError(f"it holds the opcode {name}, which gensim does not write there")
            if len(self.stack) > DEEPEST or self.items > MOST_ITEMS or self.made > MOST_MADE:
                raise RefusedError("it holds more than word vectors can")
        return self.stack.pop()

    def _text(self, argument: str) -> None:
        self.stack.append(argument if argument in self.parts or self.keep(argument) else "")

    def _mark(self, _: object) -> None:
        self.marks.append(len(self.stack))
        self.made += 1

    def _marked(self) -> list[Any]:
        at = self.marks.pop()
        found = self.stack[at:]
        del self.stack[at:]
        self.items += len(found)
        return found

    def _remember(self, _: object) -> None:
        self.memo.append(self.stack[-1])
        self.items += 1

    def _recall(self, argument: int) -> None:
        self.stack.append(self.memo[argument])

    def _named(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        # Compared as strings only: hashing or printing nested tuples can take forever.
        if not (isinstance(name, str) and isinstance(module, str) and f"{module} {name}" in self.names):
            raise RefusedError("it names something other than word vectors")
        self.stack.append(f"{module} {name}")

    def _make(self, _: object) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not (isinstance(name, str) and name in self.names):
            raise RefusedError("it makes something other than word vectors")
        self._push(Instance(name, arguments))

    def _build(self, _: object) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Instance):
            raise RefusedError("it sets the state of a value that has none")
        self.stack[-1].state = state

    def _push(self, value: object) -> None:
        self.stack.append(value)
        self.made += 1

    def _tie(self, count: int) -> None:
        found = tuple(self.stack.pop() for _ in range(count))
        self._push(found[::-1])

    def _append(self, _: object) -> None:
        item = self.stack.pop()
        self.stack[-1].append(item)
        self.items += 1

    def _extend(self, _: object) -> None:
        found = self._marked()
        self.stack[-1].extend(found)

    def _set(self, _: object) -> None:
        found = self._marked()
        if not all(isinstance(key, str) for key in found[::2]):
            raise RefusedError("it has keys that are not strings")
        self.stack[-1].update(zip(found[::2], found[1::2], strict=True))


IDLE = {("MEMOIZE", "MEMOIZE"), ("PROTO", "PROTO")}  # opcodes after each other of which the second does nothing
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
BYTES_OPCODES = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8}  # bytes that say how many there are
FOLLOWED: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "SHORT_BINUNICODE": Machine._text,
    "BINUNICODE": Machine._text,
    "MARK": Machine._mark,
    "MEMOIZE": Machine._remember,
    "BINGET": Machine._recall,
    "LONG_BINGET": Machine._recall,
    "STACK_GLOBAL": Machine._named,
    "NEWOBJ": Machine._make,
    "REDUCE": Machine._make,
    "BUILD": Machine._build,
    "EMPTY_LIST": lambda machine, _: machine._push([]),
    "EMPTY_DICT": lambda machine, _: machine._push({}),
    "TUPLE1": lambda machine, _: machine._tie(1),
    "TUPLE2": lambda machine, _: machine._tie(2),
    "TUPLE3": lambda machine, _: machine._tie(3),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._marked())),
    "FROZENSET": lambda machine, _: machine._push(tuple(machine._marked())),
    "APPEND": Machine._append,
    "APPENDS": Machine._extend,
    "SETITEMS": Machine._set,
}
