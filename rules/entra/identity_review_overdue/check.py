"""MG505: an identity whose review or expiry date has passed."""

from mcpguard.sdk import (
    Application,
    DatedNote,
    DirectoryObject,
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    ServicePrincipal,
    Unknown,
    Verdicts,
    application_of,
    declared_dates,
    known,
    principal_of,
)


def check(target: Application | ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, ServicePrincipal) and not target.is_agent:
        raise NotApplicable(f"{target.title} is no agent identity; a registration is judged for its principal too")
    counterpart: DirectoryObject | None = (
        application_of(target.blueprint_app_id, estate)
        if isinstance(target, ServicePrincipal)
        else principal_of(target.app_id, estate)
    )
    own = known(target.review_dates)
    others = counterpart.review_dates if counterpart is not None else Known(())
    if isinstance(others, Unknown):
        yield others
        return
    mine = own if isinstance(target, ServicePrincipal) else (*own, *others.value)  # a blueprint is judged by itself
    notes = (*own, *others.value)
    if not notes:
        raise NotApplicable(f"{target.title} has no date that could have passed, which is for MG504")
    today = estate.as_of.date().isoformat()
    latest = max((*(note.date or "9999" for note in notes), *declared_dates(target, estate)))
    if latest >= today:
        return  # some place holds a date to come, or a review that recurs without an end
    found: DatedNote | None = next((note for note in mine if note.date == latest), None)
    if found is None:
        raise NotApplicable(
            f"the last date of {target.title} stands in its blueprint or in the manifest, which are judged themselves"
        )
    yield Issue(
        f"{target.title} ({target.app_id}) should have been reviewed or retired by {found.date} ({found.place}), "
        f"which has passed ({today}); review it and write the next date, or delete it",
        found.at,
    )
