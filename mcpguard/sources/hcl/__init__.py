"""Configurations of Terraform and OpenTofu, read as their authors write them: ``*.tf`` with ``*.tfvars``.

They are evaluated as far as the files tell, into the instances of resources that a plan would hold, and from there on
everything is as for a plan (:mod:`mcpguard.sources.terraform`). The package is loaded when a ``.tf`` file is met.
"""
