"""A Hugging Face tokenizer with fewer tokens: what stays is read as before, the rest by its smaller pieces.

A piece of text that was made of kept tokens alone is made of the same tokens afterwards, because

- WordPiece takes the longest token, and none that is longer was there before,
- BPE takes the first merge of its list, and a merge that is left was behind it before, and
- Unigram takes the path of the best score, and a path that is left was no better before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from prunetext.errors import InputError, brief

T = TypeVar("T")
_Json = dict[str, Any]

_BYTES = {f"<0x{byte:02X}>" for byte in range(256)}  # tokens that spell a character without a token of its own
_LONGEST = 256  # characters of a token whose merges are replayed, a step of which looks at all of them
_NEVER = float("inf")  # rank of two symbols that are not merged


class Narrowed(NamedTuple):
    """A tokenizer.json with fewer tokens, and the old id of each new one, rising.

    Narrowed("{…}", rows=[0, 100, 101, 1037])        # the new id 3 was 1037
    """

    tokenizer: str
    rows: list[int]


def narrowed(tokenizer: str, wanted: Collection[int]) -> Narrowed:
    """Remove the tokens that nobody wants from the text of a tokenizer.json.

    >>> vocabulary = {"[UNK]": 0, "f": 1, "film": 2, "##i": 3, "##l": 4, "##m": 5, "##ilm": 6}
    >>> model = {"type": "WordPiece", "unk_token": "[UNK]", "vocab": vocabulary}
    >>> narrowed(json.dumps({"model": model}), wanted=[2]).rows
    [0, 1, 2, 3, 4, 5]

    `wanted` holds ids. These tokens stay with them: added and special tokens, what the post-processor, the padding and
    the model name, and the smallest pieces, from which the words whose tokens are gone are made (single characters,
    and for BPE the symbols that a kept token is merged from). The new ids are 0, 1, 2 … in the order of the old ones.
    The new tokenizer neither truncates nor pads.

    A text that had kept tokens alone has the same tokens as before. There is one exception: in a WordPiece vocabulary
    where "##xy" is a token but "##x" is none, a word that was unknown can become known, and the other way round.

    Raises `InputError` if the text is no tokenizer, its model is none of WordPiece, BPE, Unigram and WordLevel, or
    an id in `wanted` is no token's.
    """
    file = _parsed(tokenizer)
    model = _part(file, "model", dict)
    kind = _kind(model)
    own = _own(model, kind)
    added = _added(file, own)
    names = own | added
    places = list(_places(file.get("post_processor")))
    if unknown := set(wanted) - names.keys():
        raise InputError(f"tokenizer.json: no token has the id {min(unknown)}. Give ids that this tokenizer gave.")
    kept = {names[each] for each in wanted} | {*added.values(), *_named(file, model, own, names)}
    kept |= {_known(holder[at], "post_processor", names) for holder, at in places}
    kept |= _CLOSURES[kind](model, own.values(), kept)
    rows = sorted(each for each, name in names.items() if name in kept)
    new = {old: at for at, old in enumerate(rows)}
    if kind == "Unigram":
        model["vocab"] = [model["vocab"][old] for old in rows if old in own]
        model["unk_id"] = None if model.get("unk_id") is None else new[model["unk_id"]]
    else:
        model["vocab"] = {own[old]: new[old] for old in rows if old in own}
    for token in file.get("added_tokens", []):
        token["id"] = new[token["id"]]
    for holder, at in places:
        holder[at] = new[holder[at]]
    return Narrowed(_written({**file, "truncation": None, "padding": None}), rows)


def _parsed(text: str) -> _Json:
    try:
        file = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else brief(str(error))
        raise _wrong(f"this is no JSON ({said})") from None
    if not isinstance(file, dict):
        raise _wrong(f"this is {brief(file)}, not an object")
    return file


def _written(file: _Json) -> str:
    try:
        text = json.dumps(file, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (ValueError, RecursionError):  # half a character, no finite number, or brackets in brackets
        raise _wrong("it holds what JSON cannot") from None
    return text


def _wrong(what: str) -> InputError:
    return InputError(f"tokenizer.json: {what}. Save the tokenizer anew with save_pretrained, or take another model.")


def _part(holder: object, key: str, kind: type[T]) -> T:
    if not isinstance(holder, dict):
        raise _wrong(f"{brief(holder)} should be an object with {key!r}")
    if not isinstance(found := holder.get(key), kind):
        raise _wrong(f"{key!r} should be a {kind.__name__}, not {brief(found)}")
    return found


def _text(holder: object, key: str) -> str:
    """A text that may be missing."""
    if isinstance(holder, dict) and holder.get(key) is None:
        return ""
    return _part(holder, key, str)


def _whole(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(f"{what} should be a whole number from 0 on, not {brief(value)}")
    return value


def _known(value: object, what: str, names: dict[int, str]) -> str:
    if (name := names.get(_whole(value, repr(what)))) is None:
        raise _wrong(f"{what!r} names the id {brief(value)}, which no token has")
    return name


def _kind(model: _Json) -> str:
    """The type of the model; the oldest files do not name it."""
    kind = model.get("type")
    if kind is None:
        if "merges" in model:
            kind = "BPE"
        elif isinstance(model.get("vocab"), list):
            kind = "Unigram"
        else:
            kind = "WordPiece" if "continuing_subword_prefix" in model else "WordLevel"
    if not isinstance(kind, str) or kind not in _CLOSURES:
        raise InputError(
            f"tokenizer.json: {brief(kind)} is none of the types of models that tokens can be removed from "
            f"({', '.join(_CLOSURES)}). Keep its whole vocabulary, or take another model."
        )
    return kind


def _own(model: _Json, kind: str) -> dict[int, str]:
    """The model's tokens by their ids."""
    if kind == "Unigram":
        pieces = _part(model, "vocab", list)
        for each in pieces:
            if not (isinstance(each, list) and len(each) == 2 and isinstance(each[0], str)):
                raise _wrong(f"a piece should be a text and its score, not {brief(each)}")
            if not isinstance(each[1], (int, float)) or isinstance(each[1], bool):
                raise _wrong(f"the score of {brief(each[0])} should be a number, not {brief(each[1])}")
        return {at: each[0] for at, each in enumerate(pieces)}
    vocabulary = _part(model, "vocab", dict)
    own = {_whole(each, f"the id of {brief(name)}"): name for name, each in vocabulary.items()}
    if len(own) < len(vocabulary):
        raise _wrong("two tokens have the same id")
    return own


