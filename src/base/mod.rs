//! What every other module may use and what uses none of them: time, backoff, secrets, the drain signal, the bridge
//! between tokio's and hyper's sockets, how loud the log is, how many files may be open, and
//! one copy of texts that many objects share.
//!
//! Imports std and tokio only; [`io`] alone names hyper's types, [`files`] asks the operating system. Nothing here knows Kubernetes or HTTP.
pub mod backoff;
pub mod clock;
pub mod drain;
pub mod files;
pub mod intern;
pub mod io;
pub mod log;
pub mod redacted;

pub use backoff::{Backoff, BackoffPolicy};
pub use clock::{Clock, ManualClock, SystemClock};
pub use drain::{Drain, DrainPhase, DrainTrigger};
pub use log::{Log, LogColor, LogFormat, LogLevel};
pub use redacted::{Redacted, Wipe};
