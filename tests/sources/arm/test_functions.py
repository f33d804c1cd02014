"""Every function, with the values that Microsoft's pages (template-functions-*) and Bicep's own tests give."""

from typing import Any

import pytest

from mcpguard.core.location import Location
from mcpguard.evidence import Unresolved
from mcpguard.sources.arm.evaluator import Evaluator
from mcpguard.sources.arm.places import Place
from mcpguard.sources.arm.scopes import Scope

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GIVEN = {
    "one": [1, 2, 3],
    "words": ["one", "two", "three"],
    "object": {"One": "a", "two": "b", "three": "c"},
    "other": {"One": "a", "two": "z", "four": "d"},
    "deep": {"a": {"x": 1, "list": [1]}, "b": None},
    "mixed": [True, 2893, "abc"],
    "dogs": [{"name": "Evie", "age": 5}, {"name": "Casper", "age": 3}, {"name": "Indy", "age": 2}],
}


def evaluate(expression: str, place: Place | None = None, here: str = "", **template: Any) -> Any:
    variables = {**GIVEN, **template.pop("variables", {})}
    scope = Scope({"variables": variables, **template}, Location("x.json"), place or Place(), {})
    evaluator = Evaluator(1000, lambda detail, at: None, lambda value: value, lambda text: None, here)
    return evaluator.json(expression, scope.frame)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # texts
        ("base64('one, two, three')", "b25lLCB0d28sIHRocmVl"),
        ("base64ToString('b25lLCB0d28sIHRocmVl')", "one, two, three"),
        ('base64ToJson(base64(\'{"one": "a"}\'))', {"one": "a"}),
        ("concat('prefix', '-', 'x')", "prefix-x"),
        ("concat(createArray('1-1'), createArray('2-1', '2-2'))", ["1-1", "2-1", "2-2"]),
        ("concat('a', 1, true())", "a1True"),
        ("dataUri('Hello')", "data:text/plain;charset=utf8;base64,SGVsbG8="),
        ("dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", "Hello, World!"),
        ("endsWith('abcdef', 'ef')", True),
        ("endsWith('abcdef', 'F')", True),
        ("endsWith('abcdef', 'e')", False),
        ("startsWith('abcdef', 'A')", True),
        ("startsWith('abcdef', 'e')", False),
        ("first('One Two Three')", "O"),
        ("last('One Two Three')", "e"),
        ("first(variables('words'))", "one"),
        ("last(variables('words'))", "three"),
        ("first(createArray())", None),
        ("format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)", "Hello, User. Formatted number: 8,175,133"),
        ("format('{{{0}}} {0,4}|{0,-3}|{1:D3}|{1:X}', 7, 10)", "{7}    7|7  |010|A"),
        (
            "format('>{0}<>{1}<>{2}<>{3}<', false(), 12948, createObject('a', 'b', '!c', 2), variables('mixed'))",
            ">False<>12948<>{'a':'b','!c':2}<>[true,2893,'abc']<",
        ),
        ("format('{0}', null())", ""),
        ("indexOf('test', 't')", 0),
        ("lastIndexOf('test', 't')", 3),
        ("indexOf('abcdef', 'CD')", 2),
        ("lastIndexOf('abcdef', 'AB')", 0),
        ("indexOf('abcdef', 'z')", -1),
        ("indexOf(createArray('foo', 'bar'), 'BAR')", -1),
        ("indexOf(variables('words'), 'two')", 1),
        ("lastIndexOf(createArray(1, 2, 1), 1)", 2),
        ("join(createArray('I', 'love', 'Bicep'), ' ')", "I love Bicep"),
        ("join(variables('words'), '')", "onetwothree"),
        ("json('{\"a\": [1, null]}').a[0]", 1),
        ("json('null')", None),
        ("length(variables('words'))", 3),
        ("length('One Two Three')", 13),
        ("length(variables('object'))", 3),
        ("padLeft('123', 10, '0')", "0000000123"),
        ("padLeft(7, 3)", "  7"),
        ("replace('123-123-1234', '-', '')", "1231231234"),
        ("replace('123-123-1234', '1234', 'xxxx')", "123-123-xxxx"),
        ("skip('one two three', 4)", "two three"),
        ("skip(variables('words'), 2)", ["three"]),
        ("take('one two three', 2)", "on"),
        ("take(variables('words'), 2)", ["one", "two"]),
        ("take(variables('words'), 9)", ["one", "two", "three"]),
        ("skip(variables('words'), 9)", []),
        ("split('one,two,three', ',')", ["one", "two", "three"]),
        ("split('one;two,three', createArray(',', ';'))", ["one", "two", "three"]),
        ("string(createObject('valueA', 10, 'valueB', 'Example Text'))", '{"valueA":10,"valueB":"Example Text"}'),
        ("string(createArray('a', 'b'))", '["a","b"]'),
        ("string(5)", "5"),
        ("substring('one two three', 4, 3)", "two"),
        ("substring('one', 1)", "ne"),
        ("toLower('One Two')", "one two"),
        ("toUpper('One Two')", "ONE TWO"),
        ("trim('    one two three   ')", "one two three"),
        ("uri('http://contoso.org/firstpath', 'myscript.sh')", "http://contoso.org/myscript.sh"),
        ("uri('http://contoso.org/firstpath/', 'myscript.sh')", "http://contoso.org/firstpath/myscript.sh"),
        ("uri('http://contoso.org', 'x/y.json')", "http://contoso.org/x/y.json"),
        ("uri('http://contoso.org/a/b', '/c')", "http://contoso.org/c"),
        (
            "uriComponent('http://contoso.com/resources/nested/azuredeploy.json')",
            "http%3A%2F%2Fcontoso.com%2Fresources%2Fnested%2Fazuredeploy.json",
        ),
        ("uriComponentToString('http%3A%2F%2Fcontoso.com')", "http://contoso.com"),
        # conversions
        ("int('4')", 4),
        ("bool('true')", True),
        ("bool(0)", False),
        ("bool('FALSE')", False),
        ("array('efgh')", ["efgh"]),
        ("array(createArray(1))", [1]),
        ("array(createObject('a', 'b'))", [{"a": "b"}]),
        # comparison and logic
        ("equals(1, 1)", True),
        ("equals('a', 'A')", False),
        ("equals(1, '1')", False),
        ("equals(1, true())", False),
        ("equals(null(), null())", True),
        ("equals(createArray('a', 'b'), createArray('a', 'b'))", True),
        ("equals(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 1))", True),
        ("less(1, 2)", True),
        ("less('banana', 'apple')", False),
        ("lessOrEquals(2, 2)", True),
        ("greater(2, 1)", True),
        ("greaterOrEquals(1, 2)", False),
        ("not(bool('true'))", False),
        ("and(true(), false())", False),
        ("and(true(), true(), true())", True),
        ("or(false(), true())", True),
        ("or(false(), false())", False),
        ("if(equals('a', 'a'), 'yes', 'no')", "yes"),
        ("coalesce(null(), 'fallback')", "fallback"),
        ("coalesce(null(), null())", None),
        # numbers
        ("add(5, 3)", 8),
        ("sub(7, 3)", 4),
        ("mul(5, 3)", 15),
        ("div(8, 3)", 2),
        ("div(-8, 3)", -2),
        ("mod(7, 3)", 1),
        ("mod(-7, 3)", -1),
        ("min(0, 3, 2)", 0),
        ("max(variables('one'))", 3),
        ("range(5, 3)", [5, 6, 7]),
        # arrays and objects
        ("contains('OneTwoThree', 'e')", True),
        ("contains('OneTwoThree', 'z')", False),
        ("contains('OneTwoThree', 'two')", False),
        ("contains(variables('object'), 'one')", True),
        ("contains(variables('object'), 'a')", False),
        ("contains(variables('words'), 'three')", True),
        ("contains(variables('words'), 'Three')", False),
        ("contains(createArray(1), true())", False),
        ("createArray()", []),
        ("createObject('a', 1, 'b', createArray())", {"a": 1, "b": []}),
        ("empty(createArray())", True),
        ("empty(createObject())", True),
        ("empty('')", True),
        ("empty(null())", True),
        ("empty('x')", False),
        ("intersection(variables('object'), variables('other'))", {"One": "a"}),
        ("intersection(variables('words'), createArray('two', 'three'))", ["two", "three"]),
        ("union(createArray('one', 'two'), createArray('two', 'three'))", ["one", "two", "three"]),
        ("union(createObject('a', 1), createObject('A', 2, 'b', 3))", {"a": 2, "b": 3}),
        (
            "union(variables('deep'), createObject('a', createObject('y', 2, 'list', createArray(2))))",
            {"a": {"x": 1, "y": 2, "list": [2]}, "b": None},
        ),
        ("shallowMerge(createArray(createObject('a', 123), createObject('b', 456)))", {"a": 123, "b": 456}),
        ("items(createObject('item002', 2, 'item001', 1))", [{"key": "item001", "value": 1}, {"key": "item002", "value": 2}]),
        ("objectKeys(createObject('b', 2, 'a', 1))", ["a", "b"]),
        ("flatten(createArray(createArray(1, 2), createArray(3)))", [1, 2, 3]),
        ("tryGet(variables('deep'), 'a', 'x')", 1),
        ("tryGet(variables('deep'), 'nothing', 'x')", None),
        ("tryGet(variables('words'), 7)", None),
        ("tryIndexFromEnd(variables('words'), 1)", "three"),
        ("tryIndexFromEnd(variables('words'), 4)", None),
        ("indexFromEnd(variables('words'), 3)", "one"),
        ("variables('OBJECT').ONE", "a"),
        ("variables('object')['two']", "b"),
        ("variables('object').[concat('t', 'wo')]", "b"),
        ("variables('words')[add(0, 1)]", "two"),
        ("variables('deep')[concat('', 'a')].list[0]", 1),
        # lambdas
        ("map(variables('dogs'), lambda('d', lambdaVariables('d').name))", ["Evie", "Casper", "Indy"]),
        (
            "map(createArray('a', 'b'), lambda('d', 'i', format('{0}{1}', lambdaVariables('i'), lambdaVariables('d'))))",
            ["0a", "1b"],
        ),
        ("filter(variables('dogs'), lambda('d', greater(lambdaVariables('d').age, 4)))", [GIVEN["dogs"][0]]),
        ("filter(createArray('a', 'b', 'c'), lambda('x', 'i', equals(mod(lambdaVariables('i'), 2), 0)))", ["a", "c"]),
        ("reduce(variables('one'), 1, lambda('c', 'n', mul(lambdaVariables('c'), lambdaVariables('n'))))", 6),
        ("reduce(createArray(), 0, lambda('c', 'n', 1))", 0),
        (
            "reduce(createArray('abc', 'def', 'ghi'), '', lambda('cur', 'next', 'i', if(equals(mod(lambdaVariables('i'), 2), 0), "
            "concat(lambdaVariables('cur'), lambdaVariables('next')), lambdaVariables('cur'))))",
            "abcghi",
        ),
        ("sort(createArray(8, 3, 10), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))", [3, 8, 10]),
        ("toObject(variables('words'), lambda('w', lambdaVariables('w')))", {"one": "one", "two": "two", "three": "three"}),
        ("toObject(variables('one'), lambda('n', string(lambdaVariables('n'))), lambda('n', 0))", {"1": 0, "2": 0, "3": 0}),
        (
            "groupBy(variables('one'), lambda('n', if(equals(mod(lambdaVariables('n'), 2), 0), 'even', 'odd')))",
            {"odd": [1, 3], "even": [2]},
        ),
        ("groupBy(variables('dogs'), lambda('d', 'x'), lambda('d', lambdaVariables('d').age))", {"x": [5, 3, 2]}),
        ("mapValues(createObject('a', 123, 'b', 456), lambda('v', mul(lambdaVariables('v'), 2)))", {"a": 246, "b": 912}),
        (
            "map(variables('one'), lambda('x', map(createArray(10), lambda('y', add(lambdaVariables('x'), lambdaVariables('y'))))))",
            [[11], [12], [13]],
        ),
        # networks
        ("cidrSubnet('10.144.0.0/20', 24, 0)", "10.144.0.0/24"),
        ("cidrSubnet('10.144.0.0/20', 24, 4)", "10.144.4.0/24"),
        ("cidrHost('10.144.3.0/24', 0)", "10.144.3.1"),
        (
            "parseCidr('10.144.0.0/20')",
            {
                "network": "10.144.0.0",
                "netmask": "255.255.240.0",
                "broadcast": "10.144.15.255",
                "firstUsable": "10.144.0.1",
                "lastUsable": "10.144.15.254",
                "cidr": 20,
            },
        ),
        # the deployment
        ("environment().name", "AzureCloud"),
        ("environment().suffixes.storage", "core.windows.net"),
        ("environment().authentication.loginEndpoint", "https://login.microsoftonline.com/"),
        ("resourceId('Microsoft.Web/sites', 'app')", "/providers/Microsoft.Web/sites/app"),
        ("resourceId('My.Rp/parent/child', 'p', 'c')", "/providers/My.Rp/parent/p/child/c"),
        ("resourceId('customRg', 'My.Rp/parent', 'p')", "/resourceGroups/customRg/providers/My.Rp/parent/p"),
        (
            f"resourceId('{SUBSCRIPTION}', 'customRg', 'My.Rp/parent', 'p')",
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/customRg/providers/My.Rp/parent/p",
        ),
        ("resourceId(subscription().subscriptionId, resourceGroup().name, 'My.Rp/parent', 'p')", "/providers/My.Rp/parent/p"),
        ("subscriptionResourceId('My.Rp/parent', 'p')", "/providers/My.Rp/parent/p"),
        (
            f"subscriptionResourceId('{SUBSCRIPTION}', 'My.Rp/parent', 'p')",
            f"/subscriptions/{SUBSCRIPTION}/providers/My.Rp/parent/p",
        ),
        ("tenantResourceId('My.Rp/parent', 'p')", "/providers/My.Rp/parent/p"),
        (
            "extensionResourceId(resourceId('My.Rp/parent', 'p'), 'My.ExtensionRp/parent/child', 'a', 'b')",
            "/providers/My.Rp/parent/p/providers/My.ExtensionRp/parent/a/child/b",
        ),
        (
            "extensionResourceId(format('/subscriptions/{0}/resourceGroups/{1}', subscription().subscriptionId, 'rg'), 'My.Rp/x', 'y')",
            "/resourceGroups/rg/providers/My.Rp/x/y",
        ),
        (
            "managementGroupResourceId('mg', 'My.Rp/parent', 'p')",
            "/providers/Microsoft.Management/managementGroups/mg/providers/My.Rp/parent/p",
        ),
        ("concat(resourceGroup().id, '/providers/My.Rp/parent/p')", "/providers/My.Rp/parent/p"),
        ("concat(subscription().id, '/resourceGroups/', resourceGroup().name, '/providers/My.Rp/x/y')", "/providers/My.Rp/x/y"),
        # spelling
        ("TOLOWER ( 'A' )", "a"),
        ("concat('it''s', ' ', '[x]')", "it's [x]"),
        ("\n concat(\n 'a' ,\n 'b'\n )", "ab"),
    ],
)
def test_values(expression: str, value: Any) -> None:
    found = evaluate(f"[{expression}]")
    assert found == value
    assert type(found) is type(value)


