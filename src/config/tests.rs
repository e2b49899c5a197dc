use super::table::Support;
use super::*;
use crate::base::{LogColor, LogFormat, LogLevel, Redacted};
use std::num::NonZeroU64;

mod mistakes;
mod properties;

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
