//! The whole program over real sockets on the embedded API server, one module per subject.
mod bad_input;
mod changes;
mod client;
mod command;
mod demo;
mod events;
mod faults;
mod k8s;
mod kubectl;
mod manifests;
mod outage;
mod pages;
mod proxying;
mod replicas;
mod settings;
mod source;
mod statuses;
