//! All that touches NATS: connection, topology, intake, publishing, dead letters.
