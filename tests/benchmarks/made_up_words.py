"""Questions about journeys, easy to label, in the files of real sets."""

import random

from word_sets import WORD_SETS, read_words, write_words

CITIES = ("london", "paris", "new york", "oslo", "san jose", "rome")
DAYS = ("monday", "tuesday", "friday")


def made_up_texts(count, *, seed=0):
    """Return words, their tags in BIO, and an intent, of each text."""
    draw = random.Random(seed)
    texts = []
    for number in range(count):
        intent = ("flight", "fare#flight")[number % 2]
        pieces = [("show flights" if intent == "flight" else "what does it cost", None)]
        pieces += [("to", None), (draw.choice(CITIES), "city"), ("on", None)]
        pieces += [(draw.choice(DAYS), "day")]
        words, tags = [], []
        for piece, label in pieces:
            for place, word in enumerate(piece.split()):
                words.append(word)
                tags.append(f"{'I' if place else 'B'}-{label}" if label else "O")
        texts.append((words, tags, intent))
    return texts


def write_atis(folder, count=60):
    """Write them in the form of ATIS."""
    for seed, part in enumerate(("train", "valid", "test")):
        texts = made_up_texts(count if part == "train" else count // 3, seed=seed)
        into = folder / "atis" / part
        into.mkdir(parents=True)
        columns = zip(*((" ".join(w), " ".join(t), label) for w, t, label in texts), strict=True)
        for name, lines in zip(("seq.in", "seq.out", "label"), columns, strict=True):
            (into / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_wikigold(folder, count=60):
    """Write them in the form of WikiGold: tags in IO."""
    (folder / "ner_wikigold").mkdir(parents=True)
    texts = (
        "".join(
            f"{word} {tag.replace('B-', 'I-')}\n" for word, tag in zip(words, tags, strict=True)
        )
        for words, tags, _ in made_up_texts(count)
    )
    (folder / "ner_wikigold" / "wikigold.conll.txt").write_text("\n".join(texts), "utf-8")


def write_ewt(folder, count=60):
    """Write them in the form of EWT: each word's tag is made of what it is; one is unknown."""
    import gzip

    (folder / "ud_en_ewt").mkdir(parents=True)
    tag_of = {"O": "X", "B-city": "PROPN", "I-city": "PROPN", "B-day": "NOUN"}
    for seed, part in enumerate(("train", "dev", "test")):
        lines = []
        for words, tags, _ in made_up_texts(count, seed=seed):
            for place, (word, tag) in enumerate(zip(words, tags, strict=True), start=1):
                upos = "_" if word == "on" else tag_of[tag]
                lines.append(f"{place}\t{word}\t_\t{upos}\t_\t_\t{place - 1}\t_\t_\t_\n")
            lines.append("\n")
        path = folder / "ud_en_ewt" / f"en_ewt-ud-{part}.conllu.gz"
        path.write_bytes(gzip.compress("".join(lines).encode()))


def write_resume(folder, count=60):
    """Write texts by character, in BMES; the last of each part breaks the scheme."""
    (folder / "zh_resume_ner").mkdir(parents=True)
    draw = random.Random(0)
    for part in ("train", "dev", "test"):
        texts = [
            f"{draw.choice('他她')} O\n在 O\n" + draw.choice(("上 B-ORG\n海 E-ORG\n", "京 S-ORG\n"))
            for _ in range(count)
        ]
        path = folder / "zh_resume_ner" / f"{part}.char.bmes"
        path.write_text("\n".join([*texts, "海 E-ORG\n"]), encoding="utf-8")


def write_stsb(folder, count=60):
    """Write pairs in the form of the STS benchmark: alike if they're the same words, and quotes aren't quotes."""
    (folder / "sts_benchmark").mkdir(parents=True)
    for seed, part in enumerate(("train", "dev", "test")):
        texts = [" ".join(words) for words, _, _ in made_up_texts(count, seed=seed)]
        lines = [
            f"g\tf\ty\t{n}\t{5.0 * (n % 2):.3f}\t{text}\t{text if n % 2 else chr(34) + 'no'}\n"
            for n, text in enumerate(texts)
        ]
        (folder / "sts_benchmark" / f"sts-{part}.tsv").write_text("".join(lines), "utf-8")


def made_up_parts(name, folder, monkeypatch):
    """Return the parts of a set of made-up texts, and the folder of its files."""
    writers = {"atis": write_atis, "wikigold": write_wikigold, "ewt": write_ewt}
    writers |= {"zh-resume": write_resume, "stsb": write_stsb}
    writers[name](folder / "data")
    monkeypatch.setenv("SEQPIPE_DATA", str(folder / "data"))
    write_words(WORD_SETS[name].read(), folder / name)
    return read_words(name, folder / name), folder / name
