"""MG620: an agent whose tools nobody can list from outside."""

from mcpguard.sdk import CODE_DEFINITIONS, Estate, FoundryAgent, Issue, Options, Verdicts, known


def check(agent: FoundryAgent, estate: Estate, options: Options) -> Verdicts:
    """The latest version."""
    definition = known(agent.latest.definition)
    if definition in CODE_DEFINITIONS:
        named = f" besides those of {', '.join(agent.latest.toolboxes)}" if agent.latest.toolboxes else ""
        yield Issue(
            f"the tools of {agent.title} are not observable{named}: its kind is {definition}, and neither Azure Resource "
            "Manager nor the data plane lists what it calls; declare the servers that it calls in the manifest (agents)",
            at=agent.latest.definition.at or agent.at,
            evidence=(("definition.kind", definition),),
        )
