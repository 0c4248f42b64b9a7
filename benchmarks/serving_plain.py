"""What many would write to serve a spaCy pipeline: ``MODEL=FOLDER uvicorn serving_plain:app``."""

import os

import spacy
from fastapi import FastAPI
from pydantic import BaseModel

nlp = spacy.load(os.environ["MODEL"])
app = FastAPI()


class Item(BaseModel):
    """A text."""

    text: str


@app.post("/predict")
def predict(item: Item) -> dict[str, str | float]:
    """Return the best label; FastAPI calls this in one of its threads."""
    cats = nlp(item.text).cats
    label = max(cats, key=lambda each: cats[each])
    return {"label": label, "score": cats[label]}


@app.get("/readyz")
def ready() -> dict[str, str]:
    """Say that the model is there."""
    return {"status": "ready"}