PLACE = Place(SUBSCRIPTION, "rg-mcp")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("resourceGroup().name", "rg-mcp"),
        ("resourceGroup().id", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mcp"),
        ("subscription().subscriptionId", SUBSCRIPTION),
        (
            "resourceId('Microsoft.Web/sites', 'app')",
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mcp/providers/Microsoft.Web/sites/app",
        ),
        (
            "resourceId('other', 'Microsoft.Web/sites', 'app')",
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other/providers/Microsoft.Web/sites/app",
        ),
        ("subscriptionResourceId('My.Rp/x', 'y')", f"/subscriptions/{SUBSCRIPTION}/providers/My.Rp/x/y"),
    ],
)
def test_a_known_place(expression: str, value: str) -> None:
    assert evaluate(f"[{expression}]", PLACE) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("add(1, 'x')", "an int was expected, not string"),
        ("add(9223372036854775807, 1)", "a number beyond 64 bits"),
        ("div(1, 0)", "a division by zero"),
        ("concat(createArray(1), 'x')", "concat of an array and string"),
        ("int('x')", "a text that is no number"),
        ("json('{')", "a text that is no JSON"),
        ("base64ToString('*')", "a text that is no base64"),
        ("substring('one', 2, 5)", "substring 2 to 7 of a text of 3 characters"),
        ("format('{1}', 'a')", "the format has {1}, but there are 1 values"),
        ("format('{', 'a')", "a brace in the format has no partner"),
        ("range(0, 10001)", "a range of 10001 numbers; 10000 are allowed"),
        ("variables('words')[3]", "there is no item 3 among 3"),
        ("variables('object').nothing", "there is no member nothing"),
        ("variables('nothing')", "there is no variable nothing"),
        ("parameters('nothing')", "there is no parameter nothing"),
        ("if('x', 1, 2)", "a bool was expected, not string"),
        ("copyIndex()", "copyIndex outside its loop"),
        ("resourceId('Microsoft.Web/sites')", "the type Microsoft.Web/sites does not go with 0 names"),
        ("toLower('a', 'b')", "tolower does not take 2 arguments"),
        ("map(createArray(1), 'x')", "a lambda was expected, not string"),
        ("cidrSubnet('nonsense', 1, 2)", "a text that is no address range"),
    ],
)
def test_what_resource_manager_would_refuse_says_why(expression: str, reason: str) -> None:
    found = evaluate(f"[{expression}]")
    assert isinstance(found, Unresolved)
    assert found.reason == reason


