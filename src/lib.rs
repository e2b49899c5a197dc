//! Pilotage, a Kubernetes ingress controller with its own proxy.
//!
//! Where things live, lowest layer first (`docs/architecture.md` has the picture, `tests/architecture.rs` holds the
//! imports to it): [`base`], [`telemetry`], [`config`], [`model`] | [`parse`], [`compile`], [`messages`], [`cluster`],
//! [`proxy`], [`apiserver`] | [`actors`], [`api`] | [`app`], [`demo`].
//!
//! Start with [`app::App`], then [`actors`], [`compile`] and [`proxy`].
pub mod actors;
pub mod api;
pub mod apiserver;
pub mod app;
pub mod base;
pub mod cluster;
pub mod compile;
pub mod config;
pub mod demo;
pub mod messages;
pub mod model;
pub mod parse;
pub mod proxy;
pub mod telemetry;
