//! All actor messages, one file per topic. No behaviour. `actors.md` is the contract: change both in one commit.
pub mod debug;
pub mod facts;
pub mod plan;
pub mod reports;
pub mod server;
pub mod watch;