@pytest.mark.parametrize(
    "expression",
    [
        "subscription().subscriptionId",
        "resourceGroup().location",
        "tenant().tenantId",
        "deployer().objectId",
        "managementGroup().name",
        "deployment().name",
        "utcNow('u')",
        "newGuid()",
        "dateTimeAdd(utcNow(), 'P1D')",
        "pickZones('Microsoft.Compute', 'virtualMachines', 'westeurope')",
        "somethingNew(1)",
        "reference('x').properties",
        "listKeys('x', '2024-01-01').keys[0].value",
        "not(reference('x').flag)",
        "length(reference('x').list)",
        "filter(createArray(1), lambda('x', reference('y').flag))",
        "union(createArray(1), createArray(reference('x').y))",
        "union(createObject('a', 1), reference('x').y)",
        "add(1, reference('x').y)",
        "intersection(createArray(1), reference('x').y)",
        "if(reference('x').flag, 1, 2)",
    ],
)
def test_what_only_deployment_knows(expression: str) -> None:
    found = evaluate(f"[{expression}]")
    assert isinstance(found, Unresolved)
    assert found.expression == f"[{expression}]"
    assert found.reason == ""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("and(reference('x').flag, false())", False),
        ("and(false(), reference('x').flag)", False),
        ("or(reference('x').flag, true())", True),
        ("if(true(), 'a', reference('x').y)", "a"),
        ("if(reference('x').flag, 'same', 'same')", "same"),
        ("coalesce('a', reference('x').y)", "a"),
        ("empty(concat('a', reference('x').y))", False),
        ("startsWith(concat('https://', reference('x').host), 'HTTPS:')", True),
        ("startsWith(concat('https://', reference('x').host), 'http:')", False),
        ("endsWith(concat(reference('x').host, '/mcp'), '/mcp')", True),
        ("contains(concat('a', reference('x').y), 'a')", True),
        ("contains(createArray('a', reference('x').y), 'a')", True),
        ("contains(createArray(), reference('x').y)", False),
        ("equals(concat('a', reference('x').y), 'b')", False),
        ("equals(reference('x').y, reference('x').y)", True),
        ("length(createArray(reference('x').y, 1))", 2),
        ("createObject('a', 1, 'b', reference('x').y).a", 1),
        ("if(contains(createObject('a', 1), 'b'), variables('nothing'), 'lazy')", "lazy"),
        ("if(false(), div(1, 0), 'lazy')", "lazy"),
        ("or(true(), equals(div(1, 0), 1))", True),
    ],
)
def test_what_is_known_although_a_part_is_not(expression: str, value: Any) -> None:
    assert evaluate(f"[{expression}]") == value


