"""What's answered at each path, and what's refused."""

import asyncio
import json
import re

import httpx
import pytest
from serving.conftest import hosted

from seqpipe.errors import SavedModelError
from seqpipe.inference import Predictor
from seqpipe.serving import Limits, ServerSettings
from seqpipe.serving._app import build_app
from seqpipe.serving._host import Host
from seqpipe.serving._middleware import Received
from seqpipe.serving._model import Asked, _fingerprint, load_model
from seqpipe.serving._requests import question_of, records_of

TEXTS = ["the gull near the reef", "an owl of Oak", "tidewater undermoss"]


def test_predictions_are_those_of_the_predictor_in_the_order_of_the_records(ask, classifier):
    records = [{"id": n, "text": text} for n, text in enumerate(TEXTS)]
    found = ask("POST", "/predict", json=records).json()
    expected = Predictor(classifier).predict(TEXTS)
    assert found["predictions"] == [
        {"id": n, "prediction": values} for n, values in enumerate(expected)
    ]


def test_bad_records_are_errors_among_the_others(ask):
    records = ["wave oak", {"id": "b", "text": ""}, 3, None, {"id": "e"}, ["x"], {"text": ["oak"]}]
    found = ask("POST", "/predict", json=records).json()["predictions"]
    assert [sorted(each) for each in found] == [
        ["prediction"],
        ["error", "id"],
        ["error"],
        ["error"],
        ["error", "id"],
        ["error"],
        ["prediction"],
    ]
    assert found[1] == {"id": "b", "error": "its text is empty, or only white space"}


@pytest.mark.parametrize("record", ["wave oak", {"text": "wave oak"}, {"text": ["wave", "oak"]}])
def test_one_record_needs_no_list(ask, record):
    (found,) = ask("POST", "/predict", json=record).json()["predictions"]
    assert found["prediction"]["label"] in ("sea", "wood")