def _added(file: _Json, own: dict[int, str]) -> dict[int, str]:
    """The added tokens by their ids; those that the model has not are numbered after its own, as they are loaded."""
    ids = {name: each for each, name in own.items()}
    last, new = max(own, default=-1), len(own) - 1
    added: dict[int, str] = {}
    for token in _part(file, "added_tokens", list) if "added_tokens" in file else ():
        name, given = _part(token, "content", str), _whole(_part(token, "id", int), "the id of an added token")
        if not name:
            raise _wrong("an added token is empty")
        if name not in ids:
            new += 1
            if new <= last:
                raise _wrong("its model's ids have holes, and it has added tokens beside")
            ids[name] = new
        if given != ids[name]:
            raise _wrong(f"the added token {brief(name)} has the id {given}, where {ids[name]} is its place")
        added[given] = name
    return added


def _places(processor: object) -> Iterator[tuple[list[Any], int]]:
    """Where ids stand in a post-processor: a list, and the place in it."""
    todo = [] if processor is None else [processor]
    while todo:
        one = todo.pop()
        kind = _part(one, "type", str)
        if kind == "Sequence":
            todo += _part(one, "processors", list)
        elif kind in ("BertProcessing", "RobertaProcessing"):
            for key in ("sep", "cls"):
                if len(pair := _part(one, key, list)) != 2:
                    raise _wrong(f"{key!r} should be a token and its id, not {brief(pair)}")
                yield pair, 1
        elif kind == "TemplateProcessing":
            for special in _part(one, "special_tokens", dict).values():
                ids = _part(special, "ids", list)
                yield from ((ids, at) for at in range(len(ids)))
        elif kind != "ByteLevel":
            raise _wrong(f"a post-processor of type {brief(kind)} is none whose ids are known")


