"""What the tests' examples are made of: texts of two topics, and a word that's of both."""

import random

GARDEN = [f"{name}{number}" for name in ("rose", "bean", "soil", "hedge") for number in range(5)]
MUSIC = [f"{name}{number}" for name in ("song", "drum", "choir", "chord") for number in range(5)]
#: Merged into one word, it's a homonym whose senses are known (Schütze 1992).
BED, BEAT = "bed", "beat"
PSEUDO = "bedbeat"
COMMON = ["the", "a", "of", "and", "to"]


def planted(texts, seed=5):
    """Return texts of two topics in turn, with the topic's own word twice, and the same with the homonym in place of both."""
    draw = random.Random(seed)
    real = []
    for number in range(texts):
        topic, own = ((GARDEN, BED), (MUSIC, BEAT))[number % 2]
        words = [*draw.choices(topic, k=10), *draw.choices(COMMON, k=4), own, own]
        draw.shuffle(words)
        real.append(words)
    return real, [[PSEUDO if word in (BED, BEAT) else word for word in text] for text in real]


def accuracy(embedder, real, merged):
    """Return the share of homonyms whose sense is the one of most with the same original word."""
    found = {}
    for before, after in zip(real, merged, strict=True):
        for word, form, sense in zip(before, after, embedder.senses_of(after), strict=True):
            if form == PSEUDO:
                found[sense, word] = found.get((sense, word), 0) + 1
    senses = {sense for sense, _ in found}
    right = sum(max(found.get((sense, word), 0) for word in (BED, BEAT)) for sense in senses)
    return right / sum(found.values())
