"""Texts in three classes that are easy to tell apart, in the files of a real set."""

import random

from seqpipe.parts.readers import Row

WORDS = {"0": "rain cloud storm", "1": "goal match team", "2": "bread oven flour"}
CHINESE = {"0": "雨云风", "1": "球赛队", "2": "面炉粉"}


def made_up_rows(count, *, seed=0, chinese=False, several=False):
    """Return different texts, each with a class; with `several`, some have two."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        labels = draw.sample(list(WORDS), 2 if several and number % 3 == 0 else 1)
        if chinese:
            words = [draw.choice(CHINESE[label]) for label in labels for _ in range(4)]
        else:
            words = [draw.choice(WORDS[label].split()) for label in labels for _ in range(4)]
        text = ("" if chinese else " ").join([*words, f"{'' if chinese else 'no '}{number % 7}"])
        rows.append(Row(text, tuple(labels), f"made up:{seed}:{number}"))
    return rows


def made_up_parts(count=90, **options):
    """Return a train, a dev and a test part."""
    return {
        part: made_up_rows(max(count // 3, 20) if seed else count, seed=seed, **options)
        for seed, part in enumerate(("train", "dev", "test"))
    }


def write_trec(folder, count=90):
    """Write them in the form of TREC's files."""
    (folder / "trec").mkdir(parents=True)
    for seed, part in enumerate(("train", "test")):
        lines = (f"{row.labels[0]} {row.text}\n" for row in made_up_rows(count, seed=seed))
        (folder / "trec" / f"TREC.{part}.all").write_text("".join(lines), encoding="utf-8")
