"""Puts the model builder of these tests where they can import it."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
