use proptest::prelude::*;

use super::table::{Kind, Support};
use super::*;
use crate::base::{LogColor, LogFormat, LogLevel, Redacted};
use std::num::NonZeroU64;

fn args(args: &[&str]) -> Result<Command, Report> {
    from_args(args.iter().map(|arg| (*arg).to_owned()))
}

fn config(given: &[&str]) -> Config {
    match args(given) {
        Ok(Command::Run(config)) => config,
        other => panic!("{given:?}: {other:?}"),
    }
}

fn mistakes(given: &[&str]) -> Vec<String> {
    args(given).unwrap_err().mistakes().iter().map(ToString::to_string).collect()
}

fn networks(written: &[&str]) -> Networks {
    Networks::parse(written.iter().map(|text| (*text).to_owned()).collect()).0
}

fn names(config: &Config) -> Vec<(&str, &str)> {
    config.entry_points.iter().map(|entry_point| (&*entry_point.name, entry_point.address.as_str())).collect()
}

#[test]
fn without_arguments_everything_has_its_default() {
    let config = config(&[]);
    let want = Config {
        entry_points: vec![EntryPoint {
            name: "http".into(),
            address: ":80".parse().unwrap(),
            as_default: false,
            reuse_port: false,
            request_accept_grace: Duration::ZERO,
            grace: Duration::from_secs(10),
            read_timeout: Some(Duration::from_secs(60)),
            write_timeout: None,
            idle_timeout: Some(Duration::from_secs(180)),
            max_header_bytes: 1_048_576,
            sanitize_path: true,
            encode_query_semicolons: false,
            tls: None,
            forwarded: Forwarded::default(),
            proxy_protocol: None,
            allow_acme_bypass: false,
            redirection: None,
            middlewares: vec![],
            encoded_characters: None,
            header_names: HeaderNames::default(),
            keep_alive: KeepAlive::default(),
            http2: Http2 {
                max_concurrent_streams: 250,
                max_decoder_header_table_size: 4096,
                max_encoder_header_table_size: 4096,
            },
            udp_timeout: Duration::from_secs(3),
            observability: None,
        }],
        ingress: None,
        standalone: None,
        leader_election: LeaderElection { lease_name: "pilotage-leader".into(), lease_namespace: None },
        api: None,
        ping: None,
        log: Log { level: LogLevel::Info, format: LogFormat::Common, color: LogColor::On },
        providers_throttle: Duration::from_secs(2),
        default_rule_syntax: RuleSyntax::V3,
        servers_transport: ServersTransport {
            insecure_skip_verify: false,
            root_cas: vec![],
            max_idle_conns_per_host: 200,
            dial_timeout: Some(Duration::from_secs(30)),
            response_header_timeout: None,
            idle_conn_timeout: Some(Duration::from_secs(90)),
            read_idle_timeout: None,
            ping_timeout: Duration::from_secs(15),
        },
        workers: config.workers,
        file: None,
        max_connections: None,
        warnings: vec![],
    };
    assert_eq!(config, want);
}

#[test]
fn the_options_of_the_conformance_runner_are_understood() {
    let config = config(&[
        "--entrypoints.web.address=127.0.0.1:18081",
        "--entrypoints.websecure.address=127.0.0.1:18082",
        "--entrypoints.traefik.address=127.0.0.1:18083",
        "--api.insecure=true",
        "--ping=true",
        "--log.level=INFO",
        "--providers.providersthrottleduration=10ms",
        "--providers.kubernetesingress=true",
        "--providers.kubernetesingress.endpoint=http://127.0.0.1:18080",
    ]);
    let want = [("traefik", "127.0.0.1:18083"), ("web", "127.0.0.1:18081"), ("websecure", "127.0.0.1:18082")];
    assert_eq!(names(&config), want);
    assert_eq!(config.ingress.unwrap().endpoint, "http://127.0.0.1:18080");
    assert_eq!(config.providers_throttle, Duration::from_millis(10));
    assert_eq!(config.log.level, LogLevel::Info);
}

