//! Load balancers as the API shows them, with who uses them.
use super::bodies::{BalancerBody, ServiceBody, ServiceKind, ServiceObservability, StatusWord, UP};
use super::names::Names;
use super::routers::Shown;
use super::{Entry, KUBERNETES, serves};
use crate::model::plan::Balancer;
use std::collections::BTreeMap;

/// Who uses one load balancer.
#[derive(Clone, Debug, Default)]
struct Users {
    /// Names of routers.
    names: Vec<String>,
    /// How many of them serve.
    serving: usize,
}

/// All load balancers of the plan.
pub fn of<'p>(names: &Names<'p>, routers: &[Shown<'p>]) -> Vec<Entry<ServiceBody<'p>>> {
    let mut users = vec![Users::default(); names.balancers.len()];
    for router in routers {
        if let Some(users) = router.balancer.and_then(|at| users.get_mut(at)) {
            users.names.push(router.entry.name.clone());
            users.serving += usize::from(serves(router.entry.body.status.0));
        }
    }
    let named = names.balancers.iter().zip(users);
    named.map(|((balancer, name), users)| entry(balancer, name, users)).collect()
}

fn entry<'p>(balancer: &'p Balancer, name: &str, mut users: Users) -> Entry<ServiceBody<'p>> {
    users.names.sort_unstable();
    // Only a service that serves is built, and only a built one knows its servers (spec/http.md 2.1).
    let up: BTreeMap<&str, &'static str> = match users.serving {
        0 => BTreeMap::new(),
        _ => balancer.servers.iter().map(|server| (&*server.url, UP)).collect(),
    };
    let body = ServiceBody {
        load_balancer: Some(BalancerBody::of(balancer)),
        middlewares: balancer.options.middlewares.iter().map(|name| &**name).collect(),
        observability: Some(ServiceObservability::of(&balancer.origin)),
        status: StatusWord::ENABLED,
        used_by: users.names,
        server_status: up,
        kind: ServiceKind::LoadBalancer,
    };
    Entry { name: format!("{name}@{KUBERNETES}"), provider: KUBERNETES, body }
}
