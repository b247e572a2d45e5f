import sys
from pathlib import Path

# Where the newsletter app is. In a project of yours it is beside manage.py, and this module is empty.
sys.path.append(str(Path(__file__).resolve().parents[2] / "crontab"))
