"""Tools: views for models. Each is one file, knows no other tool, and acts in the rights of who asked.

A new tool is its file and its place in the list below. The order is that of requests: the first four as
the gateway's guide has them.
"""

from conversations.tools import (
    current_time,
    math_calculator,
    random_generator,
    registry,
    search_conversations,
    system_info,
)

for _tool in (
    random_generator.TOOL,
    system_info.TOOL,
    math_calculator.TOOL,
    current_time.TOOL,
    search_conversations.TOOL,
):
    registry.register(_tool)