#[test]
fn every_option_of_an_entry_point_arrives() {
    let config = config(&[
        "--entrypoints.Web.address=[::1]:80/tcp",
        "--entrypoints.Web.asdefault",
        "--entrypoints.Web.reuseport=true",
        "--entrypoints.Web.transport.lifecycle.requestacceptgracetimeout=5",
        "--entrypoints.Web.transport.lifecycle.gracetimeout=1m",
        "--entrypoints.Web.transport.respondingtimeouts.readtimeout=0",
        "--entrypoints.Web.transport.respondingtimeouts.writetimeout=400ms",
        "--entrypoints.Web.transport.respondingtimeouts.idletimeout=3",
        "--entrypoints.Web.http.maxheaderbytes=4096",
        "--entrypoints.Web.http.sanitizepath=false",
        "--entrypoints.Web.http.encodequerysemicolons=true",
        "--entrypoints.Web.forwardedheaders.insecure",
        "--entrypoints.Web.forwardedheaders.trustedips=127.0.0.7,10.1.2.3/8,::1",
        "--entrypoints.Web.forwardedheaders.connection=X-Seen,x-too",
        "--entrypoints.Web.forwardedheaders.notappendxforwardedfor",
        "--entrypoints.Web.proxyprotocol.insecure",
        "--entrypoints.Web.proxyprotocol.trustedips=10.0.0.1",
        "--entrypoints.Web.allowacmebypass",
        "--entrypoints.Web.http.redirections.entrypoint.to=Web",
        "--entrypoints.Web.http.redirections.entrypoint.scheme=http",
        "--entrypoints.Web.http.redirections.entrypoint.permanent=false",
        "--entrypoints.Web.http.redirections.entrypoint.priority=-7",
        "--entrypoints.Web.http.middlewares=a@file,b",
        "--entrypoints.Web.http.encodedcharacters.allowencodedslash=false",
        "--entrypoints.Web.http.encodedcharacters.allowencodedhash=false",
        "--entrypoints.Web.http.encodedcharacters.allowencodedpercent=true",
        "--entrypoints.Web.http.aliasheadersstrategy=reject",
        "--entrypoints.Web.http.underscoreheadersstrategy=reject",
        "--entrypoints.Web.transport.keepalivemaxrequests=3",
        "--entrypoints.Web.transport.keepalivemaxtime=42s",
        "--entrypoints.Web.http2.maxconcurrentstreams=7",
        "--entrypoints.Web.http2.maxdecoderheadertablesize=8",
        "--entrypoints.Web.http2.maxencoderheadertablesize=9",
        "--entrypoints.Web.udp.timeout=9",
        "--entrypoints.Web.observability.metrics=false",
        "--entrypoints.Web.observability.traceverbosity=detailed",
    ]);
    let want = EntryPoint {
        name: "Web".into(),
        address: "[::1]:80".parse().unwrap(),
        as_default: true,
        reuse_port: true,
        request_accept_grace: Duration::from_secs(5),
        grace: Duration::from_secs(60),
        read_timeout: None,
        write_timeout: Some(Duration::from_millis(400)),
        idle_timeout: Some(Duration::from_secs(3)),
        max_header_bytes: 4096,
        sanitize_path: false,
        encode_query_semicolons: true,
        tls: None,
        forwarded: Forwarded {
            insecure: true,
            trusted: networks(&["127.0.0.7/32", "10.0.0.0/8", "::1/128"]),
            connection: vec!["X-Seen".into(), "x-too".into()],
            not_append_x_forwarded_for: true,
        },
        proxy_protocol: Some(ProxyProtocol { insecure: true, trusted: networks(&["10.0.0.1"]) }),
        allow_acme_bypass: true,
        redirection: Some(Redirection {
            to: "Web".into(),
            port: 80,
            scheme: "http".into(),
            permanent: false,
            priority: -7,
        }),
        middlewares: vec!["a@file".into(), "b".into()],
        encoded_characters: Some(EncodedCharacters { denied: vec![EncodedCharacter::Slash, EncodedCharacter::Hash] }),
        header_names: HeaderNames { aliases: Some(NameStrategy::Reject), underscores: Some(NameStrategy::Reject) },
        keep_alive: KeepAlive { max_requests: NonZeroU64::new(3), max_time: Some(Duration::from_secs(42)) },
        http2: Http2 { max_concurrent_streams: 7, max_decoder_header_table_size: 8, max_encoder_header_table_size: 9 },
        udp_timeout: Duration::from_secs(9),
        observability: Some(Observability {
            access_logs: true,
            metrics: false,
            tracing: true,
            trace_verbosity: "detailed",
        }),
    };
    assert_eq!(config.entry_points, [want]);
}

