"""The normalized model: kinds, the estate that links them, findings, the report."""