def _named(file: _Json, model: _Json, own: dict[int, str], names: dict[int, str]) -> set[str]:
    """The tokens that padding and model name, some of which may not be there."""
    found = {_text(model, "unk_token")}
    if model.get("unk_id") is not None:
        found.add(_known(model["unk_id"], "unk_id", own))
    if (padding := file.get("padding")) is not None:
        found |= {_text(padding, "pad_token"), names.get(_whole(_part(padding, "pad_id", int), "'pad_id'"), "")}
    return found - {""}


def _singles(names: Iterable[str], prefix: str, suffix: str = "") -> set[str]:
    """Tokens of one character, with or without what marks the inside of a word or its end."""
    return {
        name
        for name in names
        if len(name) <= 1 + len(prefix) + len(suffix)
        and 1 in {len(bare.removesuffix(end)) for bare in (name, name.removeprefix(prefix)) for end in ("", suffix)}
    }


def _word_pieces(model: _Json, names: Iterable[str], kept: set[str]) -> set[str]:
    return _singles(names, _text({"continuing_subword_prefix": "##", **model}, "continuing_subword_prefix"))


def _scored_pieces(model: _Json, names: Iterable[str], kept: set[str]) -> set[str]:
    """One of the lowest score too, as an unknown character counts ten less than that."""
    least = min(model["vocab"], key=lambda each: each[1], default=None)
    return _singles(names, "") | _fallback(model) | (set() if least is None else {least[0]})


def _fallback(model: _Json) -> set[str]:
    return _BYTES if model.get("byte_fallback") else set()


def _symbols(model: _Json, names: Iterable[str], kept: set[str]) -> set[str]:
    """What the kept tokens are merged from; the merges into others leave the model."""
    prefix, suffix = _text(model, "continuing_subword_prefix"), _text(model, "end_of_word_suffix")
    names = set(names)
    merges = [_merge(each, prefix, names) for each in _part(model, "merges", list)]
    ranks = {(first, second): rank for rank, (first, second, _) in enumerate(merges)}
    parts: dict[str, list[str]] = {}
    for first, second, whole in merges:
        parts.setdefault(whole, []).extend((first, second))
    found = kept | (names & _fallback(model)) | _singles(names, prefix, suffix)
    todo = list(found)
    while todo:
        token = todo.pop()
        of = parts.get(token, [])
        # The last merge of a token is known if there is but one. Else it is found, or each that it may be is kept.
        if len(of) > 2 and not prefix and not suffix and len(token) <= _LONGEST:
            of = _replayed(token, ranks) or of
        more = set(of) - found
        found |= more
        todo += more
    model["merges"] = [each for each, three in zip(model["merges"], merges, strict=True) if found.issuperset(three)]
    return found


def _merge(merge: object, prefix: str, names: set[str]) -> tuple[str, str, str]:
    """Two symbols that become one, and which."""
    both = merge.split(" ") if isinstance(merge, str) else merge
    if not (isinstance(both, list) and len(both) == 2 and isinstance(both[0], str) and isinstance(both[1], str)):
        raise _wrong(f"a merge should be two tokens, not {brief(merge)}")
    first, second = both
    three = first, second, first + second[len(prefix) :]
    if not names.issuperset(three):
        raise _wrong(f"the merge {brief(merge)} is of a token, or into one, that the vocabulary has not")
    return three


def _replayed(token: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """The symbols that the characters of a token pass through to become it; none if they do not."""
    symbols, seen = list(token), list(token)
    while len(symbols) > 1:
        rank, at = min((ranks.get(pair, _NEVER), at) for at, pair in enumerate(pairwise(symbols)))
        if rank == _NEVER:
            return []
        symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
        seen.append(symbols[at])
    return seen


_CLOSURES: dict[str, Callable[[_Json, Iterable[str], set[str]], set[str]]] = {
    "WordPiece": _word_pieces,
    "BPE": _symbols,
    "Unigram": _scored_pieces,
    "WordLevel": lambda *_: set(),
}
