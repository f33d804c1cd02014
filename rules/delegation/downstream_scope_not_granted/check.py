"""MG311: permissions that a server counts on and was never given."""

from mcpguard.sdk import (
    Application,
    Confidence,
    Consent,
    Estate,
    Issue,
    Known,
    Options,
    Unknown,
    Verdicts,
    consent_to,
    wanted_by_middle_tier,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    for wanted in wanted_by_middle_tier(target, estate):
        match consent_to(wanted, target, estate):
            case Known(value=Consent.NONE | Consent.SINGLE_USERS as consent):
                yield Issue(
                    f"{target.title} asks for {wanted.title} on behalf of its users, and {consent.value}; let an administrator "
                    "consent, for a server cannot prompt",
                    wanted.at,
                    evidence=(("resource", wanted.resource_app_id), ("scope", wanted.name or wanted.id)),
                    confidence=Confidence.MEDIUM if consent is Consent.SINGLE_USERS else Confidence.HIGH,
                )
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
