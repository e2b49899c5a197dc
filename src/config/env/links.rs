//! Variables that Kubernetes puts into every pod for each Service of its namespace ("service links"). A Service called
//! `traefik` makes `TRAEFIK_SERVICE_HOST`, `TRAEFIK_PORT`, `TRAEFIK_PORT_80_TCP_ADDR`; one called `traefik-metrics` makes
//! `TRAEFIK_METRICS_PORT` and so on. They look like mistyped options and nobody wrote them, so they are told by their shape:
//! <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.

/// Whether a variable is one, by its name after our prefix and by its value. No option has such a name; a `…_PORT` that
/// somebody made up (`PILOTAGE_PORT=8080`) has no URL for a value and stays a mistake.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_url = || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    if ends_with_word(name, "SERVICE_HOST") {
        return true;
    }
    if ends_with_word(name, "PORT") && is_url() {
        return true;
    }
    if let Some(port_name) = after_word(name, "SERVICE_PORT") {
        return (port_name.is_empty() || port_name.starts_with('_')) && is_number(value);
    }
    let Some((number, rest)) = after_word(name, "PORT_").and_then(|rest| rest.split_once('_')) else { return false };
    let (protocol, part) = rest.split_once('_').unwrap_or((rest, ""));
    is_number(number) && matches!(protocol, "TCP" | "UDP" | "SCTP") && matches!(part, "" | "PROTO" | "PORT" | "ADDR")
}

fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

/// What follows the last `word` that begins the name or follows a `_`.
fn after_word<'a>(name: &'a str, word: &str) -> Option<&'a str> {
    let starts = name.rmatch_indices(word).map(|(at, _)| at);
    let start =
        starts.into_iter().find(|at| *at == 0 || name.get(..*at).is_some_and(|before| before.ends_with('_')))?;
    name.get(start + word.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_makes_of_a_service_is_known_by_its_shape() {
        let links = [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "80"),
            ("SERVICE_PORT_WEB", "80"),
            ("SERVICE_PORT_WEB_SECURE", "443"),
            ("PORT", "tcp://10.0.0.1:80"),
            ("PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("PORT_80_TCP_PROTO", "tcp"),
            ("PORT_80_TCP_PORT", "80"),
            ("PORT_80_TCP_ADDR", "10.0.0.1"),
            ("PORT_53_UDP_ADDR", "fd00::1"),
            ("METRICS_SERVICE_HOST", "10.0.0.1"),
            ("METRICS_PORT", "tcp://10.0.0.1:9100"),
            ("METRICS_PORT_9100_TCP", "tcp://10.0.0.1:9100"),
            ("PORT_SERVICE_PORT_PORT", "80"),
        ];
        for (name, value) in links {
            assert!(is_service_link(name, value), "{name}");
        }
    }

    #[test]
    fn what_somebody_mistyped_is_none() {
        let others = [
            ("", ""),
            ("PORT", "8080"),
            ("ENTRYPOINTS_WEB_PORT", "8080"),
            ("SERVICE", "x"),
            ("SERVICE_PORT", "http"),
            ("SERVICE_PORTS", "80"),
            ("MYSERVICE_HOST", "10.0.0.1"),
            ("PORT_HTTP_TCP", "x"),
            ("PORT_80_QUIC", "x"),
            ("PORT_80_TCP_NAME", "x"),
            ("REPORT_80_TCP", "x"),
        ];
        for (name, value) in others {
            assert!(!is_service_link(name, value), "{name}");
        }
    }
}
