"""Policies run symbolically: where each value may come from, and which comparisons are known to hold where it is used.

``symbols`` are possible values with their origins, ``evaluation`` (statements), ``values`` (operators and members), ``calls``
and ``pieces`` (methods) compute expressions with them, ``run`` takes a call through a policy and notes what it stores,
sends, redirects and answers. Where concrete values matter, see :mod:`mcpguard.policy.trials`.
"""