#[test]
fn a_header_limit_of_zero_is_the_default() {
    let config = config(&["--entrypoints.web.address=:80", "--entrypoints.web.http.maxheaderbytes=0"]);
    assert_eq!(config.entry_points[0].max_header_bytes, 1 << 20);
}

#[test]
fn entry_points_are_made_where_traefik_makes_them() {
    struct Case {
        given: &'static [&'static str],
        want: &'static [(&'static str, &'static str)],
    }
    let cases = [
        Case { given: &["--api"], want: &[("http", ":80")] },
        Case { given: &["--api.insecure"], want: &[("http", ":80"), ("traefik", ":8080")] },
        Case { given: &["--ping"], want: &[("http", ":80"), ("traefik", ":8080")] },
        Case { given: &["--ping.manualrouting"], want: &[("http", ":80")] },
        Case { given: &["--ping.entrypoint=web", "--entrypoints.web.address=:81"], want: &[("web", ":81")] },
        Case {
            given: &["--api.insecure", "--entrypoints.traefik.address=:9"],
            want: &[("http", ":80"), ("traefik", ":9")],
        },
        Case { given: &["--entrypoints.traefik.reuseport"], want: &[("http", ":80"), ("traefik", ":8080")] },
    ];
    for Case { given, want } in cases {
        assert_eq!(names(&config(given)), want, "{given:?}");
    }
}

#[test]
fn routers_without_entry_points_get_the_marked_ones_or_all_but_traefik() {
    let web = "--entrypoints.web.address=:81";
    let alt = "--entrypoints.alt.address=:82";
    let defaults =
        |given: &[&str]| config(given).default_entry_points().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(defaults(&[web, alt, "--ping"]), ["alt", "web"]);
    assert_eq!(defaults(&[web, alt, "--entrypoints.web.asdefault"]), ["web"]);
    assert_eq!(defaults(&[web, "--entrypoints.traefik.asdefault"]), Vec::<String>::new());
}

#[test]
fn udp_entry_points_are_known_and_take_no_connections() {
    let config = config(&["--entrypoints.web.address=:53", "--entrypoints.dns.address=:53/udp"]);
    assert_eq!(names(&config), [("dns", ":53/udp"), ("web", ":53")]);
    let connected: Vec<&str> = config.connected_entry_points().map(|entry_point| &*entry_point.name).collect();
    assert_eq!((connected, config.default_entry_points()), (vec!["web"], vec!["web".into()]));
    assert!(config.warnings[0].text.contains("no UDP routers"), "{:?}", config.warnings);
}

#[test]
fn a_redirection_takes_the_port_of_the_entry_point_it_names() {
    let redirected = config(&[
        "--entrypoints.web.address=:80",
        "--entrypoints.web.http.redirections.entrypoint.to=secure",
        "--entrypoints.secure.address=127.0.0.1:8443",
    ]);
    let want = Redirection {
        to: "secure".into(),
        port: 8443,
        scheme: "https".into(),
        permanent: true,
        priority: i64::MAX - 1,
    };
    assert_eq!(redirected.entry_points[1].redirection, Some(want));
}

#[test]
fn middlewares_of_an_entry_point_are_missing_and_the_program_says_what_that_means() {
    let config = config(&["--entrypoints.web.address=:80", "--entrypoints.web.http.middlewares=auth@file"]);
    let text = config.warnings[0].to_string();
    assert!(text.contains("middlewares: this version") && text.contains("503") && text.contains("auth@file"), "{text}");
}

