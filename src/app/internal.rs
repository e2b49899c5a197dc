//! The program's own endpoints on its entry points: ties `api/` to the published table and to the debug actor.
//!
//! Made before both exist (the sockets must know whom to ask), so the two are handed in later.
use crate::api::{
    Api, ApiOptions, Ask, DashboardAd, DebugAnswers, EntryPoint, Exposure, Ping, PingRouting, PlanSource, PlanView,
};
use crate::base::clock::Clock;
use crate::base::drain::Drain;
use crate::config::Config;
use crate::messages::debug::{GetFindings, GetObservations};
use crate::proxy::{InternalAnswer, InternalRequest, InternalService, Publisher, table::EntryPointId};
use actix::Recipient;
use std::sync::{Arc, OnceLock};
