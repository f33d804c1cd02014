"""Sources: files that people export from Azure, put into one raw form. They only translate; nothing is judged here.

Formats are told by content (:mod:`mcpguard.sources.detect`), one module reads each, and secrets are masked before
anything leaves this package.
"""

from mcpguard.sources.intake import read

__all__ = ["read"]
