"""mcpguard: the posture scanner for MCP on Azure."""
