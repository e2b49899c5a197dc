//! The whole program over real sockets on the embedded API server, one module per subject.
mod bad_input;
mod changes;
mod client;
mod command;
mod demo;
mod events;
mod faults;
mod hostile;
mod kubectl;
mod manifests;
mod pages;
mod proxying;
mod replicas;
mod settings;
mod shutdown;
mod source;
mod statuses;
