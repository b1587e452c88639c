"""The real server, with the scripted service in the engine's place, on a machine that is never too busy."""

import sys
from pathlib import Path

from darner.lsp import commands, work_repairs
from darner.lsp.__main__ import serve

commands.reason_to_rest = work_repairs.reason_to_rest = lambda: ""  # a test may run beside many others
serve([sys.executable, "-P", str(Path(__file__).with_name("scripted_service.py"))])
