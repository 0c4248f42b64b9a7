"""The application: paths, and what's answered there."""

import contextlib
import functools
from asyncio import create_task
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Annotated, Any, Final

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException as StarletteHTTPException

from seqpipe import __version__
from seqpipe.errors import SeqpipeError
from seqpipe.serving._host import Gone, Host
from seqpipe.serving._middleware import App, Guarded, Measured, Received
from seqpipe.serving._names import Named
from seqpipe.serving._openapi import ERRORS, EXPLAIN, PREDICT, draw_docs
from seqpipe.serving._problems import RequestError, as_json
from seqpipe.serving._requests import check_headers, parse, question_of, records_of

_JSON: Final = "application/json"
_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_CHECKS: Final = ("/healthz", "/readyz")
#: These say nothing of the model, and browsers can't send a token before there's a page.
_OPEN: Final = (*_PAGES, *_CHECKS, "/docs", "/openapi.json")
_PATHS: Final = (*_OPEN, "/predict", "/explain", "/model", "/metrics", "/reload")
_UNUSABLE, _FORBIDDEN, _FAILED, _NOT_READY = 422, 403, 500, 503


def build_app(host: Host) -> App:
    """Return the application, with all that stands around it.

    Args:
        host: What answers; the application starts and stops it.
    """

    @contextlib.asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        # Meanwhile /healthz answers.
        loading = create_task(host.start())
        yield
        await loading
        await host.stop()

    app = FastAPI(
        title="seqpipe",
        version=__version__,
        description="Predictions of one saved pipeline.",
        docs_url=None,
        redoc_url=None,
        lifespan=living,
    )
    _add_errors(app)
    _add_pages(app)
    _add_checks(app, host)
    _add_model(app, host)
    _add_answers(app, host)
    settings = host.settings
    received = Received(app, settings.limits)
    guarded = Guarded(received, settings.token, _OPEN)
    # Who knows the token is no page of elsewhere.
    inner = guarded if settings.token else Named(guarded, settings.names)
    return Measured(inner, host.metrics, _PATHS)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(as_json(value), status, dict(headers or {}), _JSON)


def _add_errors(app: FastAPI) -> None:
    """Have all errors told in the same form."""

    @app.exception_handler(RequestError)
    async def refused(request: Request, error: RequestError) -> Response:
        return _json({"error": error.message}, error.status, error.headers)

    @app.exception_handler(StarletteHTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        message = f"{request.method} {request.url.path}: {error.detail}; /docs lists what there is"
        return _json({"error": message}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [f"{each['loc'][-1]}: {each['msg']}" for each in error.errors()]
        return _json({"error": "; ".join(found)}, _UNUSABLE)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        # Raised again after this, so that whoever runs the application logs it.
        return _json({"error": f"the server failed: {type(error).__name__}"}, _FAILED)


def _add_pages(app: FastAPI) -> None:
    folder = files(__package__) / "web"
    for path, (name, kind) in _PAGES.items():
        content = (folder / name).read_bytes()
        app.add_api_route(path, _fixed(content, kind), include_in_schema=False)
    template = (folder / "docs.html.jinja").read_text(encoding="utf-8")

    # Once, as anybody may ask for it; and not before all paths are there.
    @functools.cache
    def drawn() -> str:
        return draw_docs(template, app.openapi())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(drawn(), media_type=_PAGES["/"][1])


def _fixed(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return Response(content, media_type=kind)

    return page


def _add_checks(app: FastAPI, host: Host) -> None:
    @app.get("/healthz", responses=ERRORS, summary="Whether the server is alive")
    async def healthz() -> Response:
        """Answers as long as the server runs, whether it has a model or not."""
        return _json({"status": "alive"})

    @app.get("/readyz", responses=ERRORS, summary="Whether the model is loaded")
    async def readyz() -> Response:
        """Answers 503 until the model is loaded, and when the server is about to stop."""
        if host.is_stopping:
            raise RequestError(_NOT_READY, "the server is stopping")
        return _json({"status": "ready", "fingerprint": host.ready.fingerprint})

    @app.get("/metrics", responses=ERRORS, summary="Figures for Prometheus")
    async def metrics() -> Response:
        """Requests by path and status, their seconds, the records that wait, the sizes of batches, texts, and reloads."""
        return Response(host.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_model(app: FastAPI, host: Host) -> None:
    @app.get("/model", responses=ERRORS, summary="The model")
    async def model() -> Response:
        """Its name and version, its components with their labels, what a prediction consists of, and the limits of requests."""
        return _json(host.ready.description)

    @app.post("/reload", responses=ERRORS, summary="Load the model anew")
    async def reload() -> Response:
        """The new model is loaded beside the old one, which answers meanwhile. If that fails, the old one stays. A first model that couldn't be loaded is tried again. Only servers with a token do this."""
        if host.settings.token is None:
            raise RequestError(_FORBIDDEN, "only a server with a token reloads by request")
        if host.failure is None:
            host.ready  # noqa: B018 - the first one comes by itself
        try:
            fresh = await host.reload()
        except Exception as error:
            what = "the model can't be loaded" if host.model is None else "the old model stays"
            raise RequestError(_FAILED, f"{what}: {error}") from error
        host.on_reload()
        return _json(fresh.description)


def _add_answers(app: FastAPI, host: Host) -> None:
    @app.post("/predict", openapi_extra=PREDICT, responses=ERRORS, summary="Predict")
    async def predict(
        request: Request,
        proba: Annotated[bool, Query(description="The score of every label, too.")] = False,
    ) -> Response:
        """Predicts for a text, an object with one, or a list of these. There's an entry for each, in their order: with its id, if it has one, and the prediction or an error."""
        check_headers(request.headers)
        model = host.ready
        records = records_of(parse(await request.body()), model.predictor, host.settings.limits)
        found = await host.predict(model, records, proba=proba, gone=_gone(request))
        entries = b", ".join(entry.data for entry in found)
        fingerprint = as_json(model.fingerprint)
        body = b'{"fingerprint": %b, "predictions": [%b]}' % (fingerprint, entries)
        return Response(body, media_type=_JSON)

    @app.post("/explain", openapi_extra=EXPLAIN, responses=ERRORS, summary="Explain")
    async def explain(request: Request) -> Response:
        """Says which words of a text mattered for its label, or for those that are named."""
        check_headers(request.headers)
        model = host.ready
        question = question_of(parse(await request.body()), host.settings.limits)
        try:
            found = await host.explain(model, question, gone=_gone(request))
        except SeqpipeError as error:
            raise RequestError(_UNUSABLE, str(error)) from error
        return _json({"fingerprint": model.fingerprint, **found})


def _gone(request: Request) -> Gone:
    """Return what waits until the client of a request, whose body has been read, has gone."""

    async def wait() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return wait
