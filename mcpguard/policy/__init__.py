"""The policy language of Azure API Management: reading, expressions, effective policy, flow. Knows no ARM and no HTTP."""
