"""MG501: a registration that nobody answers for."""

from mcpguard.sdk import Application, Estate, Issue, Known, NotApplicable, Options, Unknown, Verdicts, ties_of


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    if target.is_blueprint:
        raise NotApplicable(f"{target.title} is an agent identity blueprint, for which sponsors answer (MG503)")
    ties = ties_of(target, estate)
    match target.owners:
        case Known(value=owners, at=at):
            if owners:
                return  # an owner whose name the reader may not see is an owner
            though = f", though {ties[0].reason}" if ties else ""
            yield Issue(
                f"{target.title} ({target.app_id}) has no owner (owners is empty){though}; add the people who answer for it",
                at or target.at,
            )
        case Unknown() as unknown:
            yield unknown
