"""Deployment templates (``az bicep build``, ``az group export``, by hand): expressions evaluated, resources taken.

The syntax tree, the function library and the unresolved values know nothing of files; :mod:`.template` walks a template
with them. Syntax: learn.microsoft.com/azure/azure-resource-manager/templates/syntax. Imported only when a template is met.
"""
