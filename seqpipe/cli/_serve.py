"""``seqpipe serve``."""

import sys
from typing import Annotated, Any

import typer

from seqpipe.cli._options import Device, Precision, Threads, Threshold, Top, Vectors, Workers

_Host = Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen at.")]
_Port = Annotated[
    int, typer.Option(min=0, max=65535, help="The port to listen at; 0 for any that's free.")
]
_Token = Annotated[
    str | None,
    typer.Option(
        envvar="SEQPIPE_TOKEN",
        help='What clients have to send, as "Authorization: Bearer TOKEN". Better given by the variable, as others see command lines.',
        show_default=False,
        show_envvar=True,
    ),
]
_BatchSize = Annotated[
    int, typer.Option(min=1, help="At most so many records are predicted for at once.")
]
_BatchWait = Annotated[
    float,
    typer.Option(
        min=0, metavar="MS", help="So many milliseconds a record waits for others to join it."
    ),
]
_Queue = Annotated[
    int, typer.Option(min=1, help="So many records may wait; beyond that, requests are refused.")
]
_Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="A request that takes longer is answered with an error."),
]
_Patience = Annotated[
    float, typer.Option(metavar="SECONDS", help="How long a client may take to send a request.")
]
_MaxBody = Annotated[int, typer.Option(min=1, metavar="BYTES", help="The size of a request.")]
_MaxHeld = Annotated[
    int,
    typer.Option(min=1, metavar="BYTES", help="The size of all requests that aren't answered yet."),
]
_MaxRecords = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="How many records a request may have.  [default: 1000, or as many as the queue]",
        show_default=False,
    ),
]
_AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A name that clients may call the server by, beside localhost, addresses and that of --host. With a token any will do.",
        show_default=False,
    ),
]
_MaxCharacters = Annotated[int, typer.Option(min=1, help="The length of a text.")]
_MaxExplained = Annotated[
    int, typer.Option(min=1, help="The length of a text that's to be explained.")
]
_Text = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY",
        help="The key of a record's text; given several times, the texts are joined. By default that of the data that the model "
        "was trained on, or text.",
        show_default=False,
    ),
]
_Pair = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="That of the second text, for a model that compares pairs. By default likewise, or text2.",
        show_default=False,
    ),
]
_Id = Annotated[str, typer.Option(metavar="KEY", help="That of an id, which answers repeat.")]
_Proba = Annotated[
    bool,
    typer.Option("--proba", help="Give the score of every label, also where it isn't asked for."),
]


def serve_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    allow_host: _AllowHost = None,
    token: _Token = None,
    workers: Workers = 1,
    batch_size: _BatchSize = 32,
    batch_wait: _BatchWait = 2.0,
    queue: _Queue = 2_000,
    timeout: _Timeout = 30.0,
    patience: _Patience = 10.0,
    max_body: _MaxBody = 10_000_000,
    max_held: _MaxHeld = 200_000_000,
    max_records: _MaxRecords = None,
    max_characters: _MaxCharacters = 100_000,
    max_explained: _MaxExplained = 5_000,
    text: _Text = None,
    pair: _Pair = None,
    id: _Id = "id",
    top: Top = None,
    proba: _Proba = False,
    threshold: Threshold = None,
    vectors: Vectors = False,
    threads: Threads = None,
    device: Device = None,
    precision: Precision = None,
) -> None:
    """Serve predictions over HTTP.

    Records of many clients are put together into batches. There's a page to try the model at /, and one
    that lists the paths at /docs.

        MODEL=runs/reviews/model-best

        seqpipe serve $MODEL

        curl --json '{"text": "A fine film."}' http://127.0.0.1:8000/predict

        SEQPIPE_TOKEN=secret seqpipe serve $MODEL --host 0.0.0.0 --workers 4

    SIGTERM and Ctrl-C have it answer what it has accepted, and end. SIGHUP has it load the model anew.
    Everything is explained in this file:

        docs/serving.md
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.native import usable_threads
    from seqpipe.reporting import escaped
    from seqpipe.serving import Limits, ServerSettings, open_socket, serve

    options: dict[str, Any] = {
        "text": text or None,
        "pair": pair,
        "id": id,
        "top": top,
        "probabilities": proba,
        "threshold": threshold,
        "vectors": vectors,
        # Processes that share the cores don't wait for each other's.
        "threads": threads or max(1, usable_threads() // workers),
        "device": device,
        "precision": precision,
    }
    limits = Limits(
        body=max_body,
        records=min(1_000, queue) if max_records is None else max_records,
        characters=max_characters,
        explained=max_explained,
        queue=queue,
        held=max_held,
        seconds=timeout,
        patience=patience,
    )
    _check_token(token)
    settings = ServerSettings(
        model,
        options,
        batch_size,
        batch_wait / 1000,
        limits=limits,
        token=token,
        names=(host, *(allow_host or ())),
    )
    with redirected_output() as stdout, open_socket(host, port) as listening:
        if token is None and not _is_loopback(host):
            print(
                f"warning: anybody who reaches {escaped(host)} can use the model; --token would ask them who they are",
                file=sys.stderr,
            )
        address = _address(host, listening.getsockname()[1])
        # Whoever waits for this line may ask at once.
        serve(
            settings,
            listening,
            workers=workers,
            on_ready=lambda: print(f"{escaped(model)} at {address}", file=stdout, flush=True),
        )


def _check_token(token: str | None) -> None:
    """Refuse a variable that's there and empty, which the command line takes for one that isn't."""
    import os

    from seqpipe.errors import ConfigError

    if token is None and "SEQPIPE_TOKEN" in os.environ:
        raise ConfigError(
            "SEQPIPE_TOKEN is empty: give it a token, or unset it to serve whoever asks"
        )


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
