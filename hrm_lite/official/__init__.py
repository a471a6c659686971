"""Published HRM and TRM weights into this model.

The published state dicts carry the names of the code that wrote them (and of what wrapped it); `from_official`
translates the names and checks every shape, `load_published` takes a whole folder. Files are read without executing
anything in them.
"""

from .arch import config_from_official, read_arch
from .files import read_official
from .folders import load_published
from .names import translate
from .weights import from_official

__all__ = ["config_from_official", "from_official", "load_published", "read_arch", "read_official", "translate"]
