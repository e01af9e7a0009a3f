"""民评: the local edge under the provincial 好差评 platform (minan/3.1.2)."""

__version__ = "0.1.0"
