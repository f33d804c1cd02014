"""MG527: agents that inherit whatever their blueprint is granted."""

from mcpguard.sdk import Application, Estate, Issue, NotApplicable, Options, Unknown, Verdicts, agents_of, known, resource_name

_NARROW = frozenset({"enumeratedscopes", "noscopes"})


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    if not target.is_blueprint:
        raise NotApplicable(f"{target.title} is no agent identity blueprint")
    for permission in known(target.inheritable):
        resource = resource_name(permission.resource_app_id, estate)
        if permission.sort.lower() == "allallowedscopes":
            count = len(agents_of(target, estate))
            agents = f" ({count} {'agent' if count == 1 else 'agents'} read)" if count else ""
            yield Issue(
                f"Agents of {target.title}{agents} inherit allAllowedScopes of {resource}; name the scopes that they all need",
                permission.at,
                evidence=(("resource", permission.resource_app_id),),
            )
        elif permission.sort.lower() not in _NARROW:
            yield Unknown(
                f"what the inheritance {permission.sort or 'without @odata.type'} of {resource} gives to agents of "
                f"{target.title}",
                "look it up in the Graph reference of inheritablePermission, or use a newer mcpguard",
                permission.at,
            )
