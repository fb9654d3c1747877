"""A stand-in for the IB Gateway: the TWS API protocol over a socket, on top of a socket-free trading engine."""
