"""The same program as a superior: what subordinates send up to us, and what we send down to them.

A subordinate writes with a key of its own organisation through `api.py`; `intake.py`
answers each message and lets the stage that owns the record take it (`TAKERS` in
`minping/chain.py`); `down.py` keeps what goes the other way.  A row that came from below
carries its `origin`, is worked on below and goes on to our own superior unchanged.
"""
