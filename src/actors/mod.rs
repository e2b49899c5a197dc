//! The actors: thin shells around pure state, tied together here and nowhere else.
//!
//! Messages flow down only: watch pumps → kind actors → throttler → compiler → proxy listener → status writer and event
//! recorder; everybody shows itself to `debug`. `actors.md` is the contract, a test compares it with these files. Actors hold `Recipient<M>`, never another
//! actor's address; only [`start`] knows concrete types.
pub mod api_server;
pub mod compiler;
pub mod debug;
pub mod event_recorder;
pub mod kind;
pub mod lease;
pub mod proxy_listener;
pub mod pulse;
pub mod pumps;
pub mod service;
pub mod shell;
pub mod status_writer;
pub mod tell;
pub mod throttler;
pub mod writing;

pub mod ingress;
pub mod ingress_class;
pub mod node;
pub mod secret;

mod wiring;
pub use wiring::{ControlPlane, Setup, Statuses, Watch, Watches, start};