def test_scores_of_all_labels_are_there_for_who_asks(ask):
    (found,) = ask("POST", "/predict?proba=true", json="wave").json()["predictions"]
    assert sum(found["prediction"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert found["prediction"]["probabilities"].keys() == {"sea", "wood"}


def test_values_that_nobody_needs_are_forgotten(gazetteer):
    predictor = Predictor(gazetteer)
    record = {"id": 1, "text": "wave", "page": "long " * 1000}
    assert records_of(record, predictor, Limits()) == [{"id": 1, "text": "wave", "page": None}]
    question = question_of({"text": "wave", "labels": ["sea", "sea"]}, Limits())
    assert question.labels == ["sea"]


def test_record_that_json_cannot_hold_fails_alone(gazetteer):
    model = load_model(ServerSettings(str(gazetteer)))
    asked = [Asked({"id": each, "text": "wave"}, False) for each in (1, float("inf"), {(1,): 2})]
    good, *bad = model.answer(asked)
    assert good.is_prediction and not any(each.is_prediction for each in bad)
    assert json.loads(bad[0].data) == {
        "error": "JSON can't hold its id or its prediction: ValueError"
    }


def test_failure_of_the_server_is_an_error_of_the_same_form(ask, monkeypatch):
    def fail(*arguments):
        raise KeyError("a fault")

    monkeypatch.setattr("seqpipe.serving._app.records_of", fail)
    response = ask("POST", "/predict", json="wave")
    assert response.status_code == 500
    assert response.json() == {"error": "the server failed: KeyError"}


@pytest.mark.parametrize(
    ("host", "token", "status"),
    [
        ("localhost:8000", None, 200),
        ("LOCALHOST.", None, 200),
        ("127.0.0.1:8000", None, 200),
        ("[::1]:8000", None, 200),
        ("evil.example:8000", None, 421),
        ("127.0.0.1.evil.example", None, 421),
        ("evil.example", "secret", 200),
    ],
)
def test_servers_without_a_token_answer_to_their_own_names(ask, host, token, status):
    response = ask("GET", "/healthz", token=token, headers={"host": host})
    assert response.status_code == status
    assert status == 200 or "--allow-host" in response.json()["error"]


def test_bodies_of_all_requests_together_are_bounded():
    async def asking():
        limits = Limits(body=10, held=15)
        going = asyncio.Event()

        async def app(scope, receive, send):
            await going.wait()

        received = Received(app, limits)
        scope = {"type": "http", "headers": []}

        async def send_one():
            sent = []

            async def receive():
                return {"type": "http.request", "body": b"x" * 10}

            async def send(message):
                sent.append(message)

            await received(scope, receive, send)
            return [each["status"] for each in sent if "status" in each]

        first = asyncio.create_task(send_one())
        await asyncio.sleep(0)
        refused = await send_one()
        going.set()
        return await first, refused, await send_one()

    assert asyncio.run(asking()) == ([], [429], [])


def test_half_of_a_surrogate_pair_in_an_id_comes_back(ask):
    body = rb'{"id": "\ud83d", "text": "wave"}'
    response = ask("POST", "/predict", content=body, headers={"content-type": "application/json"})
    assert json.loads(response.content)["predictions"][0]["id"] == "\ud83d"


def test_explanation_is_that_of_the_command(ask, classifier):
    from seqpipe.explanation import explain
    from seqpipe.inference import load_pipeline

    question = {"text": "the gull near the reef", "labels": ["sea"], "seed": 3}
    found = ask("POST", "/explain", json=question).json()
    expected = explain(load_pipeline(str(classifier)), question["text"], labels=["sea"], seed=3)
    assert found["words"] == expected.words
    assert found["explained"][0]["words"] == pytest.approx(expected.explained[0].words, abs=1e-6)
    assert "they add up to" in found["explained"][0]["note"]


def test_explaining_twice_gives_the_same(classifier):
    async def asking():
        async with hosted(ServerSettings(str(classifier))) as (host, client):
            before = len(host.model.predictor.nlp.vocab.strings)
            found = [
                (await client.post("/explain", json="Zanzibar undermoss")).json() for _ in range(2)
            ]
            return found, len(host.model.predictor.nlp.vocab.strings) - before

    (first, second), grown = asyncio.run(asking())
    assert first == second
    assert grown == 0


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"text": "wave", "labels": ["see"]}, 'did you mean "sea"?'),
        ({"text": "wave", "labels": "sea"}, '"labels" should be a list'),
        ({"text": "wave", "method": "magic"}, '"method" should be gradients'),
        ({"text": "wave", "component": "ner"}, "no component 'ner'"),
        ({"text": "wave", "seed": True}, '"seed" should be'),
        ({"text": "wave", "label": "sea"}, 'there\'s no "label"'),
        ({"text": "a", "labels": [str(n) for n in range(21)]}, "21 labels are too many"),
        ({"text": " "}, "empty"),
        ({"text": "a\0b"}, "NUL"),
        ({}, '"text" should be a string'),
        ([], "the body should be a text"),
    ],
)
def test_what_cannot_be_explained_is_said(ask, question, message):
    response = ask("POST", "/explain", json=question)
    assert response.status_code == 422 and message in response.json()["error"]


def test_model_is_described(ask):
    found = ask("GET", "/model").json()
    (labels,) = [each["labels"] for each in found["components"] if each["name"] == "textcat"]
    assert labels == ["sea", "wood"]
    assert [each["name"] for each in found["output"]] == ["label", "score"]
    assert found["proba"][0]["type"] == "scores"
    assert re.fullmatch("[0-9a-f]{12}", found["fingerprint"])


