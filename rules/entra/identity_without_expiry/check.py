"""MG504: an identity that nothing will ever ask about again."""

from mcpguard.sdk import (
    Application,
    Confidence,
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
    principal_of,
)

ATTRIBUTES = "custom security attributes"


def check(target: Application | ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, ServicePrincipal) and not target.is_agent:
        raise NotApplicable(f"{target.title} is no agent identity; a registration is judged for its principal too")
    counterpart = (
        application_of(target.blueprint_app_id, estate)  # an agent has its blueprint's tags
        if isinstance(target, ServicePrincipal)
        else principal_of(target.app_id, estate)
    )
    places: list[DirectoryObject] = [target, *([counterpart] if counterpart is not None else [])]
    dates = [it.review_dates for it in places]
    if declared_dates(target, estate) or any(isinstance(found, Known) and found.value for found in dates):
        return  # whether the date has passed is for MG505
    if unknown := next((found for found in dates if isinstance(found, Unknown)), None):
        yield unknown
        return
    read = list(dict.fromkeys(place for it in places for place in it.looked_in))
    missing = dict.fromkeys(place for it in places for place in it.not_looked_in if place not in read)
    looked = ", ".join([*read, *(["the manifest"] if estate.manifest else [])])
    unread = ", ".join([*missing, *([] if estate.manifest else ["a manifest"])])
    what = "agent identity" if isinstance(target, ServicePrincipal) else target.label
    yield Issue(
        f"{what} {target.name} ({target.app_id}) has no review or expiry date (looked in: {looked}"
        + (f"; not there to read: {unread}" if unread else "")
        + "); add a tag review-by:YYYY-MM-DD or declare reviewBy in the manifest",
        target.at,
        confidence=Confidence.HIGH if ATTRIBUTES in read else Confidence.MEDIUM,
    )