def test_unresolved_values_keep_function_arguments_and_route() -> None:
    found = evaluate(
        "[listKeys(concat(resourceId('Microsoft.Web/sites', 'app'), '/host/default'), '2024-04-01').functionKeys['default']]"
    )
    assert found.function == "listkeys"
    assert found.arguments == ("/providers/Microsoft.Web/sites/app/host/default", "2024-04-01")
    assert found.route == ("functionKeys", "default")


def test_texts_keep_the_parts_that_are_known() -> None:
    found = evaluate("[format('https://{0}/mcp?code={1}', reference('x').host, listKeys('y', '1').masterKey)]")
    assert found.expression.startswith("[format(")
    assert [part if isinstance(part, str) else (part.function, part.route) for part in found.parts] == [
        "https://",
        ("reference", ("host",)),
        "/mcp?code=",
        ("listkeys", ("masterKey",)),
    ]
    lowered = evaluate("[toLower(concat('A-', parameters('p')))]", parameters={"p": {"type": "string"}})
    assert lowered.parts[0] == "a-"
    assert lowered.parts[1].function == "tolower"


def test_stand_ins_are_equal_for_equal_arguments_and_show_what_they_are() -> None:
    one = evaluate("[uniqueString(subscription().id, resourceGroup().id)]")
    assert one == evaluate("[uniqueString(variables('s'), resourceGroup().id)]", variables={"s": "[subscription().id]"})
    assert one != evaluate("[uniqueString(resourceGroup().id)]")
    assert len(one) == 13 and one.startswith("unique") and one == one.lower() and one.isalnum()
    assert one != evaluate("[uniqueString(subscription().id, resourceGroup().id)]", here="another/folder")
    assert evaluate("[uniqueString('a')]") == evaluate("[uniqueString('a')]", here="another/folder")
    guid = evaluate("[guid(resourceGroup().id, 'x')]")
    assert guid == evaluate("[guid(resourceGroup().id, 'x')]") != evaluate("[guid(resourceGroup().id, 'y')]")
    assert [len(part) for part in guid.split("-")] == [8, 4, 4, 4, 12] and guid.startswith("00000000-")


