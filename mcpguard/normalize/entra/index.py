"""What was read of directory objects besides themselves: owners, credentials, grants, roles, sign-ins, reviews.

One pass groups every relation by the object that it belongs to; nothing else looks through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.evidence import EVERYTHING, Evidence, RawResource
from mcpguard.normalize.entra.members import plain
from mcpguard.normalize.fields import lookup, parent_key

APPLICATION = "microsoft.graph/applications"
PRINCIPAL = "microsoft.graph/serviceprincipals"
_ASSIGNMENTS = "approleassignments"
_ASSIGNED = "approleassignedto"
_GRANTS = "oauth2permissiongrants"
_ROLE_ASSIGNMENTS = "microsoft.graph/rolemanagement/directory/roleassignments"
_SIGN_INS = "microsoft.graph/reports/serviceprincipalsigninactivities"
_PACKAGES = "microsoft.graph/identitygovernance/entitlementmanagement/assignments"
_REVIEWS = "microsoft.graph/identitygovernance/accessreviews/definitions"
_LISTED = frozenset(
    ["owners", "sponsors", "federatedidentitycredentials", "inheritablepermissions", "memberof", "transitivememberof"]
)
Groups = dict[str, list[RawResource]]


class DirectoryIndex:
    """Relations by the object that they belong to."""

    def __init__(self, evidence: Evidence) -> None:
        """Group what ``evidence`` holds."""
        self._children: dict[tuple[str, str], list[RawResource]] = {}
        self._grants: Groups = {}
        self._given: Groups = {}
        self._holders: Groups = {}
        self._roles: Groups = {}
        self.sign_ins: dict[str, RawResource] = {}
        self._packages: Groups = {}
        self.reviews: list[RawResource] = []
        self.blueprints: set[str] = set()
        """Client ids that agent identities name as their blueprint."""
        self._read_types: set[str] = set()
        self._complete = {(claim.scope, claim.type) for claim in evidence.complete}
        self._all = ("", EVERYTHING) in self._complete
        for raw in evidence.resources:
            if raw.type.startswith("microsoft.graph/"):
                self._add(raw)

    def _add(self, raw: RawResource) -> None:
        relation = raw.type.rpartition("/")[2]
        body = raw.body
        if relation == _GRANTS:
            _put(self._grants, body.get("clientId"), raw)
        elif relation in (_ASSIGNMENTS, _ASSIGNED):
            _put(self._given, body.get("principalId"), raw)
            _put(self._holders, body.get("resourceId"), raw)
        elif raw.type == PRINCIPAL:
            blueprint = body.get("agentIdentityBlueprintId")
            if isinstance(blueprint, str):
                self.blueprints.add(blueprint.lower())
        elif relation in _LISTED:
            self._children.setdefault((parent_key(raw.key), relation), []).append(raw)
        elif relation == _ROLE_ASSIGNMENTS.rpartition("/")[2]:
            _put(self._roles, body.get("principalId"), raw)
        elif raw.type == _SIGN_INS:
            self.sign_ins[plain(body, "appId").lower()] = raw
        elif raw.type == _PACKAGES:
            self._read_types.add(_PACKAGES)
            _put(self._packages, lookup(body, ("target", "objectId")), raw)
        elif raw.type == _REVIEWS:
            self._read_types.add(_REVIEWS)
            self.reviews.append(raw)

    # -- lists ---------------------------------------------------------------------------------------------------

    def children(self, raw: RawResource, relation: str) -> list[RawResource]:
        """What one relation of an object lists, in answers of its own."""
        return self._children.get((raw.key, relation), [])

    def is_whole(self, key: str, *types: str) -> bool:
        """Whether a source claims to have read every child of one of ``types`` below ``key``, or the whole list of it."""
        return self._all or any((scope, type_) in self._complete for scope in (key, "") for type_ in types)

    def claims(self, key: str, type: str) -> bool:
        """Whether a source itself claims to have read every child of ``type`` below ``key``, whatever the user says."""
        return (key, type) in self._complete

    def grants(self, object_id: str) -> list[RawResource]:
        """Consents for a client, by the object id of its principal."""
        return self._grants.get(object_id, [])

    def given(self, object_id: str) -> list[RawResource]:
        """Application roles that a principal was given."""
        return self._given.get(object_id, [])

    def holders(self, object_id: str) -> list[RawResource]:
        """Assignments of the roles of an API, by the object id of its principal."""
        return self._holders.get(object_id, [])

    def role_assignments(self, object_id: str) -> list[RawResource]:
        """Directory roles of a principal."""
        return self._roles.get(object_id, [])

    def packages(self, object_id: str) -> list[RawResource]:
        """Access package assignments of a principal."""
        return self._packages.get(object_id, [])

    def reviews_naming(self, *ids: str) -> Iterator[RawResource]:
        """Access reviews whose scope names one of ``ids``."""
        for raw in self.reviews:
            scopes = (lookup(raw.body, ("scope",)), lookup(raw.body, ("instanceEnumerationScope",)))
            queries = [query for scope in scopes for query in _queries(scope)]
            if any(id_ and id_ in query for id_ in ids for query in queries):
                yield raw

    @property
    def has_packages(self) -> bool:
        """Whether access package assignments were read."""
        return _PACKAGES in self._read_types or self.is_whole("", _PACKAGES)

    @property
    def has_reviews(self) -> bool:
        """Whether access review definitions were read."""
        return _REVIEWS in self._read_types or self.is_whole("", _REVIEWS)

    @property
    def has_all_sign_ins(self) -> bool:
        """Whether the whole report of sign-ins was read."""
        return self.is_whole("", _SIGN_INS)

    def has_all_directory_roles(self, key: str) -> bool:
        """Whether every directory role of a principal was read."""
        of_principal = [f"{PRINCIPAL}/{relation}" for relation in ("memberof", "transitivememberof", "roleassignments")]
        return self.is_whole(key, *of_principal, _ROLE_ASSIGNMENTS)


def _put(groups: Groups, key: object, raw: RawResource) -> None:
    """File an item under the id that it names, else under the object that it stands below."""
    name = key if isinstance(key, str) else parent_key(raw.key).rpartition("/")[2]
    if not name.islower():
        name = name.lower()
    found = groups.get(name)
    if found is None:
        groups[name] = [raw]
    else:
        found.append(raw)


def _queries(scope: object) -> Iterator[str]:
    """The queries of a review's scope, lower case: of a query scope, or of the resources of a principals' scope."""
    if isinstance(scope, dict):
        query = scope.get("query")
        if isinstance(query, str):
            yield query.lower()
        for inner in scope.get("resourceScopes") or ():
            if isinstance(inner, dict) and isinstance(inner.get("query"), str):
                yield inner["query"].lower()