def test_entities_have_places(ask, gazetteer):
    (found,) = ask("POST", "/predict", model=gazetteer, json="In 🌍 Paris").json()["predictions"]
    (entity,) = found["prediction"]["entities"]
    assert (entity["start"], entity["end"], entity["label"]) == (5, 10, "CITY")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "line 1, column 2"),
        (b'{"text": NaN}', 400, "NaN"),
        (b'"\xff"', 400, "UTF-8"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"9" * 10_000, 400, "digits"),
        (b'{"id": 1e999, "text": "a"}', 400, "it holds 1e999, which is too large"),
        (b"[]", 422, "empty"),
        (b"3", 422, "should be a text"),
        (b'["a", "b", "c"]', 422, "3 records are too many for one request: send 2 at most"),
        (b'["a", "bcdefghijklmno"]', 422, "record 2 has 14 characters, and may have 10 at most"),
        (b'{"text": ["abcdef", "ghijkl"]}', 422, "record 1 has 14 characters"),
        (b'"%b"' % (b"a" * 200_000), 413, "larger than 150,000 bytes"),
    ],
)
def test_what_cannot_be_used_is_refused(ask, body, status, message):
    limits = Limits(records=2, queue=4, characters=10, body=150_000)
    headers = {"content-type": "application/json"}
    response = ask("POST", "/predict", limits=limits, content=body, headers=headers)
    assert (response.status_code, list(response.json())) == (status, ["error"])
    assert message in response.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_other_types_are_refused(ask, headers):
    assert ask("POST", "/predict", content=b'"a"', headers=headers).status_code == 415


def test_unknown_paths_and_methods_are_errors_of_the_same_form(ask):
    assert "/docs lists" in ask("GET", "/nothing").json()["error"]
    assert ask("GET", "/predict").status_code == 405
    assert "proba" in ask("POST", "/predict?proba=perhaps", json="a").json()["error"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic secret"}, 401),
        ({"Authorization": "Bearer sécret".encode("latin-1")}, 401),
        ({"Authorization": "Bearer secret"}, 200),
        ({"authorization": "bearer secret"}, 200),
    ],
)
def test_token_is_asked_for(ask, given, status):
    response = ask("GET", "/model", token="secret", headers=given)
    assert response.status_code == status
    assert (status == 401) is ("www-authenticate" in response.headers)


def test_only_what_says_nothing_of_the_model_is_open(gazetteer):
    paths = [
        *("/healthz", "/readyz", "/", "/page.js", "/page.css", "/docs", "/openapi.json"),
        *("/model", "/metrics", "/predict", "/explain", "/reload", "/nothing"),
    ]

    async def asking():
        async with hosted(ServerSettings(str(gazetteer), token="secret")) as (_, client):
            return {path: (await client.get(path)).status_code for path in paths}

    found = asyncio.run(asking())
    assert [path for path, status in found.items() if status == 401] == paths[7:]


def test_pages_load_nothing_from_elsewhere(gazetteer):
    async def asking():
        async with hosted(ServerSettings(str(gazetteer))) as (_, client):
            return [await client.get(path) for path in ("/", "/page.css", "/page.js", "/docs")]

    for response in asyncio.run(asking()):
        assert response.status_code == 200
        assert "http://" not in response.text.replace("http://HOST:PORT", "")
        assert "https://" not in response.text
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
    assert "POST /predict" in response.text


def test_figures_are_counted(gazetteer):
    async def asking():
        async with hosted(ServerSettings(str(gazetteer))) as (_, client):
            await client.post("/predict", json=["wave", "", "oak"])
            await client.get("/nothing")
            return (await client.get("/metrics")).text

    lines = asyncio.run(asking()).splitlines()
    for line in (
        'seqpipe_requests_total{path="/predict",status="200"} 1.0',
        'seqpipe_requests_total{path="other",status="404"} 1.0',
        'seqpipe_texts_total{outcome="predicted"} 2.0',
        'seqpipe_texts_total{outcome="failed"} 1.0',
        "seqpipe_queue_records 0.0",
        # The first text, and these.
        "seqpipe_batch_records_count 2.0",
        "seqpipe_batch_records_sum 4.0",
        'seqpipe_request_seconds_count{path="/predict"} 1.0',
    ):
        assert line in lines


def test_readiness_begins_when_the_model_is_loaded(gazetteer):
    async def asking():
        async with hosted(ServerSettings(str(gazetteer))) as (host, client):
            ready = await client.get("/readyz")
            host.model = None
            loading = [await client.get(path) for path in ("/readyz", "/healthz", "/model")]
            host.is_stopping = True
            return ready, loading, await client.get("/readyz")

    ready, loading, stopping = asyncio.run(asking())
    assert (ready.status_code, stopping.status_code) == (200, 503)
    assert [each.status_code for each in loading] == [503, 200, 503]
    assert loading[0].headers["retry-after"] == "1"


