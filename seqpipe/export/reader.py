"""Predicts by an exported pipeline, with numpy and onnxruntime alone: ``python reader.py < texts.txt``.

From Python: ``Pipeline("folder").predict(["a text", ["a", "list", "of", "words"]])``. See docs/onnx.md of seqpipe.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

#: So many words, with what's padded, are computed at once.
WORDS_AT_ONCE = 2**15
#: The vectors of so many unknown words are kept.
KEPT_WORDS = 10_000
#: No score counts as closer to 0 or 1 where scores are mixed or scaled.
LEAST_SCORE = 1e-6

# Characters that fastText splits a text at are exchanged for private ones in its words.
_EXCHANGE = {ord(c): 0xF0000 + ord(c) for c in "\0\t\n\v\f\r \x1a"}
_UNWRITABLE = re.compile(f"[\ud800-\udfff{''.join(map(chr, _EXCHANGE.values()))}\U000f002f]")


class Pipeline:
    """An exported pipeline.

    Args:
        folder: Where it is; by default where this file is.
        threads: How many threads onnxruntime may use.
    """

    def __init__(self, folder: str | Path = Path(__file__).parent, *, threads: int = 1) -> None:
        folder = Path(folder)
        self.settings = read_json(folder / "pipeline.json")
        if self.settings["format"] != 1:
            raise ValueError(f"{folder} has another format than this reader")
        self.labels: list[str] = self.settings["labels"]
        self.tables = [Table(folder, name) for name in self.settings["tables"]]
        self.tuned = read_arrays(folder / "tuned.npz") if self.settings["tuned"] else {}
        words = read_json(folder / "tuned.json")["words"] if self.tuned else []
        self.tuned_rows = {word: n for n, word in enumerate(words)}
        self.wide = NGrams(folder) if self.settings["wide"] else None
        self.chain = read_arrays(folder / "chain.npz") if self.settings["chain"] else {}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """Return the tokens of a text; of a list of words, the list. White space but a single blank is a token."""
        if not isinstance(text, str):
            if isinstance(text, dict) or not all(isinstance(word, str) and word for word in text):
                raise TypeError(
                    f"a text is a string or a list of strings that aren't empty, and this is {text!r:.80}"
                )
            return list(text)
        tokenizer = self.settings["tokenizer"]
        if tokenizer["kind"] == "words":
            raise TypeError(f"give lists of words: {tokenizer['reason']}")
        found: list[str] = []
        end = 0
        for word in split(text, tokenizer):
            start = text.index(word, end)
            found += [*gap(text[end:start], bool(found)), word]
            end = start + len(word)
        return found + gap(text[end:], bool(found))

    def vectors(self, words: Sequence[str]) -> Any:
        """Return the vectors of words, `[N, D]`; those of white space are zeros."""
        places: dict[str, int] = {}
        index = [places.setdefault(word, len(places)) for word in words]
        unique = list(places)
        found = np.concatenate([table.vectors(unique) for table in self.tables], axis=1)
        found[[n for n, word in enumerate(unique) if not word.strip()]] = 0
        for n, word in enumerate(unique if self.tuned else ()):
            # A word that's known only lower-cased has that form's offset.
            row = self.tuned_rows.get(word, self.tuned_rows.get(word.lower()))
            if row is not None:
                start, offset = int(self.tuned["start"]), self.tuned["offsets"][row]
                found[n, start : start + len(offset)] += offset
        return found[index]

    def predict(self, texts: Iterable[str | Sequence[str]]) -> list[dict[str, Any]]:
        """Predict for texts, or lists of words.

        Returns:
            For each text, where labels are of texts, the decided "labels" and the "scores" of all. Where they're of words, the
            "words", their "labels", and the "scores" of these.
        """
        tokens = [self.tokens(text) for text in texts]
        order = sorted(range(len(tokens)), key=lambda n: len(tokens[n]))
        found: list[dict[str, Any]] = [{} for _ in tokens]
        while order:
            longest = max(1, len(tokens[order[-1]]))
            some = order[-max(1, WORDS_AT_ONCE // longest) :]
            del order[-len(some) :]
            for n, one in zip(some, self._predict([tokens[n] for n in some]), strict=True):
                found[n] = one
        return found

    def _predict(self, texts: list[list[str]]) -> list[dict[str, Any]]:
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        vectors = self.vectors([word for text in texts for word in text])
        given = {"vectors": vectors.astype(np.float32), "lengths": lengths}
        logits, scores = self.session.run(["logits", "scores"], given)
        if self.settings["level"] == "word":
            ends = np.cumsum(lengths)[:-1]
            pairs = zip(texts, np.split(logits, ends), np.split(scores, ends), strict=True)
            return [self._label_words(*each) for each in pairs]
        return [self._decide(self._mix(*each)) for each in zip(texts, scores, strict=True)]

    def _mix(self, words: list[str], scores: Any) -> Any:
        if self.wide is not None:
            before, own = self.settings["wide"]["weights"]
            others = self.wide.scores([word for word in words if not word.isspace()])
            scores = self._scored(before * self._logits(scores) + own * self._logits(others))
        if self.settings["temperature"] is not None:
            scores = self._scored(self._logits(scores) / self.settings["temperature"])
        return scores

    def _logits(self, scores: Any) -> Any:
        scores = scores.astype(np.float64).clip(LEAST_SCORE, 1 - LEAST_SCORE)
        return np.log(scores) - (0 if self.settings["exclusive"] else np.log1p(-scores))

    def _scored(self, logits: Any) -> Any:
        return softmax(logits) if self.settings["exclusive"] else 1 / (1 + np.exp(-logits))

    def _decide(self, scores: Any) -> dict[str, Any]:
        named = dict(zip(self.labels, scores.tolist(), strict=True))
        ranked = sorted(self.labels, key=lambda label: -named[label])
        # Of exclusive classes it's the best one, unless its score is below what's needed.
        ranked = ranked[:1] if self.settings["exclusive"] else ranked
        needed = dict(zip(self.labels, self.settings["thresholds"], strict=True))
        return {"labels": [x for x in ranked if named[x] >= needed[x]], "scores": named}

    def _label_words(self, words: list[str], logits: Any, scores: Any) -> dict[str, Any]:
        if "transitions" in self.chain and words:
            scores = marginals(logits, *(self.chain[n] for n in ("transitions", "starts", "ends")))
        places = [n for n, word in enumerate(words) if word.strip()]
        scores = scores[places]
        best = scores.argmax(1)
        if "neighbours" in self.chain and places:
            allowed = [self.chain[n] for n in ("neighbours", "first", "last")]
            best = likeliest(np.log(scores.astype(float).clip(1e-300)), *allowed)
        return {
            "words": [words[n] for n in places],
            "labels": [self.labels[n] for n in best.tolist()],
            "scores": scores[np.arange(len(best)), best].tolist(),
        }


class Table:
    """Vectors of known words, and of unknown ones by their n-grams of characters, hashed as fastText does."""

    def __init__(self, folder: Path, name: str) -> None:
        self.settings = read_json(folder / f"{name}.json")
        self.rows = {word: n for n, word in enumerate(self.settings["words"])}
        self.arrays = read_arrays(folder / f"{name}.npz")
        self.kept: dict[str, Any] = {}

    def vectors(self, words: Sequence[str]) -> Any:
        """Return the vectors of words, `[N, width]`."""
        words = [word.lower() for word in words] if self.settings["lower"] else words
        rows = np.array([self.rows.get(word, -1) for word in words], dtype=np.int64)
        known = self.arrays["vectors"]
        found = np.zeros((len(words), known.shape[1]), dtype=np.float32)
        found[rows >= 0] = known[rows[rows >= 0]]
        if self.settings["max_n"]:
            for n in np.flatnonzero(rows < 0).tolist():
                found[n] = self._unknown(words[n])
        return found

    def _unknown(self, word: str) -> Any:
        if word not in self.kept:
            if len(self.kept) >= KEPT_WORDS:
                self.kept.clear()
            hashes = np.array(self._hashes(word), dtype=np.uint32)
            places = find(hashes, self.arrays["hashes"])
            rows = self.arrays["rows"][self.arrays["row_of_hash"][places[places >= 0]]]
            self.kept[word] = rows.mean(axis=0, dtype=np.float32) if len(rows) else 0
        return self.kept[word]

    def _hashes(self, word: str) -> list[int]:
        if word == "</s>":
            word = "<\U000f002fs>"
        elif not _UNWRITABLE.search(word):
            word = word.translate(_EXCHANGE)
        characters = [c.encode("utf-8", "surrogatepass") for c in f"<{word}>"]
        found: list[int] = []
        for start in range(len(characters)):
            value = 2166136261
            end = min(start + self.settings["max_n"], len(characters))
            for n, character in enumerate(characters[start:end], start=1):
                for byte in character:
                    signed = byte | 0xFFFFFF00 if byte > 127 else byte
                    value = (value ^ signed) * 16777619 & 0xFFFFFFFF
                is_mark = n == 1 and start in (0, len(characters) - 1)
                if n >= self.settings["min_n"] and not is_mark:
                    found.append(value)
        return found


class NGrams:
    """A linear model of the n-grams of words, and of those of characters within words."""

    def __init__(self, folder: Path) -> None:
        self.settings = read_json(folder / "ngrams.json")
        self.words = {word: n for n, word in enumerate(self.settings["words"])}
        self.characters: dict[str, int] = {
            part: n for n, part in enumerate(self.settings["characters"])
        }
        self.arrays = read_arrays(folder / "ngrams.npz")

    def scores(self, words: Sequence[str]) -> Any:
        """Return the score of each label of the pipeline, `[L]`."""
        words = [word.lower() for word in words] if self.settings["lower"] else list(words)
        marked = ["", *words, ""] if self.settings["text_ends"] and words else words
        kinds = [self._of_words(marked)]
        if self.settings["max_n"]:
            kinds.append([part for word in marked for part in self._within(word)])
        logits = self.arrays["bias"].astype(np.float64)
        start = 0
        for number, columns in enumerate(kinds):
            rarity = self.arrays[f"rarity{number}"]
            places, counts = np.unique(np.array(columns, dtype=np.int64), return_counts=True)
            values = np.ones(len(places))
            if self.settings["weighting"] == "tfidf":
                values = (1 + np.log(counts)) * rarity[places]
            values = values / max(float(np.linalg.norm(values)), 1e-30)
            logits = logits + values @ self.arrays["weights"][start + places]
            start += len(rarity)
        softmaxed = self.settings["loss"] == "softmax"
        found = softmax(logits) if softmaxed else 0.5 + 0.5 * np.tanh(0.5 * logits)
        return np.append(found, 0.0)[self.settings["columns"]]

    def _of_words(self, words: list[str]) -> list[int]:
        numbers = np.array([self.words.get(word, -1) for word in words], dtype=np.int64)
        columns: list[int] = numbers[numbers >= 0].tolist()
        at, start = numbers, len(self.words)
        for n in range(2, self.settings["longest"] + 1):
            known = self.arrays[f"ngrams{n}"]
            begins, last = at[:-1], numbers[n - 1 :]
            keys = np.where((begins >= 0) & (last >= 0), begins * len(self.words) + last, -1)
            at = find(keys, known)
            columns += (start + at[at >= 0]).tolist()
            start += len(known)
        return columns

    def _within(self, word: str) -> list[int]:
        marked = f" {word} " if len(word) > 1 else ""
        parts = (
            marked[start : start + n]
            for n in range(self.settings["min_n"], min(self.settings["max_n"], len(marked)) + 1)
            for start in range(len(marked) - n + 1)
        )
        return [self.characters[part] for part in parts if part in self.characters]


def read_json(path: Path) -> Any:
    """Return what a file of JSON has."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file of numpy's."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def find(keys: Any, known: Any) -> Any:
    """Return where keys are in an ascending array, `[N]`; -1 for those that aren't."""
    places = np.searchsorted(known, keys)
    is_there = places < len(known)
    is_there[is_there] = known[places[is_there]] == keys[is_there]
    return np.where(is_there, places, -1)