def test_masked_secrets_are_not_compared() -> None:
    masked = {"secret": "<masked>****"}
    assert isinstance(evaluate("[equals(variables('secret'), 'abcdefghijkl')]", variables=masked), Unresolved)
    assert evaluate("[equals(variables('secret'), 'short')]", variables=masked) is False
    assert evaluate("[empty(variables('secret'))]", variables=masked) is False


def test_user_defined_functions() -> None:
    functions = [
        {
            "namespace": "contoso",
            "members": {
                "uniqueName": {
                    "parameters": [{"name": "prefix", "type": "string"}],
                    "output": {"type": "string", "value": "[concat(toLower(parameters('prefix')), '-x')]"},
                },
                "twice": {
                    "parameters": [{"name": "v", "type": "string"}],
                    "output": {"type": "array", "value": ["[contoso.uniqueName(parameters('v'))]", "[parameters('v')]"]},
                },
                "endless": {"parameters": [], "output": {"type": "string", "value": "[contoso.endless()]"}},
            },
        }
    ]
    assert evaluate("[contoso.uniquename('ABC')]", functions=functions) == "abc-x"
    assert evaluate("[Contoso.Twice('A')]", functions=functions) == ["a-x", "A"]
    assert isinstance(evaluate("[contoso.endless()]", functions=functions), Unresolved)
    assert evaluate("[contoso.uniqueName()]", functions=functions).reason == "a function of 1 parameters with 0 arguments"
