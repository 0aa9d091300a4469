# Home Assistant 2026.11 makes `httpx` an alias of `httpx2`.
from httpx2 import *
