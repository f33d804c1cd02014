"""What is left of the request body when a request is forwarded."""

import pytest

from mcpguard.core.facts import Known
from mcpguard.core.location import Location
from mcpguard.policy.bodies import request_body_when_forwarded
from mcpguard.policy.effective import Names, Scope, ScopedPolicy, fold
from mcpguard.policy.reader import read

READ = 'value="@(context.Request.Body.As<string>())"'
SET = f'<set-variable name="b" {READ} />'


def consumed(inbound: str, backend: str = "<forward-request />") -> set[bool]:
    text = f"<policies><inbound>{inbound}</inbound><backend>{backend}</backend><outbound /><on-error /></policies>"
    scoped = ScopedPolicy(Scope.API, "a", Known(read(text)), Location("a.xml"))
    states = request_body_when_forwarded(fold([scoped], Names({}, None, {}, complete_names=True)))
    assert all(state.hole is None for state in states)
    return {state.consumed is not None for state in states}


@pytest.mark.parametrize(
    ("inbound", "backend", "wanted"),
    [
        (SET, "<forward-request />", {True}),
        (SET.replace("()", "(preserveContent: true)"), "<forward-request />", {False}),
        (SET + "<set-body>x</set-body>", "<forward-request />", {False}),
        ("<set-body>@(context.Request.Body.As<string>())</set-body>", "<forward-request />", {False}),
        ("<set-body>x</set-body>" + SET, "<forward-request />", {True}),
        (SET + "<return-response />", "<forward-request />", set()),
        ("", "<forward-request />" + SET, {False}),
        ("", '<retry condition="@(context.Request.Body.As<string>() == null)" count="1"><forward-request /></retry>', {False}),
        (
            '<choose><when condition="@(context.Request.Body.As<string>() == null)"><return-response /></when></choose>',
            "<forward-request />",
            {True},
        ),
        (f'<choose><when condition="@(context.User == null)">{SET}</when></choose>', "<forward-request />", {True, False}),
    ],
)
def test_body_states(inbound: str, backend: str, wanted: set[bool]) -> None:
    assert consumed(inbound, backend) == wanted