#[test]
fn every_option_of_the_ingress_provider_arrives() {
    let provider = |name: &str| format!("--providers.kubernetesingress.{name}");
    let given = [
        "endpoint=https://10.0.0.1:6443",
        "token=secret",
        "certauthfilepath=/ca.crt",
        "namespaces=red,blue,red",
        "labelselector=team=blue,stage!=test",
        "ingressclass=inside",
        "throttleduration=10s",
        "allowemptyservices",
        "allowexternalnameservices",
        "allowcrossnamespace",
        "crossprovidernamespaces=b,a",
        "disableingressclasslookup",
        "disableclusterscoperesources",
        "nativelbbydefault",
        "strictprefixmatching",
        "disablepasshostheaders",
        "ingressendpoint.ip=1.2.3.4",
    ]
    .map(provider);
    let config = config(&given.each_ref().map(String::as_str));
    let want = IngressProvider {
        endpoint: "https://10.0.0.1:6443".to_owned(),
        token: Redacted::new("secret".to_owned()),
        cert_auth_file: Some("/ca.crt".into()),
        namespaces: vec!["blue".into(), "red".into()],
        label_selector: "team=blue,stage!=test".to_owned(),
        ingress_class: "inside".to_owned(),
        throttle: Duration::from_secs(10),
        allow_empty_services: true,
        allow_external_name_services: true,
        allow_cross_namespace: true,
        cross_provider_namespaces: CrossProvider::Only(vec!["a".into(), "b".into()]),
        disable_ingress_class_lookup: true,
        disable_cluster_scope: true,
        native_lb_by_default: true,
        strict_prefix_matching: true,
        disable_pass_host_headers: true,
        publish: Publish::Fixed { ip: "1.2.3.4".into(), hostname: "".into() },
    };
    assert!(!format!("{config:?}").contains("secret"));
    assert_eq!(config.ingress, Some(want));
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
}

#[test]
fn what_statuses_say_is_chosen_by_one_option() {
    let endpoint = "--providers.kubernetesingress.ingressendpoint";
    let published = |args: &[String]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        config(&args).ingress.unwrap().publish
    };
    let name = format!("{endpoint}.hostname=www.example.com");
    let both = [format!("{endpoint}.ip=fd00::1"), name.clone()];
    assert_eq!(published(&both), Publish::Fixed { ip: "fd00::1".into(), hostname: "www.example.com".into() });
    let service = Publish::Service { namespace: "kube-system".into(), name: "proxy".into() };
    assert_eq!(published(&[name, format!("{endpoint}.publishedservice=kube-system/proxy")]), service);
    let nodes = "--providers.kubernetesingress.reportnodeinternalips".to_owned();
    assert_eq!(published(&[nodes]), Publish::NodeInternalIps);
    assert_eq!(published(&["--providers.kubernetesingress".to_owned()]), Publish::Nothing);
    let empty = config(&["--providers.kubernetesingress.ingressendpoint.ip="]);
    assert_eq!((empty.ingress.unwrap().publish, empty.warnings.len()), (Publish::Nothing, 1));
}

#[test]
fn the_lease_has_a_name_and_a_namespace() {
    let given = config(&["--leaderelection.leasename=blue", "--leaderelection.leasenamespace=proxies"]).leader_election;
    assert_eq!(given, LeaderElection { lease_name: "blue".into(), lease_namespace: Some("proxies".into()) });
}

#[test]
fn the_bare_provider_has_its_defaults() {
    let provider = config(&["--providers.kubernetesingress"]).ingress.unwrap();
    assert_eq!((provider.endpoint.as_str(), provider.namespaces.len(), provider.throttle), ("", 0, Duration::ZERO));
    assert_eq!(provider.cross_provider_namespaces, CrossProvider::Any);
    assert!(config(&["--providers.kubernetesingress=false"]).ingress.is_none());
}

#[test]
fn an_empty_list_of_namespaces_on_the_command_line_restricts_nothing() {
    let config = config(&["--providers.kubernetesingress.crossprovidernamespaces="]);
    let allowed = config.ingress.unwrap().cross_provider_namespaces;
    assert_eq!(allowed, CrossProvider::Any);
    assert!(allowed.allows("any"));
    assert!(!CrossProvider::Only(vec!["a".into()]).allows("b"));
    assert!(!CrossProvider::Only(vec![]).allows("b"));
}

