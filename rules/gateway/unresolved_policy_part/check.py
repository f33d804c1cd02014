"""MG128: a policy that refers to something that is not there."""

from mcpguard.sdk import (
    Estate,
    Issue,
    NotApplicable,
    Options,
    PolicyText,
    Unknown,
    Verdicts,
    known,
    policies_in_reach,
    references,
    service_key,
)


def check(policy: PolicyText, estate: Estate, options: Options) -> Verdicts:
    """Fragments and named values, against the lists of the service."""
    service = service_key(policy.key)
    if "/workspaces/" in policy.key or policy.key not in policies_in_reach(service, estate):
        raise NotApplicable(f"{policy.title} takes no part in an MCP call")
    fragments, fragments_missing = estate.fragments(service)
    values, has_all_values = estate.named_values(service)
    document = known(estate.document(policy))
    for reference in references(document) if document is not None else ():
        is_fragment = reference.kind == "fragment"
        if reference.name.lower() in (fragments if is_fragment else values):
            continue
        what = f"policy fragment {reference.name}" if is_fragment else f"named value {reference.name}"
        at = policy.text_at.range(reference.start, reference.end)
        if fragments_missing is not None if is_fragment else not has_all_values:
            listing = "policyFragments" if is_fragment else "namedValues"
            remedy = f"add the answer of: az rest --method get --url {service}/{listing} (or pass --complete)"
            yield Unknown(f"whether the {what} exists", remedy, at)
        else:
            yield Issue(
                f"{policy.title} refers to the {what}, which the service does not have; create it or remove the reference",
                at=at,
                evidence=((reference.kind, reference.name),),
                key=f"{reference.kind} {reference.name.lower()}",
            )
