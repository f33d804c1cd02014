"""MG503: an agent that nobody sponsors."""

from mcpguard.sdk import Application, Estate, Issue, Known, NotApplicable, Options, ServicePrincipal, Unknown, Verdicts


def check(target: Application | ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    is_agent = target.is_agent if isinstance(target, ServicePrincipal) else target.is_blueprint
    if not is_agent:
        raise NotApplicable(f"{target.title} is neither an agent identity nor a blueprint")
    what = "agent identity" if isinstance(target, ServicePrincipal) else "agent identity blueprint"
    match target.sponsors:
        case Known(value=sponsors, at=at):
            if not sponsors:
                yield Issue(
                    f"{what} {target.name} ({target.app_id}) has no sponsor (sponsors is empty), though Entra asks for one "
                    "when it is made; name the person or group who answers for the agent",
                    at or target.at,
                )
        case Unknown() as unknown:
            yield unknown
