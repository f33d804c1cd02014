"""Bicep and its parameter files, read natively; evaluation and resources are those of :mod:`mcpguard.sources.arm`.

``lexer``, ``parser`` and ``statements`` give the tree of ``syntax``; ``lowering`` and ``template`` turn it into what a template
holds; ``library`` finds what files name, ``files`` puts them together, ``places`` leads from a finding back to the line.
Imported only when a Bicep file is met.
"""
