"""What expressions compare with string literals."""

import pytest

from mcpguard.policy.equalities import equalities

KEY = 'context.Request.Headers.GetValueOrDefault("x", "")'


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (f'{KEY} == "a"', [(KEY, "a")]),
        (f'"a" != ({KEY})', [(KEY, "a")]),
        (f'{KEY}.Equals("a")', [(KEY, "a")]),
        (f'{KEY}?.Equals("a", StringComparison.OrdinalIgnoreCase) ?? false', [(KEY, "a")]),
        (f'string.Equals({KEY}, "a")', [(KEY, "a")]),
        (f'String.Compare("a", {KEY}) == 0', [(KEY, "a")]),
        (f'!(y && {KEY} == @"a\\b")', [(KEY, "a\\b")]),
        ('x.Contains("a") || x.StartsWith("b") || x > 1', []),
        ("x == y", []),
        ('x == "a', []),
    ],
)
def test_comparisons_with_literals(code: str, wanted: list[tuple[str, str]]) -> None:
    assert [(found.subject, found.literal) for found in equalities(code, block=False)] == wanted


def test_comparisons_in_statements() -> None:
    code = 'var a = x == "1"; if (y.Equals("2")) { return a; } return z == "3";'
    assert {(found.subject, found.literal) for found in equalities(code, block=True)} == {("x", "1"), ("y", "2"), ("z", "3")}
