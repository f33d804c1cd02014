"""MG619: open-world tools in a toolbox that checks nothing."""

from mcpguard.sdk import Estate, Issue, NotApplicable, Options, Toolbox, Verdicts, known

_OPEN_WORLD = frozenset({"mcp", "openapi", "a2a", "web_search", "browser_automation", "web_iq"})
"""Types of tools that bring in text from outside the project (facts/foundry.md 3)."""


def check(toolbox: Toolbox, estate: Estate, options: Options) -> Verdicts:
    """The version that consumers get."""
    version = known(toolbox.default)
    open_world = [tool for tool in version.tools.items if tool.type in _OPEN_WORLD]
    if not open_world:
        version.tools.complete()
        raise NotApplicable(f"{toolbox.title} brings nothing in from outside")
    if not known(version.guardrail):
        yield Issue(
            f"{toolbox.title} has open-world tools ({', '.join(sorted({tool.label for tool in open_world}))}) and no guardrail "
            "(policies.rai_config is absent); name a guardrail policy in a new version and serve that",
            at=version.at,
        )
