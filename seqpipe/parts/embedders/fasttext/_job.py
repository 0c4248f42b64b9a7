"""The files by which a training is handed to its process, and the result back; all in one folder."""

CORPUS = "corpus.txt"
SETTINGS = "settings.json"
WORDS = "words.txt"
#: Which of the rows that n-grams share are asked for: those of known words.
USED = "used.npy"
IDS = "ids.npy"
OWN = "own.npy"
SHARED = "shared.npy"
