"""Scores the vectors of words, sentences and words in sentences on lists, and prints the scores."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from seqpipe.adapters import tokenized
from seqpipe.cli.embeddings._known import Lists
from seqpipe.cli.embeddings._model import Opened
from seqpipe.errors import DataError
from seqpipe.evaluation import EmbeddingScore, Fitted
from seqpipe.evaluation.embeddings import (
    SENSES,
    WORD_ORDER,
    Analogies,
    Categorisation,
    Relatedness,
    SentenceVectors,
    Use,
    Words,
    WordSimilarity,
    bags_of_words,
    encoded_sentences,
    encoded_words,
    named_lists,
    read_order,
    read_sentences,
    read_uses,
    score_order,
    score_senses,
    score_sentences,
    without_encoder,
)
from seqpipe.parts.tokenizers import Regex, Tokenize
from seqpipe.reporting import escaped


def evaluate(
    opened: Opened, lists: Lists, *, limit: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Score vectors on lists.

    Args:
        opened: The vectors, and an encoder if there's one.
        lists: The lists.
        limit: How many of the most frequent words analogies may contain; 0 for all.
        say: Receives a description of each step.

    Returns:
        Plain data: "model", the number of "words", the "width", whether there's an "encoder", the paths
        of the "lists", and under "scores" what the scorers return.
    """
    fitted = Fitted(opened.embedder)
    scores: dict[str, Any] = {}
    for name, scorer in _scorers(lists, limit).items():
        say(f"scoring {name.replace('_', ' ')}…")
        for score in scorer:
            scores[name] = {**scores.get(name, {}), **score(fitted)}
    say("scoring sentences…")
    scores.update(_score_sentences(opened, lists))
    return {
        "model": opened.name,
        "words": len(opened.embedder.vocabulary),
        "width": opened.embedder.width,
        "encoder": opened.encoder is not None,
        "lists": lists.paths(),
        "scores": scores,
    }


def _scorers(lists: Lists, limit: int) -> dict[str, list[EmbeddingScore]]:
    found: dict[str, list[EmbeddingScore]] = {
        "similarity": [WordSimilarity(path=lists.similarity)] if lists.similarity else [],
        "relatedness": (
            [Relatedness(similarity=lists.alike, relatedness=lists.related)]
            if lists.packaged
            else []
        ),
        "analogies": [Analogies(path=lists.analogies, limit=limit)] if lists.analogies else [],
        "categories": [Categorisation(path=path) for path in lists.categories],
    }
    return {name: scorers for name, scorers in found.items() if scorers}


def _score_sentences(opened: Opened, lists: Lists) -> dict[str, Any]:
    if not lists.sentences and not lists.packaged:
        return {}
    tokenize = tokenizer_of(opened)
    ways: dict[str, SentenceVectors] = bags_of_words(Fitted(opened.embedder), tokenize)
    if opened.encoder is not None:
        ways["encoder"] = encoded_sentences(opened.encoder)
    scores: dict[str, Any] = {}
    if lists.sentences:
        scores["sentences"] = {
            name: score_sentences(read_sentences(path), ways)
            for name, path in named_lists(lists.sentences).items()
        }
    if lists.packaged:
        scores["word_order"] = score_order(read_order(WORD_ORDER, tokenize), ways)
    return scores


def tokenizer_of(opened: Opened) -> Tokenize:
    """Return a function that splits a text into words: the pipeline's own tokenizer, if there's a pipeline."""
    nlp = opened.nlp
    if nlp is None:
        return Regex()
    return lambda text: [
        token.text for token in tokenized(nlp.tokenizer, text) if not token.is_space
    ]


def print_evaluation(console: Console, report: Mapping[str, Any]) -> None:
    """Print a table for each kind of score that there is."""
    encoder = "with an encoder" if report["encoder"] else "no encoder"
    console.print(
        f"{escaped(report['model'])}: {report['words']:,} words, width {report['width']}, {encoder}"
    )
    scores = report["scores"]
    for name, print_scores in _PRINTERS.items():
        if name in scores:
            console.print()
            print_scores(console, scores[name])
    if report["lists"]:
        console.print(f"\nlists: {escaped(', '.join(report['lists']))}")
    else:
        console.print(
            "\nno lists but seqpipe's own: set SEQPIPE_DATA to the folder of the known ones, or "
            "name some, such as --similarity FILE"
        )


