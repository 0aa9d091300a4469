# Home Assistant makes `voluptuous` an alias of `probatio`.
from probatio import *
