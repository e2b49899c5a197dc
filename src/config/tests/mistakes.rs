//! What is wrong is told: where it was made, all at once, and no secret with it.
use super::*;

#[test]
fn each_mistake_is_reported_where_it_was_made() {
    struct Case {
        given: &'static [&'static str],
        want: &'static str,
    }
    const ENDPOINT: &str = "--providers.kubernetesingress.endpoint=http://x:1";
    let cases = [
        Case {
            given: &["--entrypoints.web.asdefault"],
            want: "argument 1: --entrypoints.web.asdefault: entry point `web` has no address; \
                   add --entryPoints.web.address=:PORT",
        },
        Case {
            given: &["--entrypoints.web.address=80"],
            want: "argument 1: --entrypoints.web.address: `80`: expected `[host]:port` with a port number, \
                   such as `:80` or `127.0.0.1:8080`",
        },
        Case {
            given: &["--entrypoints.web.address=:80/sctp"],
            want: "argument 1: --entrypoints.web.address: `:80/sctp`: invalid protocol `sctp`, expected tcp or udp",
        },
        Case {
            given: &["--entrypoints.u.address=:53/udp", "--ping.entrypoint=u"],
            want: "argument 2: --ping.entrypoint: entry point `u` does not exist; there are: ",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.proxyprotocol=true"],
            want: "argument 2: --entrypoints.web.proxyprotocol: no trusted IPs provided; add proxyProtocol.trustedIPs \
                   with the addresses of your load balancer",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.proxyprotocol.trustedips=me"],
            want: "argument 2: --entrypoints.web.proxyprotocol.trustedips: `me` is neither an IP address nor a network",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.forwardedheaders.connection=X Y"],
            want: "argument 2: --entrypoints.web.forwardedheaders.connection: `X Y` cannot be the name of a header",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.http.redirections.entrypoint.to=secure"],
            want: "argument 2: --entrypoints.web.http.redirections.entrypoint.to: `secure` is neither an entry point \
                   nor `:port`, such as `:443`; there are: web",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.http.redirections.entrypoint.to=:0"],
            want: "argument 2: --entrypoints.web.http.redirections.entrypoint.to: `:0` is neither an entry point nor \
                   `:port`, such as `:443`; there are: web",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.http.redirections.entrypoint.permanent=true"],
            want: "argument 2: --entrypoints.web.http.redirections.entrypoint.permanent: the entry point or the port is \
                   missing; add entryPoints.<name>.http.redirections.entryPoint.to, for example `:443`",
        },
        Case {
            given: &[
                "--entrypoints.web.address=:80",
                "--entrypoints.web.http.redirections.entrypoint.to=:443",
                "--entrypoints.web.http.redirections.entrypoint.scheme=ht tp",
            ],
            want: "argument 3: --entrypoints.web.http.redirections.entrypoint.scheme: `ht tp` is no scheme, such as \
                   `https`",
        },
        Case {
            given: &[
                "--entrypoints.web.address=:80",
                "--entrypoints.web.http.aliasheadersstrategy=delete",
                "--entrypoints.web.http.underscoreheadersstrategy=keep",
            ],
            want: "argument 3: --entrypoints.web.http.underscoreheadersstrategy: contradicts aliasHeadersStrategy: \
                   remove one of them",
        },
        Case {
            given: &["--entrypoints.b.address=:80", "--entrypoints.a.address=0.0.0.0:80"],
            want: "argument 1: --entrypoints.b.address: entry points `a` and `b` both listen on :80",
        },
        Case {
            given: &["--ping", "--entrypoints.a.address=:8080"],
            want: "argument 2: --entrypoints.a.address: entry points `a` and `traefik` both listen on :8080",
        },
        Case {
            given: &["--entrypoints.web.address=:80", "--entrypoints.web.forwardedheaders.trustedips=10.0.0.0/33"],
            want: "argument 2: --entrypoints.web.forwardedheaders.trustedips: `10.0.0.0/33` is neither an IP address nor \
                   a network",
        },
        Case {
            given: &["--ping.entrypoint=nope"],
            want: "argument 1: --ping.entrypoint: entry point `nope` does not exist; there are: http",
        },
        Case {
            given: &["--api.basepath=x"],
            want: "argument 1: --api.basepath: `x` is not a valid absolute URL path, such as `/` or `/admin`",
        },
        Case {
            given: &["--providers.kubernetesingress.labelselector=A and not B"],
            want: "argument 1: --providers.kubernetesingress.labelselector: label selector `A and not B` is not valid: \
                   found `and`, expected `=`, `==`, `!=`, `in`, `notin`, `<`, `>`, `,` or the end",
        },
        Case {
            given: &["--providers.kubernetesingress.namespaces=Default"],
            want: "argument 1: --providers.kubernetesingress.namespaces: `Default` cannot be the name of a namespace",
        },
        Case {
            given: &["--providers.kubernetesingress.endpoint=10.0.0.1:6443"],
            want: "argument 1: --providers.kubernetesingress.endpoint: `10.0.0.1:6443` is not an http or https URL, \
                   such as `https://10.0.0.1:6443`",
        },
        Case {
            given: &["--standalone.demo", ENDPOINT],
            want: "argument 2: --providers.kubernetesingress.endpoint: contradicts standalone: the embedded API server \
                   takes the place of the cluster; remove one of them",
        },
        Case {
            given: &["--standalone.listen=:8001"],
            want: "argument 1: --standalone.listen: `:8001` is not `ip:port`, such as `127.0.0.1:8001`; beware, there is \
                   no login",
        },
        Case {
            given: &[
                "--providers.kubernetesingress.reportnodeinternalips",
                "--providers.kubernetesingress.ingressendpoint.ip=1.2.3.4",
            ],
            want: "argument 1: --providers.kubernetesingress.reportnodeinternalips: contradicts ingressEndpoint: \
                   remove one of them",
        },
        Case {
            given: &[
                "--providers.kubernetesingress.disableclusterscoperesources",
                "--providers.kubernetesingress.reportnodeinternalips",
            ],
            want: "argument 2: --providers.kubernetesingress.reportnodeinternalips: contradicts \
                   disableClusterScopeResources: remove one of them",
        },
        Case {
            given: &["--providers.kubernetesingress.ingressendpoint.ip=www.example.com"],
            want: "argument 1: --providers.kubernetesingress.ingressendpoint.ip: `www.example.com` is not an IP address; \
                   a name belongs into hostname",
        },
        Case {
            given: &["--providers.kubernetesingress.ingressendpoint.hostname=1.2.3.4"],
            want: "argument 1: --providers.kubernetesingress.ingressendpoint.hostname: `1.2.3.4` is not a host name in \
                   lower case, such as `www.example.com`",
        },
        Case {
            given: &["--providers.kubernetesingress.ingressendpoint.publishedservice=proxy"],
            want: "argument 1: --providers.kubernetesingress.ingressendpoint.publishedservice: `proxy` is not \
                   `namespace/name`, such as `kube-system/proxy`",
        },
        Case {
            given: &[
                "--providers.kubernetesingress.ingressendpoint.publishedservice=a/proxy",
                "--providers.kubernetesingress.namespaces=b",
            ],
            want: "argument 1: --providers.kubernetesingress.ingressendpoint.publishedservice: namespace `a` is not \
                   watched; add it to namespaces",
        },
        Case {
            given: &["--leaderelection.leasename=A_b"],
            want: "argument 1: --leaderelection.leasename: `A_b` cannot be the name of a Lease, such as `pilotage-leader`",
        },
        Case {
            given: &["--leaderelection.leasenamespace=a.b"],
            want: "argument 1: --leaderelection.leasenamespace: `a.b` cannot be the name of a namespace",
        },
        Case { given: &["--workers=0"], want: "argument 1: --workers: `0` is not a whole number from 1 to 1024" },
        Case {
            given: &["--core.defaultrulesyntax=v4"],
            want: "argument 1: --core.defaultrulesyntax: `v4` is not one of v3, v2",
        },
    ];
    for Case { given, want } in cases {
        assert_eq!(mistakes(given), [want], "{given:?}");
    }
}

#[test]
fn all_mistakes_come_at_once_and_a_bad_value_is_not_missed_a_second_time() {
    let found =
        mistakes(&["--nope", "--entrypoints.web.address=x", "--ping.entrypoint=web", "--accesslog", "--workers=x"]);
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_secret_is_not_in_any_mistake() {
    let [typo, token] = ["--providers.kubernetesingress.tokn", "--providers.kubernetesingress.token"];
    let joined = format!("{typo}=hunter2");
    let empty = format!("{token}=");
    let report = args(&[&joined, typo, "hunter2", &empty, "hunter2"]).unwrap_err();
    assert_eq!(report.mistakes().len(), 3);
    assert!(!report.to_string().contains("hunter2"));
}
