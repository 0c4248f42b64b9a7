"""The page, in a real browser: what it shows, by keyboard, with hostile texts, and what it doesn't load."""

import socket
import threading

import pytest
import spacy
import uvicorn
from serving.browser import browsing, find_browser

from seqpipe.serving import ServerSettings
from seqpipe.serving._app import build_app
from seqpipe.serving._host import Host

# Starting a browser takes long on a machine that's busy.
pytestmark = pytest.mark.slow

ENTER, TAB, CTRL = 13, 9, 2
HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> wave &amp; oak"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_browser()
    if program is None:
        pytest.skip("there's no Chromium: it's the package chromium of Debian and others")
    with browsing(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def serve():
    """Return a function that serves a model in a thread, and returns the address."""
    servers = []

    def begin(model, **settings):
        listening = socket.create_server(("127.0.0.1", 0))
        host = Host(ServerSettings(str(model), **settings))
        loaded = threading.Event()
        host.on_ready = loaded.set
        config = uvicorn.Config(build_app(host), log_config=None, ws="none", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        servers.append((server, thread, listening))
        assert loaded.wait(60)
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield begin
    for server, thread, listening in servers:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def classes(serve, classifier):
    return serve(classifier)


@pytest.fixture(scope="module")
def cities(serve, tmp_path_factory):
    """The address of a model with entities, whose label is a hostile one."""
    folder = tmp_path_factory.mktemp("cities") / "model"
    nlp = spacy.blank("en")
    patterns = [{"label": "<b>CITY</b>", "pattern": "Paris"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(folder)
    return serve(folder)


def opened(browser, url):
    browser.open(url)
    browser.wait_for("!!model || !document.getElementById('problem').hidden")


def predict(browser, text):
    browser.run("at('text').value = ''; at('text').focus()")
    browser.type(text)
    browser.press("Enter", ENTER, modifiers=CTRL)
    browser.wait_for("!document.querySelector('button').disabled")


def text_of(browser, selector):
    return browser.run(f"document.querySelector({selector!r}).textContent")


def test_labels_have_bars_and_words_are_highlighted(browser, classes):
    opened(browser, classes)
    predict(browser, "the gull near the reef")
    scores = browser.run(
        "[...document.querySelectorAll('.bars .number')].map((each) => Number(each.textContent))"
    )
    assert sum(scores) == pytest.approx(1, abs=1e-3) and scores == sorted(scores, reverse=True)
    widths = browser.run(
        "[...document.querySelectorAll('.bar span')].map((each) => parseFloat(each.style.width))"
    )
    assert widths == pytest.approx([100 * score for score in scores], abs=0.1)
    assert text_of(browser, "#explanation .text").strip() == "the gull near the reef"
    coloured = browser.run(
        "[...document.querySelectorAll('.word.for, .word.against')].map((each) => getComputedStyle(each).backgroundColor)"
    )
    assert coloured and all(each.startswith("rgba(") for each in coloured)
    assert "they add up to" in text_of(browser, "#explanation .note")


def test_another_label_is_explained_when_it_is_chosen(browser, classes):
    opened(browser, classes)
    predict(browser, "the gull near the reef")
    numbers = (
        "[...document.querySelectorAll('#explanation td.number')].map((e) => e.textContent).join()"
    )
    before = browser.run(numbers)
    browser.run(
        "at('label').selectedIndex = 1 - at('label').selectedIndex; at('label').dispatchEvent(new Event('change'))"
    )
    browser.wait_for(f"({numbers}) && ({numbers}) !== {before!r}")


def test_entities_stand_where_they_are(browser, cities):
    opened(browser, cities)
    predict(browser, "🌍 In Paris, Paris")
    assert text_of(browser, "mark.entity") == "Paris<b>CITY</b>"
    assert text_of(browser, "#result .text").startswith("🌍 In Paris")
    rows = browser.run(
        "[...document.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((c) => c.textContent))"
    )
    assert rows == [
        ["<b>CITY</b>", "Paris", "5–10", "–"],
        ["<b>CITY</b>", "Paris", "12–17", "–"],
    ]
    assert browser.run("document.querySelectorAll('b').length") == 0


def test_hostile_text_is_shown_as_it_is(browser, classes, cities):
    for url in (classes, cities):
        opened(browser, url)
        predict(browser, f"{HOSTILE} Paris")
        assert HOSTILE in browser.run("document.querySelector('.text').textContent")
        assert browser.run("window.hacked === undefined")
        assert browser.run("document.querySelectorAll('main img, main script').length") == 0


def test_policy_stops_what_would_run_or_load_from_elsewhere(browser, classes):
    opened(browser, classes)
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.hacked = 1'; document.body.append(s)"
    )
    assert browser.run("window.hacked === undefined")
    assert browser.run("fetch('http://127.0.0.1:1/').then(() => 'in', (e) => e.message)") != "in"


def test_page_asks_nobody_else(browser, classes):
    browser.events.clear()
    opened(browser, classes)
    predict(browser, "wave")
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert f"{classes}page.js" in asked
    assert all(url.startswith((classes, "data:")) for url in asked)
    told = [
        e for e in browser.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")
    ]
    assert told == []


def test_errors_are_shown(browser, classes):
    opened(browser, classes)
    predict(browser, " ")
    assert "its text is empty" in text_of(browser, "#problem")
    assert browser.run("at('problem').getAttribute('role')") == "alert"
    predict(browser, "wave")
    assert browser.run("at('problem').hidden")


def test_token_is_asked_for_and_used(browser, serve, cities, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CITY", "pattern": "Paris"}])
    nlp.to_disk(tmp_path / "model")
    opened(browser, serve(tmp_path / "model", token="secret"))
    assert "the token is missing or wrong" in text_of(browser, "#problem")
    browser.run("at('token').focus()")
    browser.type("secret")
    browser.press("Tab", TAB)
    browser.wait_for("!!model")
    predict(browser, "In Paris")
    assert text_of(browser, "mark.entity") == "ParisCITY"


def test_everything_is_reached_by_keyboard_and_has_a_name(browser, classes):
    opened(browser, classes)
    predict(browser, "wave oak")
    browser.run("document.activeElement.blur(); at('text').focus()")
    reached = []
    for _ in range(5):
        reached.append(
            browser.run("document.activeElement.id || document.activeElement.textContent")
        )
        browser.press("Tab", TAB)
    assert reached == ["text", "Predict", "label", "method", "Paths"]
    names = browser.run(
        "[...document.querySelectorAll('textarea, input, select')].map((each) => each.labels[0]?.textContent)"
    )
    assert names == ["Token", "Text", "Second text", "for", "by"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_enough(browser, classes, scheme):
    browser.prefers(scheme)
    opened(browser, classes)
    script = """
    (() => {
      const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((x) => x / 255);
        const [r, g, b] = parts.map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const back = light(getComputedStyle(document.body).backgroundColor);
      const ratios = ["body", ".note", "a"].map((each) => {
        const ink = light(getComputedStyle(document.querySelector(each)).color);
        return (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
      });
      const button = getComputedStyle(document.querySelector("button"));
      const [ink, own] = [light(button.color), light(button.backgroundColor)];
      return [back, ...ratios, (Math.max(ink, own) + 0.05) / (Math.min(ink, own) + 0.05)];
    })()
    """
    back, *ratios = browser.run(script)
    assert (back > 0.5) is (scheme == "light")
    # As WCAG 2 asks of text, its level AA.
    assert min(ratios) >= 4.5