def split(text: str, tokenizer: Any) -> list[str]:
    """Return the words of a text: at white space, character by character, or by a regular expression."""
    if tokenizer["kind"] == "whitespace":
        return text.split()
    if tokenizer["kind"] == "characters":
        return [character for character in text if not character.isspace()]
    pieces, end = [], 0
    for match in re.finditer(tokenizer["pattern"], text):
        pieces += [text[end : match.start()], match.group()]
        end = match.end()
    return " ".join([*pieces, text[end:]]).split()


def gap(space: str, has_before: bool) -> list[str]:
    """Return the token that white space between words is, if it's more than a blank after a word."""
    space = space[1:] if has_before and space.startswith(" ") else space
    return [space] if space else []


def softmax(logits: Any) -> Any:
    """Return probabilities, along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def log_sum(values: Any, axis: int) -> Any:
    """Return the logarithm of the sum of exponentials."""
    most = values.max(axis, keepdims=True)
    return np.log(np.exp(values - most).sum(axis)) + most.squeeze(axis)


def marginals(logits: Any, transitions: Any, starts: Any, ends: Any) -> Any:
    """Return the probability of each label of each word over all sequences of labels (Rabiner 1989): `[N, L]`."""
    before, after = [starts + logits[0].astype(np.float64)], [ends.astype(np.float64)]
    for row in logits[1:]:
        before.append(log_sum(before[-1][:, None] + transitions, 0) + row)
    for row in logits[:0:-1]:
        after.append(log_sum(transitions + row + after[-1], 1))
    return softmax(np.array(before) + np.array(after[::-1]))


def likeliest(logs: Any, neighbours: Any, first: Any, last: Any) -> Any:
    """Return the labels with the greatest sum of which each may stand after the one before (Viterbi 1967): `[N]`."""
    penalty, start, end = (np.where(each, 0.0, -np.inf) for each in (neighbours, first, last))
    best, back = start + logs[0], []
    for row in logs[1:]:
        ways = best[:, None] + penalty
        back.append(ways.argmax(0))
        best = ways.max(0) + row
    labels = [int((best + end).argmax())]
    for came_from in reversed(back):
        labels.append(int(came_from[labels[-1]]))
    return np.array(labels[::-1])


def main() -> None:
    """Predict for each line of standard input: a text, or a list of words in JSON."""
    pipeline = Pipeline()
    has_words = pipeline.settings["tokenizer"]["kind"] == "words" or "--words" in sys.argv
    # A carriage return within a line is white space of its text.
    with open(0, encoding="utf-8", newline="\n") as lines:
        numbered = ((n, line.rstrip("\r\n")) for n, line in enumerate(lines, start=1))
        while some := list(islice(numbered, 1000)):
            texts = [words_of(line, n) if has_words else line for n, line in some]
            for one in pipeline.predict(texts):
                print(json.dumps(one))


def words_of(line: str, number: int) -> list[str]:
    """Return the list of words that a line of JSON holds; end the program if it's something else."""
    try:
        words = json.loads(line)
    except ValueError as error:
        sys.exit(f"line {number:,} isn't JSON: {error}")
    if not isinstance(words, list) or not all(isinstance(each, str) and each for each in words):
        sys.exit(f"line {number:,} should be a list of strings that aren't empty: {line:.80}")
    return words


if __name__ == "__main__":
    main()
