"""Policies tried out: concrete values through a policy's paths, for what it does when an exchange fails or a body is odd.

``values`` are those of C# and Newtonsoft as far as they are known, ``evaluation`` computes expressions with them, ``run``
takes a call through a policy; ``exchanges`` and ``tool_checks`` ask the questions. Where comparisons and origins matter
rather than values, see :mod:`mcpguard.policy.symbolic`.
"""
