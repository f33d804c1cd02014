"""Strings that try to get out of the place in which a report puts them."""

from hypothesis import settings
from hypothesis import strategies as st

relaxed = settings(deadline=None, max_examples=60)
"""For properties over a whole report: the machine that runs them may be busy."""

SPECIMENS = (
    "<script>document.title='owned'</script>",
    "</style><script>document.title='owned'</script>",
    "</pre></code></title><img src=x onerror=document.title='owned'>",
    "\" onmouseover=\"document.title='owned'",
    "' autofocus onfocus='document.title=1",
    "javascript:document.title='owned'",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "| a | b |\n| - | - |",
    "`` `code` ``` <b>",
    "@octocat and @org/team, #12, GH-12, https://evil.example www.evil.example a@b.example",
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m",
    "user\u202etxt.exe\u2066\u2069\u200b\u00ad\ufeff",
    "\u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "a\r\nb\u2028c\x85d\x00e\tf",
    "{{ 7 * 7 }} {% raw %} ${x} {0}",
    "\\[x](1) \\",
    "漢字カナ\U0001f600 e\u0301",
    "\ud800",
    "# heading\n\n- item\n> quote\n---\n```",
    "x" * 500,
)

hostile = st.one_of(
    st.sampled_from(SPECIMENS),
    st.text(
        st.one_of(
            st.characters(exclude_categories=()),
            st.sampled_from("<>&\"'`|[]()!@#*_~\\{}$:/\x00\x07\x08\x1b\x7f\x85\x9b\n\r\t\u200b\u202e\u2028"),
        ),
        min_size=1,
        max_size=60,
    ),
)
