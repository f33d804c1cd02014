"""MG502: a registration that one person answers for, or somebody who left."""

from mcpguard.sdk import Application, Estate, Issue, Known, NotApplicable, Options, Owner, Unknown, Verdicts

EXPANDED_AT_MOST = 20
READ = "($select=id,displayName,userPrincipalName,accountEnabled,userType)"


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    if target.is_blueprint:
        raise NotApplicable(f"{target.title} is an agent identity blueprint, for which sponsors answer (MG503)")
    match target.owners:
        case Known(value=()):
            raise NotApplicable(f"{target.title} has no owner, which is for MG501")
        case Known(value=owners, at=at):
            stale = [f"{owner.name or owner.id} ({why})" for owner in owners if (why := _stale(owner))]
            single = "the only owner" if len(owners) == 1 else ""
            if stale:
                who = f"{single} is {stale[0]}" if single else f"its {len(owners)} owners include {', '.join(stale)}"
                yield Issue(
                    f"{target.title} ({target.app_id}): {who}; have two people of the organization own it", at or target.at
                )
            elif single:
                name = owners[0].name or f"{owners[0].id}, whose name was not readable"
                yield Issue(
                    f"{target.title} ({target.app_id}) has one owner ({name}); add a second who can act when that one cannot",
                    at or target.at,
                )
            elif unread := [owner for owner in owners if _is_unread(owner)]:
                who = unread[0].name or unread[0].id
                yield Unknown(
                    f"whether the account of {who}, an owner of {target.title}, is enabled and a member's",
                    "add the answer of: az rest --method get --url "
                    f"'https://graph.microsoft.com/v1.0{target.id}?$expand=owners{READ}' "
                    "(permissions Application.Read.All, User.Read.All)",
                    at or target.at,
                )
            elif len(owners) == EXPANDED_AT_MOST:
                yield Unknown(
                    f"whether {target.title} has more owners than the {EXPANDED_AT_MOST} that $expand gives at most",
                    f"add the answer of: az ad app owner list --id {target.app_id}, saved as owners-{target.object_id}.json",
                    at or target.at,
                )
        case Unknown() as unknown:
            yield unknown


def _stale(owner: Owner) -> str:
    if owner.enabled is False:
        return "a disabled account"
    return "a guest" if owner.guest else ""


def _is_unread(owner: Owner) -> bool:
    """Whether it was not read that an owner is enabled and no guest; a service principal is neither guest nor member."""
    return owner.enabled is None or (owner.guest is None and owner.sort in ("user", ""))
