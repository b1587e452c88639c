"""The real server, with the scripted service in the engine's place."""

import sys
from pathlib import Path

from darner.lsp.__main__ import serve

serve([sys.executable, "-P", str(Path(__file__).with_name("scripted_service.py"))])
