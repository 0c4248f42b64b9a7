"""The intermediate representation of a traced step: operations, programs, and the step's derivative."""