#[test]
fn an_indexed_namespace_restricts_like_any_other() {
    let config = config(&["--providers.kubernetesingress.namespaces[0]=x"]);
    assert_eq!(config.ingress.unwrap().namespaces, ["x".into()]);
}

#[test]
fn standalone_enables_the_provider_by_itself_unless_it_is_switched_off() {
    let with = config(&["--standalone.manifests=/m", "--standalone.listen=127.0.0.1:8001", "--standalone.demo"]);
    assert_eq!(with.ingress.unwrap().endpoint, "");
    let want =
        Standalone { manifests: Some("/m".into()), listen: Some("127.0.0.1:8001".parse().unwrap()), demo: Demo::On };
    assert_eq!(with.standalone, Some(want));
    let bare = config(&["--standalone", "--providers.kubernetesingress=false"]);
    assert_eq!(bare.standalone, Some(Standalone { manifests: None, listen: None, demo: Demo::Off }));
    assert_eq!(bare.ingress, None);
}

#[test]
fn options_of_api_ping_log_and_backends_arrive() {
    let config = config(&[
        "--api.dashboard=false",
        "--api.debug",
        "--api.basepath=/a/b",
        "--api.disabledashboardad",
        "--api.dashboardname=n",
        "--ping.terminatingstatuscode=204",
        "--log.level",
        "debug",
        "--log.format=JSON",
        "--log.nocolor",
        "--core.defaultrulesyntax=v2",
        "--serverstransport.insecureskipverify",
        "--serverstransport.rootcas=/ca.crt,-----BEGIN CERTIFICATE-----",
        "--serverstransport.maxidleconnsperhost=-1",
        "--serverstransport.forwardingtimeouts.dialtimeout=0",
        "--serverstransport.forwardingtimeouts.responseheadertimeout=300ms",
        "--serverstransport.forwardingtimeouts.idleconntimeout=1",
        "--serverstransport.forwardingtimeouts.readidletimeout=700ms",
        "--serverstransport.forwardingtimeouts.pingtimeout=4",
        "--workers=3",
        "--maxconnections=7",
    ]);
    let api = Api {
        insecure: false,
        dashboard: false,
        debug: true,
        base_path: "/a/b".to_owned(),
        disable_dashboard_ad: true,
        dashboard_name: "n".to_owned(),
    };
    assert_eq!(config.api, Some(api));
    assert_eq!(config.ping.unwrap().terminating_status, StatusCode::NO_CONTENT);
    assert_eq!(config.log, Log { level: LogLevel::Debug, format: LogFormat::Json, color: LogColor::Off });
    assert_eq!(config.default_rule_syntax, RuleSyntax::V2);
    let transport = ServersTransport {
        insecure_skip_verify: true,
        root_cas: vec![CaSource::File("/ca.crt".into()), CaSource::Pem("-----BEGIN CERTIFICATE-----".to_owned())],
        max_idle_conns_per_host: 0,
        dial_timeout: None,
        response_header_timeout: Some(Duration::from_millis(300)),
        idle_conn_timeout: Some(Duration::from_secs(1)),
        read_idle_timeout: Some(Duration::from_millis(700)),
        ping_timeout: Duration::from_secs(4),
    };
    assert_eq!(config.servers_transport, transport);
    assert_eq!((config.workers.get(), config.max_connections.map(NonZeroUsize::get)), (3, Some(7)));
}

#[test]
fn zero_idle_connections_per_host_are_two_as_in_go() {
    assert_eq!(config(&["--serverstransport.maxidleconnsperhost=0"]).servers_transport.max_idle_conns_per_host, 2);
}

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

#[test]
fn help_and_version_are_commands() {
    assert!(matches!(args(&["--help"]), Ok(Command::Help(text)) if text.contains("--entryPoints.<name>.address")));
    assert_eq!(args(&["version"]), Ok(Command::Version));
}

