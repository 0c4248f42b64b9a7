"""What a traced step is, whatever computes it: operations, programs, and the step's derivative."""
