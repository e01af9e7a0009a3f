"""A telephone line for 民评: speaks SIP and RTP on one side and `/api/v1/calls` on the other.

It holds no rules.  What to say, which keys may follow and whom to call come from the
contract (docs/api.md); this process speaks, listens, and loses nothing on the way.
"""
