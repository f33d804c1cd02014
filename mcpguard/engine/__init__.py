"""The engine: finds rules, runs them against targets, makes outcomes, and decides in one place what counts."""
