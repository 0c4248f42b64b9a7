"""``seqpipe generate``."""

from typing import Annotated

import typer

from seqpipe.cli._options import AsJson, Device

_Model = Annotated[
    str, typer.Argument(help="A saved pipeline with a language model.", show_default=False)
]
_Prompt = Annotated[
    str,
    typer.Option(help="What the text begins with; that of a backward model, what it ends with."),
]
_Length = Annotated[int, typer.Option(help="How many characters or words are written at most.")]
_Temperature = Annotated[
    float,
    typer.Option(help="Below 1, likely units become likelier; 0 always takes the likeliest one."),
]
_TopK = Annotated[
    int | None,
    typer.Option(help="Draw only from so many of the likeliest units.", show_default=False),
]
_TopP = Annotated[
    float | None,
    typer.Option(
        help="Draw only from the likeliest units that have this share of the probability together.",
        show_default=False,
    ),
]
_Seed = Annotated[
    int | None,
    typer.Option(
        help="The same seed writes the same text. By default it's another text each time.",
        show_default=False,
    ),
]


def generate_command(
    model: _Model,
    prompt: _Prompt = "",
    length: _Length = 200,
    temperature: _Temperature = 1.0,
    top_k: _TopK = None,
    top_p: _TopP = None,
    seed: _Seed = None,
    as_json: AsJson = False,
    device: Device = None,
) -> None:
    """Write a text with a language model.

        MODEL=runs/characters/model-best

        seqpipe generate $MODEL --prompt "The city of" --temperature 0.7

        seqpipe generate $MODEL --length 50 --top-k 40 --top-p 0.9 --seed 1

    It ends with the end of the text, or after --length characters or words. A file with a section
    [language_model] trains such a model; see docs/language-models.md.
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import print_json, waiting
    from seqpipe.reporting import escaped_lines

    with waiting(f"loading {model}…"), redirected_output():
        from seqpipe.adapters import language_model_in
        from seqpipe.inference import load_pipeline

        writer = language_model_in(load_pipeline(model, device=device))
        text = writer.generate(
            prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
        )
    if as_json:
        print_json({"prompt": prompt, "seed": seed, "text": text})
    else:
        typer.echo(escaped_lines(text))
