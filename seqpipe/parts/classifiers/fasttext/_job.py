"""The files by which a training is handed to its process, and the result back; all in one folder."""

CORPUS = "corpus.txt"
DEV = "dev.txt"
VECTORS = "vectors.vec"
JOB = "job.json"
MODEL = "model.bin"
ARGUMENTS = "arguments.json"
