"""The kinds of things an estate holds, one module a surface."""
