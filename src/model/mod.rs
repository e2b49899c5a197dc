//! The words of the domain: keys, facts, the patch that carries them, the plan that is compiled from them, findings.
//!
//! Everything here is plain data. Nothing knows Kubernetes types, actors, the network or a clock. Read next:
//! [`facts`] (what the kind actors learn), [`plan`] (what the data plane runs), [`rule`] (the router rule language).
pub mod facts;
pub mod finding;
pub mod keys;
pub mod patch;
pub mod plan;
pub mod rule;
pub mod status;
pub mod tls;
pub mod transport;
pub mod writing;
