"""What an answer that is none becomes: a gap that says what is missing, why, and which role to ask for."""

from __future__ import annotations

from mcpguard.collect.answers import Answer
from mcpguard.collect.reads import Needs
from mcpguard.evidence import Gap, GapReason, resource_key

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 200, 401, 403, 404, 429
_SERVER = 500
_ABSENT_CODES = frozenset({"methodnotallowedinpricingtier", "missingsubscriptionregistration", "resourcegroupnotfound"})
"""The tier lacks the feature, the subscription never used the provider, the group is in another subscription."""
_INVISIBLE_CODES = frozenset({"subscriptionnotfound", "invalidsubscriptionid"})
_VERSION_CODES = frozenset(
    {
        "invalidapiversionparameter",
        "invalidresourcetype",
        "noregisteredproviderfound",
        "unsupportedapiversion",
        "apiversionunsupported",
        "invalidapiversion",
        "badapiversion",
    }
)
_AGAIN = "collect again later; --resume goes on where this run stopped"


def is_absent(answer: Answer) -> bool:
    """Whether the answer says that there can be none of what was asked for (for tiers: facts/apim.md 5.3)."""
    return answer.code.lower() in _ABSENT_CODES


def is_of_the_version(answer: Answer) -> bool:
    """Whether the service does not know the api-version for this type; an older one may do."""
    return answer.status in (400, _NOT_FOUND) and answer.code.lower() in _VERSION_CODES


def gap(what: str, scope: str, kinds: frozenset[str], answer: Answer, needs: Needs, *, partial: bool = False) -> Gap:
    """The gap that a failure leaves.

    Args:
        what: the thing in words: ``the tools of orders-mcp``.
        scope: id of the resource below which something is missing; empty for the whole estate.
        kinds: the kinds of the model that are missing there.
        answer: the failure.
        needs: what the reader must be allowed to read it.
        partial: whether earlier pages were read and kept.
    """
    reason, why, remedy = _explained(answer, needs)
    if partial:
        return Gap(
            resource_key(scope), kinds, GapReason.INCOMPLETE_PAGE, f"only the first pages of {what} were read: {why}", remedy
        )
    return Gap(resource_key(scope), kinds, reason, f"{what} could not be read: {why}", remedy)


def _explained(answer: Answer, needs: Needs) -> tuple[GapReason, str, str]:
    code = f" {answer.code}" if answer.code else ""
    if is_of_the_version(answer):
        remedy = "nothing to do when this cloud does not offer it; else update mcpguard"
        return GapReason.UNSUPPORTED, f"{answer.status}{code}, none of the api-versions is known there", remedy
    if answer.code.lower() in _INVISIBLE_CODES:
        remedy = f"check the id, name the tenant with --tenant, or ask for {needs.words}"
        return GapReason.FORBIDDEN, f"{answer.status}{code}, not there or not visible", remedy
    match answer.status:
        case 401:
            return (
                GapReason.FORBIDDEN,
                f"401{code}, the token is not accepted",
                "sign in again (az login), or name the tenant with --tenant",
            )
        case 403:
            remedy = f"ask for {needs.words} and collect again"
            return GapReason.FORBIDDEN, f"403{code}, not allowed", remedy
        case 404:
            remedy = f"nothing to do when the tier or region does not have it; what reads it is {needs.words}"
            return GapReason.UNSUPPORTED, f"404{code}, not offered here", remedy
        case 429:
            return GapReason.THROTTLED, f"429{code}, throttled", f"{_AGAIN}, or with a smaller --concurrency"
        case 200:
            return GapReason.UNPARSABLE, "the answer is no JSON", _AGAIN
        case 0:
            return GapReason.NOT_COLLECTED, answer.message or answer.code, _AGAIN
        case status if status >= _SERVER:
            return GapReason.NOT_COLLECTED, f"{status}{code}, the service failed", _AGAIN
        case status:
            said = f": {answer.message}" if answer.message else ""
            return GapReason.UNSUPPORTED, f"{status}{code}{said}", f"report it; what reads it is {needs.words}"
