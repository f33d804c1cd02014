"""The inventory of an estate: every MCP server told in full, from the clients that may call it to what it calls in turn.

Pure functions of the estate; nothing here judges. What was not read is said with what is missing and how to get it.
"""

from mcpguard.inventory.sheets import inventory, sheet

__all__ = ["inventory", "sheet"]
