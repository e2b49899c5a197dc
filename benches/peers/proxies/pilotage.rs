//! Pilotage: the real program, fed by an API server as in a cluster.
use super::{IDLE_CONNECTIONS, Setup, Task};

pub(super) fn setup(task: &Task<'_>) -> Setup {
    let mut args = vec![
        format!("--entrypoints.web.address={}", task.listen),
        "--providers.kubernetesingress".to_owned(),
        format!("--providers.kubernetesingress.endpoint={}", task.cluster),
        format!("--serverstransport.maxidleconnsperhost={IDLE_CONNECTIONS}"),
        "--workers=1".to_owned(),
        "--log.level=ERROR".to_owned(),
    ];
    if task.certificate.is_some() {
        // The certificate itself comes with the Ingresses.
        args.push("--entrypoints.web.http.tls=true".to_owned());
    }
    Setup { args: args.into_iter().map(Into::into).collect(), ..Setup::default() }
}