def number(value: float | None, digits: int = 3) -> str:
    """Format a number for a table; – for none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def share_of(score: Mapping[str, Any]) -> str:
    """Return how many entries of a list were scored."""
    total = next(score[key] for key in ("pairs", "questions", "words") if key in score)
    return f"{score['covered']:,} of {total:,}"


def make_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table whose first column is text, and whose others are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(escaped(title), overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*map(escaped, row))
    return table


def _print_similarity(console: Console, scores: Mapping[str, Any]) -> None:
    rows = [
        (name, number(score["spearman"]), share_of(score), number(score["spearman_all"]))
        for name, score in scores.items()
    ]
    rows += [
        (f"{name}, with sub-words", number(more["spearman"]), share_of(more), "")
        for name, score in scores.items()
        if (more := score["with_subwords"])
    ]
    console.print(make_table("word similarity", ("Spearman", "covered", "over all pairs"), rows))


def _print_relatedness(console: Console, scores: Mapping[str, Any]) -> None:
    if scores["similarity"] and scores["relatedness"]:
        rows = [
            (f"similarity ({', '.join(scores['similarity'])})", number(scores["similarity_mean"])),
            (
                f"relatedness ({', '.join(scores['relatedness'])})",
                number(scores["relatedness_mean"]),
            ),
        ]
        console.print(make_table("similarity or relatedness", ("Spearman",), rows))
        console.print()
    opposites = scores["opposites"]
    by_kind = [
        (
            kind,
            number(opposites[kind]["mean_cosine"]),
            number(opposites[kind]["median_rank"], 1),
            share_of(opposites[kind]),
        )
        for kind in ("synonyms", "antonyms")
    ]
    console.print(make_table("opposites", ("mean cosine", "median rank", "covered"), by_kind))
    console.print(
        f"synonyms are nearer than antonyms in {number(opposites['told_apart'])} of all cases "
        "(0.5 by chance)"
    )


def _print_analogies(console: Console, scores: Mapping[str, Any]) -> None:
    for i, (name, score) in enumerate(scores.items()):
        if i:
            console.print()
        kinds = {key: score[key] for key in ("semantic", "syntactic") if key in score}
        parts = {**score["sections"], **kinds} if score["covered"] else {}
        rows = [
            (f"  {part}" if part in score["sections"] else part, *_answers(each))
            for part, each in {**parts, "all": score}.items()
        ]
        columns = ("3CosAdd", "3CosMul", "covered")
        console.print(make_table(f"analogies: {name}", columns, rows))


def _answers(score: Mapping[str, Any]) -> tuple[str, str, str]:
    return number(score["3cosadd"]), number(score["3cosmul"]), share_of(score)


def _print_categories(console: Console, scores: Mapping[str, Any]) -> None:
    rows = [
        (name, number(each["purity"]), number(each["chance"]), str(each["labels"]), share_of(each))
        for name, each in scores.items()
    ]
    console.print(make_table("categories", ("purity", "by chance", "labels", "covered"), rows))


def _print_sentences(console: Console, scores: Mapping[str, Any]) -> None:
    rows = [
        (f"{name}, {way}", number(each["pearson"]), number(each["spearman"]), f"{score['pairs']:,}")
        for name, score in scores.items()
        for way, each in ways_of(score)
    ]
    console.print(make_table("sentence similarity", ("Pearson", "Spearman", "pairs"), rows))


def _print_order(console: Console, scores: Mapping[str, Any]) -> None:
    rows = [
        (way, number(each["told_apart"]), f"{each['mean_distance']:.2g}", str(scores["pairs"]))
        for way, each in ways_of(scores)
    ]
    columns = ("distinguished", "mean distance", "pairs")
    console.print(make_table("the same words in another order", columns, rows))


def ways_of(score: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the scores by way, without the other values of a score."""
    return [(way, each) for way, each in score.items() if isinstance(each, Mapping)]


_PRINTERS = {
    "similarity": _print_similarity,
    "relatedness": _print_relatedness,
    "analogies": _print_analogies,
    "categories": _print_categories,
    "sentences": _print_sentences,
    "word_order": _print_order,
}


#: How the vectors of words in sentences are made, in the order of the table.
_WAYS: Final = ("static", "around", "encoder")


def report_senses(opened: Opened, path: str | None, words: Sequence[str]) -> dict[str, Any]:
    """Return the result of `score_senses`, with the "model" and the "list".

    Raises:
        DataError: The list can't be read, or has none of the words.
    """
    uses = _chosen(read_uses(path or SENSES), words)
    ways = without_encoder(Words(opened.embedder), tokenizer_of(opened))
    if opened.encoder is not None:
        ways["encoder"] = encoded_words(opened.encoder)
    return {"model": opened.name, "list": path or SENSES, **score_senses(uses, ways)}


def print_senses(console: Console, report: Mapping[str, Any]) -> None:
    """Print a row for each word."""
    ways = [way for way in _WAYS if way in report["mean"]]
    rows = [
        (f"{word} ({', '.join(score['senses'])})", *_numbers(score, ways))
        for word, score in report["words"].items()
    ]
    rows.append(("mean", *_numbers(report["mean"], ways)))
    console.print(
        "how often a use is nearest to the other uses of its own sense; purity of clusters"
    )
    console.print(make_table("word", ("by chance", *(f"{way}" for way in ways)), rows))
    if "encoder" not in ways:
        model = escaped(report["model"])
        console.print(f"{model} has no encoder: no word's vector depends on its sentence")
    console.print(f"list: {escaped(report['list'])}")


def _numbers(score: Mapping[str, Any], ways: Sequence[str]) -> list[str]:
    of_ways = [f"{number(score[w]['accuracy'])}; {number(score[w]['purity'])}" for w in ways]
    return [number(score["chance"]), *of_ways]


def _chosen(uses: Sequence[Use], words: Sequence[str]) -> Sequence[Use]:
    there = list(dict.fromkeys(use.word for use in uses))
    lacking = [word for word in words if word not in there]
    if lacking:
        raise DataError(
            f"the list has no sentence about {', '.join(map(repr, lacking))}, only about "
            f"{', '.join(there)}; name a list with --uses"
        )
    return [use for use in uses if use.word in words] if words else uses
