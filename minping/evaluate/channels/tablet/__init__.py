"""The tablet on a window's counter: shows each service that ended there, and keeps a press while the line is down."""