def test_missing_model_is_said(tmp_path):
    async def asking():
        async with hosted(ServerSettings(str(tmp_path / "none"))):
            pass

    with pytest.raises(SavedModelError, match="neither a folder nor"):
        asyncio.run(asking())


def test_model_that_cannot_be_loaded_is_said_by_an_application_too(tmp_path):
    async def asking():
        host = Host(ServerSettings(str(tmp_path / "none")))
        transport = httpx.ASGITransport(app=build_app(host))
        await host.start()
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            found = await client.get("/readyz")
        await host.stop()
        return found

    found = asyncio.run(asking())
    assert found.status_code == 503
    assert found.json()["error"].startswith("the model can't be loaded: ")


def test_model_that_is_replaced_while_it_is_loaded_is_loaded_again(gazetteer, monkeypatch):
    prints = iter(["old", "new", "new", "new"])
    monkeypatch.setattr("seqpipe.serving._model._fingerprint", lambda path: next(prints))
    assert load_model(ServerSettings(str(gazetteer))).fingerprint == "new"
    prints = iter("abcdef")
    with pytest.raises(SavedModelError, match="was replaced each time"):
        load_model(ServerSettings(str(gazetteer)))


def test_fingerprint_of_a_model_without_a_manifest_is_of_all_its_files(tmp_path):
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "weights"
    found = set()
    for content in (b"a", b"b"):
        file.write_bytes(content)
        found.add(_fingerprint(tmp_path))
    assert len(found) == 2
    assert _fingerprint(tmp_path / "none") == ""


def test_reload_is_for_those_with_the_token(ask, classifier):
    assert ask("POST", "/reload").status_code == 403
    assert ask("POST", "/reload", token="x").status_code == 401
    headers = {"authorization": "Bearer x"}
    assert ask("POST", "/reload", token="x", headers=headers).json()["fingerprint"]


def test_reload_that_fails_keeps_the_old_model(gazetteer, tmp_path):
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(gazetteer, folder)
    headers = {"authorization": "Bearer x"}

    async def asking():
        async with hosted(ServerSettings(str(folder), token="x")) as (_, client):
            (folder / "config.cfg").write_text("broken", encoding="utf-8")
            failed = await client.post("/reload", headers=headers)
            found = await client.post("/predict", json="In Paris", headers=headers)
            return failed, found, (await client.get("/metrics", headers=headers)).text

    failed, found, figures = asyncio.run(asking())
    assert failed.status_code == 500
    assert failed.json()["error"].startswith("the old model stays: ")
    assert found.json()["predictions"][0]["prediction"]["entities"]
    assert 'seqpipe_reloads_total{outcome="failed"} 1.0' in figures


def test_model_that_could_not_be_loaded_at_first_is_loaded_by_a_reload(gazetteer, tmp_path):
    import shutil

    folder = tmp_path / "model"
    headers = {"authorization": "Bearer x"}

    async def asking():
        host = Host(ServerSettings(str(folder), token="x"))
        ready = []
        host.on_ready = lambda: ready.append(True)
        transport = httpx.ASGITransport(app=build_app(host), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            early = await client.post("/reload", headers=headers)
            await host.start()
            failed = await client.post("/reload", headers=headers)
            shutil.copytree(gazetteer, folder)
            done = await client.post("/reload", headers=headers)
            found = await client.post("/predict", json="In Paris", headers=headers)
            await host.stop()
        return (early, failed, done, found), host.failure, ready

    (early, failed, done, found), failure, ready = asyncio.run(asking())
    # While the first one is being loaded, there's nothing to load anew.
    assert early.status_code == 503
    assert failed.status_code == 500
    assert failed.json()["error"].startswith("the model can't be loaded: ")
    assert done.json()["fingerprint"] and (failure, ready) == (None, [True])
    assert found.json()["predictions"][0]["prediction"]["entities"]