/// An option marked as working that nobody reads would be an option ignored in silence.
#[test]
fn every_working_option_is_read_by_the_check() {
    let redirected = "--entrypoints.web.http.redirections.entrypoint.to=:2";
    let web = "--entrypoints.web.address=:1";
    config(&["--standalone", "--providers.kubernetesingress", web, redirected, "--ping", "--api"]);
    let asked = settings::tests::asked_so_far();
    let unread: Vec<&str> = table::rows()
        .filter(|row| row.support == Support::Works && !asked.contains(row.path))
        .map(|row| row.path)
        .collect();
    assert_eq!(unread, Vec::<&str>::new());
}

fn any_argument() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = table::rows().map(|row| row.path).collect();
    let known = proptest::sample::select(names);
    let key = prop_oneof![Just("web".to_owned()), Just("traefik".to_owned()), "\\PC{0,4}"];
    let value = prop_oneof![
        Just(String::new()),
        Just("=true".to_owned()),
        "=[-:/0-9a-z.,\\[\\]]{0,12}",
        "=\\PC{0,8}",
        "\\[[0-9]{1,22}\\]=[a-z]{0,3}",
    ];
    let option =
        (known, key, value).prop_map(|(name, key, value)| format!("--{}{value}", name.replace(table::MAP_KEY, &key)));
    prop_oneof![8 => option, 1 => "\\PC{0,20}", 1 => "-{0,3}[a-z.=\\[\\]]{0,20}"]
}

fn any_variable() -> impl Strategy<Value = (String, String)> {
    // The one option that would open a file.
    let names: Vec<&'static str> = table::rows().map(|row| row.path).filter(|path| *path != "configFile").collect();
    let known =
        (proptest::sample::select(names), "[a-zA-Z0-9_]{1,4}", "(_[0-9]{1,22})?").prop_map(|(name, key, index)| {
            let filled = name.replace(table::MAP_KEY, &key).replace(table::ITEM, "_0").replace('.', "_");
            format!("{}{index}", filled.to_uppercase())
        });
    let rest = prop_oneof![6 => known, 1 => "(SERVICE_)?(HOST|PORT)(_[0-9]{0,2}_TCP)?", 1 => "\\PC{0,8}"];
    let value = prop_oneof!["[-:/0-9a-z.,]{0,12}", Just("true".to_owned()), "\\PC{0,8}"];
    (prop_oneof![Just("TRAEFIK_"), Just("PILOTAGE_"), Just("")], rest, value)
        .prop_filter("would open a file", |(_, rest, _)| !rest.eq_ignore_ascii_case("configfile"))
        .prop_map(|(prefix, rest, value)| (format!("{prefix}{rest}"), value))
}

proptest! {
    #[test]
    fn any_arguments_are_read_without_a_panic(given in proptest::collection::vec(any_argument(), 0..8)) {
        match from_args(given) {
            Ok(Command::Run(config)) => prop_assert!(!config.entry_points.is_empty()),
            Ok(_) => {}
            Err(report) => prop_assert!(!report.to_string().is_empty()),
        }
    }

    #[test]
    fn any_environment_is_read_without_a_panic(given in proptest::collection::vec(any_variable(), 0..6)) {
        let variables: Vec<(OsString, OsString)> =
            given.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        for args in [vec![], vec!["print-config".to_owned()]] {
            match sources::read(args, &variables, sources::Search::Nowhere) {
                Ok(Command::Run(config)) => prop_assert!(!config.entry_points.is_empty()),
                Ok(Command::PrintConfig(text)) => prop_assert!(text.contains("entryPoints.")),
                Ok(_) => prop_assert!(false, "nobody asked for that"),
                Err(report) => prop_assert!(!report.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn a_valid_value_of_any_working_option_is_never_called_unknown(at in 0usize..1000) {
        let rows: Vec<_> = table::rows().filter(|row| row.support == Support::Works).collect();
        let row = rows[at % rows.len()];
        let value = match row.kind {
            Kind::Address => ":8081",
            _ if row.default.is_empty() => "1",
            _ => row.default,
        };
        let given = format!("--{}={value}", row.path.replace(table::MAP_KEY, "web").to_uppercase().replace("WEB", "web"));
        if let Err(report) = from_args([given]) {
            let text = report.to_string();
            prop_assert!(!text.contains("unknown") && !text.contains("not support"), "{text}");
        }
    }
}
