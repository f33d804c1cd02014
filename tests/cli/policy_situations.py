"""Small estates for ``policy show``, each with the inbound policy that an engineer computes by hand.

``wanted`` maps the ways in (``keyless``, ``service``, ``product:NAME``; ``?`` when it is not known whether the way exists)
that share a policy to its statements: ``a@global b@API`` are statements in their order with the scope they come from,
``x(…)`` holds others, ``?`` is a hole and ``[a|b]`` are alternatives.
"""

import json
from typing import Any

SERVICE = "/subscriptions/0/resourceGroups/r/providers/Microsoft.ApiManagement/service/s"


def v(name: str, value: str = "1") -> str:
    return f'<set-variable name="{name}" value="{value}" />'


def i(content: str) -> str:
    return f"<policies>\n  <inbound>{content}</inbound>\n  <backend><base /></backend>\n  <outbound><base /></outbound>\n  <on-error><base /></on-error>\n</policies>"


class Situation:
    """Policies by scope, and what is to come of them."""

    def __init__(
        self,
        wanted: dict[str, str],
        *,
        top: str | None = None,
        products: dict[str, tuple[bool | None, str | None]] | None = None,
        api: str | None = None,
        operation: str | None = None,
        fragments: dict[str, str] | None = None,
        values: dict[str, str | None] | None = None,
        needs_key: bool = True,
        whole: bool = True,
        state: str = "published",
        section: str = "inbound",
        linked: bool = True,
        workspace: str | None = None,
        workspace_fragments: dict[str, str] | None = None,
        workspace_values: dict[str, str | None] | None = None,
        restrictions: dict[str, str] | None = None,
        compliance: dict[str, str] | None = None,
        extract: bool = False,
    ) -> None:
        self.wanted = wanted
        self.section = section
        self.arguments = ["--complete"] if whole else []
        if operation is not None:
            self.arguments += ["--operation", "call"]
        self.resources: list[dict[str, Any]] = []
        home = "/workspaces/w" if workspace is not None else ""
        if not extract:
            self._add("", {}, sku={"name": "StandardV2"})
        if workspace is not None:
            self._add(home, {"displayName": "Team W"})
            self._policy(home, workspace or None)
        self._add(
            f"{home}/apis/a", {"path": "a", "protocols": ["https"], "displayName": "An API", "subscriptionRequired": needs_key}
        )
        self._add(f"{home}/apis/a/operations/call", {"method": "POST", "urlTemplate": "/call", "displayName": "Call"})
        for name, (is_open, text) in (products or {}).items():
            keys = {} if is_open is None else {"subscriptionRequired": not is_open}
            self._add(f"{home}/products/{name}", {"displayName": name, "state": state, **keys})
            if linked and home:
                self._add(f"{home}/products/{name}/apiLinks/l", {"apiId": f"{SERVICE}{home}/apis/a"})
            elif linked:
                self._add(f"/products/{name}/apis/a", {})
            self._policy(f"{home}/products/{name}", text)
        self._policy("", top)
        self._policy(f"{home}/apis/a", api)
        self._policy(f"{home}/apis/a/operations/call", operation)
        self._named("", fragments or {}, values or {})
        self._named(home, workspace_fragments or {}, workspace_values or {})
        for name, scope in (restrictions or {}).items():
            self._add(f"/policyRestrictions/{name}", {"scope": scope, "requireBase": "true"})
        for number, (scope, said) in enumerate((compliance or {}).items()):
            reference = f"{SERVICE}{scope}/policies/policy"
            self._add(f"/allPolicies/{number}", {"referencePolicyId": reference, "complianceState": said})

    def _named(self, home: str, fragments: dict[str, str], values: dict[str, str | None]) -> None:
        for name, text in fragments.items():
            self._add(f"{home}/policyFragments/{name}", {"format": "rawxml", "value": text})
        for name, value in values.items():
            given = {"secret": True} if value is None else {"secret": False, "value": value}
            self._add(f"{home}/namedValues/{name}", {"displayName": name, **given})

    def _add(self, path: str, properties: dict[str, Any], **members: Any) -> None:
        names = path.strip("/").split("/") if path else []
        kind = "/".join(["Microsoft.ApiManagement/service", *names[::2]])
        name = names[-1] if names else "s"
        self.resources.append({"id": SERVICE + path, "name": name, "type": kind, "properties": properties, **members})

    def _policy(self, path: str, text: str | None) -> None:
        if text is not None:
            self._add(f"{path}/policies/policy", {"format": "rawxml", "value": text})

    def text(self) -> str:
        """The input file."""
        return json.dumps(self.resources, indent=1)


