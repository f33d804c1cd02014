"""MG128: a policy that refers to something that is not there."""

from mcpguard.sdk import (
    Estate,
    Issue,
    NotApplicable,
    Options,
    PolicyText,
    Unknown,
    Verdicts,
    home_key,
    known,
    policies_in_reach,
    references,
    service_key,
)


def check(policy: PolicyText, estate: Estate, options: Options) -> Verdicts:
    """Fragments and named values, against the lists of the service."""
    home = home_key(policy.key)
    if policy.key not in policies_in_reach(service_key(policy.key), estate):
        raise NotApplicable(f"{policy.title} takes no part in an MCP call")
    fragments, fragments_missing = estate.fragments(home)
    values, has_all_values = estate.named_values(home)
    document = known(estate.document(policy))
    for reference in references(document) if document is not None else ():
        is_fragment = reference.kind == "fragment"
        if reference.name.lower() in (fragments if is_fragment else values):
            continue
        what = f"policy fragment {reference.name}" if is_fragment else f"named value {reference.name}"
        at = policy.text_at.range(reference.start, reference.end)
        if fragments_missing is not None if is_fragment else not has_all_values:
            listing = "policyFragments" if is_fragment else "namedValues"
            remedy = f"add the answer of: az rest --method get --url {home}/{listing} (or pass --complete)"
            yield Unknown(f"whether the {what} exists", remedy, at)
        else:
            yield Issue(
                f"{policy.title} refers to the {what}, which the service does not have; create it or remove the reference",
                at=at,
                evidence=((reference.kind, reference.name),),
                key=f"{reference.kind} {reference.name.lower()}",
            )
