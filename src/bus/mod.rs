//! All that touches NATS: connection, topology, intake, publishing, dead letters.
//!
//! Knows no Vietnamese: it moves bytes and headers, and the measured habits of JetStream and its
//! client stand here and nowhere else.
//!
//! - [`connect`]: one connection, all ways to prove who we are;
//! - `route`: which server of a cluster;
//! - [`names`]: subjects and names of streams;
//! - [`topology`]: creates what is missing, reports what differs;
//! - [`intake`]: a permit, then a message;
//! - [`delivery`]: a message that waits for its acknowledgement;
//! - [`publish`]: a message stored once, for ever;
//! - [`headers`]: CloudEvents and trace context;
//! - [`inspect`]: looks at all of it and changes nothing;
//! - [`client`]: submitting reports and watching what comes out;
//! - [`dead`]: dead letters, and handing them in again;
//! - [`given_up`]: messages that the server does not deliver any more;
//! - [`documents`]: what is too large for a message;
//! - [`sweep`]: documents that nobody needs any more.

pub mod client;
pub mod connect;
pub mod dead;
pub mod delivery;
pub mod documents;
pub mod error;
pub mod given_up;
pub mod headers;
pub mod inspect;
pub mod intake;
pub mod names;
pub mod publish;
mod route;
pub mod sweep;
pub mod topology;

pub use client::{Event, submit, watch};
pub use connect::{Connection, connect};
pub use delivery::{Delivery, Meta};
pub use documents::{Documents, Reference};
pub use error::{Error, ErrorKind};
pub use names::{Names, Unit};
pub use publish::{Outgoing, Outlet, Published};
