"""MG526: agents that no list of agents shows."""

from mcpguard.sdk import (
    Confidence,
    Estate,
    Issue,
    NotApplicable,
    Options,
    ServicePrincipal,
    Verdicts,
    is_microsofts,
    known,
    ties_of,
    value_or_none,
)

# Client id of Power Virtual Agents (Copilot Studio): merill/microsoft-info _info/MicrosoftApps.json, August 2026.
_COPILOT_STUDIO = "96ff4394-9197-43aa-b393-6a41652e21f8"
_WORDS = frozenset({"agent", "copilot"})


def check(target: ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if target.is_agent or is_microsofts(target):
        raise NotApplicable(f"{target.title} is an agent identity, or one of Microsoft's own applications")
    sign, confidence = _sign(target, estate)
    if not sign:
        return
    if known(target.principal_type) == "Application":
        yield Issue(
            f"{target.title} ({target.app_id}) is an ordinary application, though {sign}; make it an agent identity",
            target.at,
            confidence=confidence,
        )


def _sign(target: ServicePrincipal, estate: Estate) -> tuple[str, Confidence]:
    """What speaks for an agent, as a clause, and how surely; empty when nothing does."""
    agents = estate.manifest.agents if estate.manifest else ()
    named = next((agent.id for agent in agents if target.app_id and agent.app_id.lower() == target.app_id), "")
    if named:
        return f"the manifest lists it as the agent {named}", Confidence.HIGH
    if value_or_none(target.created_by) == _COPILOT_STUDIO:
        return "Copilot Studio created it", Confidence.MEDIUM
    if any(tie.server for tie in ties_of(target, estate)):
        for word in (*(target.inventory_notes.tags or ()), target.name):
            if _WORDS & set("".join(c if c.isalpha() else " " for c in word.lower()).split()):
                return f"it calls itself {word}", Confidence.LOW
    return "", Confidence.LOW