BOTH = "service"

SITUATIONS = {
    # facts/apim.md 2.1: "base may stand before or after other elements, and position decides order"
    "base-first": Situation({BOTH: "g@global a@API"}, top=i(v("g")), api=i("<base />" + v("a"))),
    "base-last": Situation({BOTH: "a@API g@global"}, top=i(v("g")), api=i(v("a") + "<base />")),
    "base-between": Situation({BOTH: "a@API g@global b@API"}, top=i(v("g")), api=i(v("a") + "<base />" + v("b"))),
    # 2.1: "no base in a section = everything from broader scopes is cut for that section only"
    "base-missing": Situation({BOTH: "a@API"}, top=i(v("g")), api=i(v("a"))),
    "base-missing-elsewhere": Situation(
        {BOTH: "x@global"},
        top=f"<policies><inbound>{v('g')}</inbound><outbound>{v('x')}</outbound></policies>",
        api=f"<policies><inbound>{v('a')}</inbound><outbound><base /></outbound></policies>",
        section="outbound",
    ),
    "section-emptied": Situation({BOTH: ""}, top=i(v("g")), api=i("")),
    # 1.5: "a scope with no policy answers 404: treat as inherits everything"
    "no-document": Situation({BOTH: "g@global"}, top=i(v("g"))),
    "no-document-at-all": Situation({BOTH: ""}),
    # 2.1: "base at global does nothing"
    "base-at-global": Situation({BOTH: "g@global"}, top=i("<base />" + v("g"))),
    # 2.1: "evaluate from the narrowest document that exists", recursively
    "operation-inherits": Situation(
        {BOTH: "g@global a@API o@operation"}, top=i(v("g")), api=i("<base />" + v("a")), operation=i("<base />" + v("o"))
    ),
    "operation-cuts": Situation({BOTH: "o@operation"}, top=i(v("g")), api=i("<base />" + v("a")), operation=i(v("o"))),
    "operation-inherits-the-cut": Situation(
        {BOTH: "a@API o@operation"}, top=i(v("g")), api=i(v("a")), operation=i("<base />" + v("o"))
    ),
    # 2.1: "base may stand before or after other elements"; in choose it stands for the same
    "base-in-choose": Situation(
        {BOTH: "choose@API(when@API(g@global) otherwise@API(a@API))"},
        top=i(v("g")),
        api=i(f'<choose><when condition="@(true)"><base /></when><otherwise>{v("a")}</otherwise></choose>'),
    ),
    # 2.1: "product scope applies only in a product's context: product-scoped key, or keyless call with an open product"
    "product-closed": Situation(
        {"service": "g@global a@API", "product:starter": "g@global p@product a@API"},
        top=i(v("g")),
        products={"starter": (False, i("<base />" + v("p")))},
        api=i("<base />" + v("a")),
    ),
    # 2.1, SUB table row 3: an API that requires a key and an open product that contains it = anonymous access
    "product-open": Situation(
        {"keyless:starter": "p@product a@API", "service": "a@API"},
        products={"starter": (True, i("<base />" + v("p")))},
        api=i("<base />" + v("a")),
    ),
    # 2.1: keyless resolution: "open product containing the API, else API with subscriptionRequired: false"
    "keyless-through-the-api": Situation(
        {"keyless service": "a@API", "product:starter": "p@product a@API"},
        products={"starter": (False, i("<base />" + v("p")))},
        api=i("<base />" + v("a")),
        needs_key=False,
    ),
    "keyless-prefers-the-open-product": Situation(
        {"keyless:starter": "p@product a@API", "service": "a@API"},
        products={"starter": (True, i("<base />" + v("p")))},
        api=i("<base />" + v("a")),
        needs_key=False,
    ),
    "product-cuts-global": Situation(
        {"service": "g@global a@API", "product:starter": "p@product a@API"},
        top=i(v("g")),
        products={"starter": (False, i(v("p")))},
        api=i("<base />" + v("a")),
    ),
    "product-cut-by-the-api": Situation(
        {"service product:starter": "a@API"},
        top=i(v("g")),
        products={"starter": (False, i("<base />" + v("p")))},
        api=i(v("a")),
    ),
    "products-without-policy": Situation(
        {"service product:one product:two": "g@global"}, top=i(v("g")), products={"one": (False, None), "two": (False, None)}
    ),
    "products-that-differ": Situation(
        {"service product:two": "a@API", "product:one": "p@product a@API"},
        products={"one": (False, i("<base />" + v("p"))), "two": (False, None)},
        api=i("<base />" + v("a")),
    ),
    # 2.1: "unpublished products still work (SUB)"
    "product-not-published": Situation(
        {"keyless:starter": "p@product", "service": ""},
        products={"starter": (True, i(v("p")))},
        state="notPublished",
    ),
    "product-of-other-apis": Situation(
        {"service": "a@API"}, products={"starter": (True, i(v("p")))}, api=i("<base />" + v("a")), linked=False
    ),
    # 2.1: "include-fragment is pasted as-is"; names are compared without case
    "fragment": Situation(
        {BOTH: "a@API f@fragment b@API"},
        api=i(v("a") + '<include-fragment fragment-id="Audit" />' + v("b")),
        fragments={"audit": f"<fragment>{v('f')}</fragment>"},
    ),
    "fragment-in-choose": Situation(
        {BOTH: "choose@API(when@API(f@fragment a@API))"},
        api=i(f'<choose><when condition="@(true)"><include-fragment fragment-id="audit" />{v("a")}</when></choose>'),
        fragments={"audit": f"<fragment>{v('f')}</fragment>"},
    ),
    "fragment-through-base": Situation(
        {BOTH: "f@fragment a@API"},
        top=i('<include-fragment fragment-id="audit" />'),
        api=i("<base />" + v("a")),
        fragments={"audit": f"<fragment>{v('f')}</fragment>"},
    ),
    # 2.1: "expand before analysing; unresolved fragment = unknown, not absent"
    "fragment-that-does-not-exist": Situation({BOTH: "? a@API"}, api=i('<include-fragment fragment-id="audit" />' + v("a"))),
    "fragment-not-read": Situation(
        {"keyless? service": "? a@API"}, top=i(""), api=i('<include-fragment fragment-id="audit" />' + v("a")), whole=False
    ),
    # 2.1: a fragment cannot contain other fragments (FRG)
    "fragment-in-a-fragment": Situation(
        {BOTH: "f@fragment ?"},
        api=i('<include-fragment fragment-id="one" />'),
        fragments={"one": f'<fragment>{v("f")}<include-fragment fragment-id="two" /></fragment>', "two": "<fragment />"},
    ),
    # 2.2: named values "are substituted in text before parsing"; 1.9: the display name counts, secrets are never returned
    "named-value-known": Situation({BOTH: "a@API"}, api=i(v("a", "{{region}}")), values={"region": "westeurope"}),
    "named-value-secret": Situation({BOTH: "a@API"}, api=i(v("a", "{{key}}")), values={"key": None}),
    "named-value-that-does-not-exist": Situation({BOTH: "a@API"}, api=i(v("a", "{{region}}"))),
    "named-value-not-read": Situation({"keyless? service": "a@API"}, top=i(""), api=i(v("a", "{{region}}")), whole=False),
    # 2.2: they can stand for whole elements
    "named-value-as-element": Situation({BOTH: "? a@API"}, api=i("{{validation}}" + v("a"))),
    # open question 7: what a missing section inherits is not documented
    "section-missing": Situation(
        {BOTH: "[g@global|]"}, top=i(v("g")), api="<policies><outbound><base /></outbound></policies>"
    ),
    "section-missing-with-nothing-above": Situation({BOTH: ""}, api="<policies><outbound><base /></outbound></policies>"),
    # design 6: "an unresolved fragment or value stays a hole"; so does a scope that was not read
    "api-not-read": Situation({"keyless? service": "? [g@global|]"}, top=i(v("g")), whole=False),
    "global-not-read": Situation({"keyless? service": "? a@API"}, api=i("<base />" + v("a")), whole=False),
    "global-not-read-but-cut": Situation({"keyless? service": "a@API"}, api=i(v("a")), whole=False),
    "operation-over-an-api-not-read": Situation(
        {"keyless? service": "o@operation"}, top=i(v("g")), operation=i(v("o")), whole=False
    ),
    # 2.3: what cannot be read is named, what can be read is kept
    "text-broken": Situation(
        {BOTH: "a@API b@API set-header@API ?"}, api=i(v("a") + v("b") + '<set-header exists-action="@(x">')
    ),
    # 2.1: the backend section normally holds one forward-request; 2.5: its defaults
    "backend": Situation(
        {BOTH: "forward-request@global"},
        top="<policies><inbound /><backend><forward-request timeout='60' /></backend></policies>",
        api=i("<base />"),
        section="backend",
    ),
    "backend-cut": Situation(
        {BOTH: ""},
        top="<policies><inbound /><backend><forward-request /></backend></policies>",
        api="<policies><inbound><base /></inbound><backend /></policies>",
        section="backend",
    ),
    # 0.8: forward-request is set at the global scope by default; it is inherited and cut like any other
    "default-global": Situation({BOTH: "forward-request@global"}, api=i("<base />"), section="backend"),
    "default-global-cut": Situation(
        {BOTH: ""}, api="<policies><inbound><base /></inbound><backend /></policies>", section="backend"
    ),
    # 2.1: "global (service) > workspace > product > API > operation"
    "workspace": Situation(
        {BOTH: "g@global w@workspace a@API o@operation"},
        top=i(v("g")),
        workspace=i("<base />" + v("w")),
        api=i("<base />" + v("a")),
        operation=i("<base />" + v("o")),
    ),
    "workspace-cuts-global": Situation(
        {BOTH: "w@workspace a@API"}, top=i(v("g")), workspace=i(v("w")), api=i("<base />" + v("a"))
    ),
    # 1.7: a workspace has products of its own; apiLinks bind its APIs to them (REST reference, Workspace Product API Link)
    "workspace-product": Situation(
        {"service": "w@workspace a@API", "product:team": "w@workspace p@product a@API"},
        workspace=i("<base />" + v("w")),
        products={"team": (False, i("<base />" + v("p")))},
        api=i("<base />" + v("a")),
    ),
    "workspace-open-product": Situation(
        {"keyless:team": "p@product a@API", "service": "a@API"},
        workspace=i("<base />"),
        products={"team": (True, i("<base />" + v("p")))},
        api=i("<base />" + v("a")),
    ),
    # workspaces-overview: what a workspace's policies name is the workspace's own; the global policy names the service's
    "workspace-fragments": Situation(
        {BOTH: "s@fragment w@fragment"},
        top=i('<include-fragment fragment-id="audit" />'),
        workspace=i('<base /><include-fragment fragment-id="audit" />'),
        fragments={"audit": f"<fragment>{v('s')}</fragment>"},
        workspace_fragments={"audit": f"<fragment>{v('w')}</fragment>"},
    ),
    "workspace-cannot-use-fragments-of-the-service": Situation(
        {BOTH: "? a@API"},
        workspace=i('<include-fragment fragment-id="audit" />'),
        api=i("<base />" + v("a")),
        fragments={"audit": f"<fragment>{v('s')}</fragment>"},
    ),
    "workspace-values": Situation(
        {BOTH: "w@workspace"},
        workspace=i(v("w", "{{region}}{{zone}}")),
        values={"region": "westeurope", "zone": "1"},
        workspace_values={"region": "northeurope"},
    ),
    "workspace-not-read": Situation({"keyless? service": "? [g@global|] a@API"}, top=i(v("g")), workspace="", api=i("<base />" + v("a")), whole=False),
    # 4: an APIOps extract has a global policy and no resource for the service
    "global-without-service": Situation(
        {"keyless? service": "g@global a@API"}, top=i(v("g")), api=i("<base />" + v("a")), whole=False, extract=True
    ),
    # 1.12: a restriction is a demand on the text and changes nothing at run time
    "restriction-not-kept": Situation(
        {BOTH: "a@API"},
        top=i(v("g")),
        api=i(v("a")),
        restrictions={"base-everywhere": f"{SERVICE}/apis/a", "of-another": "/apis/ab"},
        compliance={"/apis/a": "NonCompliant"},
    ),
}  # fmt: skip
