"""The command line: click commands, lazily loaded; wiring only."""
