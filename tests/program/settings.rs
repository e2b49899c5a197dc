//! Options from all sources, with the real binary: who wins, what is refused, where a file is found, what is shown.
use crate::support::http::get;
use crate::support::world::{PATIENCE, in_system};
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A home of its own for each test: nothing of the machine's is read but `/etc`.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, with its folders.
    fn write(&self, name: &str, content: &str) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// The binary with just these arguments and variables; it works in `work` and lives in `home`.
    fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> Command {
        std::fs::create_dir_all(self.path().join("work")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
        command.args(args).env_clear().envs(variables.iter().copied());
        command.env("HOME", self.path().join("home")).current_dir(self.path().join("work"));
        command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        tokio::time::timeout(PATIENCE, self.command(args, variables).output()).await.expect("it runs on").unwrap()
    }

    /// What `print-config` shows with these arguments and variables.
    async fn effective(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let args: Vec<&str> = ["print-config"].into_iter().chain(args.iter().copied()).collect();
        let output = self.run(&args, variables).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// The report of a start that must fail.
    async fn refused(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.run(args, variables).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(output.stdout.is_empty(), "something started: {}", String::from_utf8_lossy(&output.stdout));
        text
    }
}

fn test(body: impl AsyncFnOnce(&Home)) {
    in_system(async || body(&Home::new()).await);
}

/// The line about that option.
fn line<'a>(shown: &'a str, option: &str) -> &'a str {
    let start = format!("{option}=");
    shown.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no {option} in:\n{shown}"))
}

const FILE: &str = "log: {level: WARN, format: json}\nproviders: {providersThrottleDuration: 3}\n";

#[test]
fn arguments_win_over_variables_over_the_file_over_defaults() {
    test(async |home| {
        home.write("work/t.yml", FILE);
        let shown = home.effective(&["--configfile=t.yml"], &[]).await;
        assert_eq!(line(&shown, "log.level"), "log.level=WARN  # t.yml, line 1: log.level");
        assert_eq!(line(&shown, "log.noColor"), "log.noColor=false  # default");
        assert_eq!(
            line(&shown, "providers.providersThrottleDuration"),
            "providers.providersThrottleDuration=3s  # t.yml, line 2: providers.providersThrottleDuration"
        );
        let traefik = ("TRAEFIK_LOG_LEVEL", "ERROR");
        let shown = home.effective(&["--configfile=t.yml"], &[traefik]).await;
        assert_eq!(line(&shown, "log.level"), "log.level=ERROR  # environment variable TRAEFIK_LOG_LEVEL");
        assert!(line(&shown, "log.format").starts_with("log.format=json  # t.yml"));
        let pilotage = ("PILOTAGE_LOG_LEVEL", "DEBUG");
        let shown = home.effective(&["--configfile=t.yml"], &[traefik, pilotage]).await;
        assert_eq!(line(&shown, "log.level"), "log.level=DEBUG  # environment variable PILOTAGE_LOG_LEVEL");
        let shown = home.effective(&["--log.level=TRACE", "--configfile=t.yml"], &[traefik, pilotage]).await;
        assert_eq!(line(&shown, "log.level"), "log.level=TRACE  # argument 2: --log.level");
    });
}

#[test]
fn a_list_and_an_object_are_taken_from_the_strongest_source_as_a_whole() {
    test(async |home| {
        home.write(
            "work/traefik.yml",
            "ping: {entryPoint: web}\nproviders: {kubernetesIngress: {namespaces: [a, b]}}\n",
        );
        let web = "--entrypoints.web.address=127.0.0.1:0";
        let namespaces = "providers.kubernetesIngress.namespaces";
        let shown = home.effective(&[web], &[]).await;
        assert!(line(&shown, namespaces).starts_with(&format!("{namespaces}=a,b  # ./traefik.yml")));
        assert!(line(&shown, "ping.entryPoint").starts_with("ping.entryPoint=web  # ./traefik.yml"));
        let (name, value) = ("TRAEFIK_PROVIDERS_KUBERNETESINGRESS_NAMESPACES_0", "c");
        let shown = home.effective(&[web, "--ping=false"], &[(name, value)]).await;
        assert_eq!(line(&shown, namespaces), format!("{namespaces}=c  # environment variable {name}"));
        assert!(line(&shown, "ping").starts_with("ping=false  # argument"));
        assert!(!shown.contains("ping.entryPoint"), "{shown}");
        home.write("work/traefik.yml", "ping: false\n");
        let shown = home.effective(&["--ping.terminatingstatuscode=500"], &[]).await;
        assert!(line(&shown, "ping").starts_with("ping=true"), "the argument wants it: {shown}");
        let shown = home.effective(&["--standalone.manifests=.", "--api.insecure"], &[]).await;
        assert_eq!(line(&shown, "api"), "api=true  # because of argument 3: --api.insecure");
        assert_eq!(
            line(&shown, "providers.kubernetesIngress"),
            "providers.kubernetesIngress=true  # because of standalone"
        );
    });
}

#[test]
fn a_variable_means_the_entry_point_of_the_file_whatever_its_case() {
    test(async |home| {
        home.write("work/pilotage.toml", "[entryPoints.webSecure]\naddress = '127.0.0.1:1'\n");
        let shown = home.effective(&[], &[("TRAEFIK_ENTRYPOINTS_WEBSECURE_ADDRESS", "127.0.0.1:2")]).await;
        assert!(line(&shown, "entryPoints.webSecure.address").contains("=127.0.0.1:2  # environment variable"));
        assert!(!shown.contains("entryPoints.websecure"), "{shown}");
        let shown = home.effective(&[], &[("PILOTAGE_ENTRYPOINTS_OTHER_ADDRESS", "127.0.0.1:2")]).await;
        assert!(shown.contains("entryPoints.other.address=") && shown.contains("entryPoints.webSecure.address="));
    });
}

#[test]
fn a_report_has_every_mistake_of_every_source_and_nothing_listens() {
    test(async |home| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        let file = format!(
            "entryPoints:\n  web: {{address: '{address}', adress: x}}\nlog:\n  level: LOUD\naccessLog: {{}}\n\
             http:\n  routers: {{}}\nping: {{manualRouting: [yes]}}\nlogs: {{a: 1}}\nconfigFile: other.yml\n"
        );
        home.write("work/t.yaml", &file);
        // Had anything started, it could not have listened here, and would have ended with 1.
        let variables = [
            ("TRAEFIK_LOG_LEVLE", "x"),
            ("PILOTAGE_PING", "perhaps"),
            ("TRAEFIK_API_INSECURE", ""),
            ("traefik_api_insecure", "true"),
            ("UNRELATED", "x"),
        ];
        let args = ["--configFile=t.yaml", "--log.format=xml", "--no.such.thing", "--metrics.prometheus"];
        let report = home.refused(&args, &variables).await;
        let want = [
            "  argument 2: --log.format: `xml` is not one of common, json",
            "  argument 3: --no.such.thing: unknown option, see --help",
            "  argument 4: --metrics.prometheus: option metrics is known, but this version does not support it yet; remove it",
            "  environment variable PILOTAGE_PING: `perhaps` is neither true nor false",
            "  environment variable TRAEFIK_API_INSECURE: `` is neither true nor false",
            "  environment variable TRAEFIK_LOG_LEVLE: unknown option, did you mean TRAEFIK_LOG_LEVEL?",
            "  t.yaml, line 2: entryPoints.web.adress: unknown option, did you mean entryPoints.web.address?",
            "  t.yaml, line 4: log.level: `LOUD` is not one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL, PANIC",
            "  t.yaml, line 5: accessLog: option accessLog is known, but this version does not support it yet; remove it",
            "  t.yaml, line 6: http: dynamic configuration is no static option: routes are read from Kubernetes objects; \
             put Ingress objects into the cluster or a folder (standalone.manifests)",
            "  t.yaml, line 8: ping.manualRouting: expected one value, not a list",
            "  t.yaml, line 9: logs: unknown option, did you mean log?",
            "  t.yaml, line 10: configFile: a file cannot name another file; there is one at most",
        ];
        let got: Vec<&str> = report.lines().collect();
        assert_eq!(got[1..], want);
        assert_eq!(got[0], format!("{} mistakes in the options:", want.len()));
    });
}

#[test]
fn options_of_two_spellings_in_one_source_are_a_mistake() {
    test(async |home| {
        let report = home.refused(&[], &[("TRAEFIK_LOG_LEVEL", "INFO"), ("TRAEFIK_log_LEVEL", "WARN")]).await;
        assert!(
            report.contains("TRAEFIK_log_LEVEL: says again what environment variable TRAEFIK_LOG_LEVEL says"),
            "{report}"
        );
        home.write("work/traefik.yml", "log: {level: INFO, LEVEL: WARN}\n");
        assert!(home.refused(&[], &[]).await.contains("log.LEVEL: says again what line 1 says as `level`"));
        home.write("work/traefik.yml", "log: {level: INFO}\nLog: {format: json}\n");
        assert!(home.refused(&[], &[]).await.contains("line 2: Log: says again what line 1 says as `log`"));
    });
}

#[test]
fn a_file_is_found_in_the_usual_places_best_first() {
    test(async |home| {
        let config = home.path().join("xdg");
        let variables = [("XDG_CONFIG_HOME", config.to_str().unwrap())];
        let places = [
            "work/traefik.yml",
            "work/traefik.yaml",
            "work/traefik.toml",
            "work/pilotage.yml",
            "home/.config/traefik.yml",
            "home/.config/pilotage.toml",
            "xdg/traefik.yaml",
            "xdg/pilotage.yaml",
        ];
        for (earlier, place) in places.into_iter().enumerate() {
            let code = 200 + earlier;
            let content = match place.ends_with(".toml") {
                true => format!("[ping]\nterminatingStatusCode = {code}\n"),
                false => format!("ping: {{terminatingStatusCode: {code}}}\n"),
            };
            home.write(place, &content);
            let shown = home.effective(&[], &variables).await;
            assert!(line(&shown, "ping.terminatingStatusCode").contains(&format!("={code}  #")), "{place}: {shown}");
            assert_eq!(shown.matches("is not read, because there is").count(), earlier, "{place}: {shown}");
        }
        let shown = home.effective(&["--configfile=traefik.toml"], &variables).await;
        assert!(
            line(&shown, "ping.terminatingStatusCode").contains("=202  #"),
            "a named file is not searched for: {shown}"
        );
        let shown = home.effective(&[], &[("TRAEFIK_CONFIGFILE", "traefik.yaml")]).await;
        assert!(line(&shown, "ping.terminatingStatusCode").contains("=201  #"), "{shown}");
    });
}

#[test]
fn a_named_file_that_is_not_there_is_a_mistake() {
    test(async |home| {
        home.write("work/traefik.yml", "ping: {}\n");
        let report = home.refused(&["--configFile=none.yml"], &[]).await;
        assert!(report.contains("argument 1: --configFile: configuration file none.yml cannot be read: "), "{report}");
        let report = home.refused(&[], &[("PILOTAGE_CONFIGFILE", "none.yml")]).await;
        assert!(report.contains("environment variable PILOTAGE_CONFIGFILE: configuration file none.yml"), "{report}");
    });
}

#[test]
fn secrets_are_in_no_output() {
    test(async |home| {
        let file =
            "providers:\n  kubernetesIngress:\n    token: hunter2\n    endpoint: https://u:hunter2@127.0.0.1:1\n";
        home.write("work/traefik.yml", file);
        let shown = home.effective(&[], &[]).await;
        assert!(line(&shown, "providers.kubernetesIngress.token").contains("=<hidden>  # ./traefik.yml, line 3"));
        assert!(line(&shown, "providers.kubernetesIngress.endpoint").contains("=https://<hidden>@127.0.0.1:1  #"));
        assert!(!shown.contains("hunter2"), "{shown}");
        let token = ("TRAEFIK_PROVIDERS_KUBERNETESINGRESS_TOKEN", "hunter2");
        assert!(!home.effective(&[], &[token]).await.contains("hunter2"));
        home.write("work/traefik.yml", "providers:\n  kubernetesIngress:\n    tokn: hunter2\n   token: hunter2\n");
        let typo = ("TRAEFIK_PROVIDERS_KUBERNETESINGRESS_TOKN", "hunter2");
        let report = home.refused(&["print-config"], &[typo]).await;
        assert!(!report.contains("hunter2") && report.lines().count() >= 3, "{report}");
    });
}

/// A Service called `traefik` or `pilotage` puts such variables into every pod of its namespace.
#[test]
fn variables_of_service_links_do_not_break_the_start() {
    test(async |home| {
        let links = [
            ("PILOTAGE_SERVICE_HOST", "10.96.0.7"),
            ("PILOTAGE_SERVICE_PORT", "80"),
            ("PILOTAGE_SERVICE_PORT_WEB", "80"),
            ("PILOTAGE_PORT", "tcp://10.96.0.7:80"),
            ("PILOTAGE_PORT_80_TCP", "tcp://10.96.0.7:80"),
            ("PILOTAGE_PORT_80_TCP_PROTO", "tcp"),
            ("PILOTAGE_PORT_80_TCP_PORT", "80"),
            ("PILOTAGE_PORT_80_TCP_ADDR", "10.96.0.7"),
            ("TRAEFIK_METRICS_SERVICE_HOST", "10.96.0.8"),
            ("TRAEFIK_METRICS_PORT", "tcp://10.96.0.8:9100"),
            ("TRAEFIK_METRICS_PORT_9100_TCP_ADDR", "10.96.0.8"),
        ];
        let shown = home.effective(&[], &links).await;
        let last = shown.lines().find(|line| line.contains("made by Kubernetes for Services")).unwrap();
        assert!(links.iter().all(|(name, _)| last.contains(name)), "{last}");
        let report = home.refused(&[], &[("PILOTAGE_PORT", "8080")]).await;
        assert!(report.contains("environment variable PILOTAGE_PORT: unknown option"), "{report}");
        // The filter of the log is ours, but no option.
        home.effective(&[], &[(pilotage::telemetry::FILTER_VARIABLE, "debug")]).await;
    });
}

async fn serving(mut child: Child) -> (Child, Vec<String>) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let listening = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it ended before it listened");
            let is_last = line.contains("listening") && line.contains("traefik");
            seen.push(line);
            if is_last {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.expect("it never listened");
    (child, seen)
}

#[test]
fn a_program_that_is_told_by_file_and_environment_alone_serves() {
    test(async |home| {
        home.write(
            "home/.config/traefik.toml",
            "ping = {}\n[log]\nnoColor = true\n[entryPoints]\nweb.address = '127.0.0.1:0'\ntraefik.address = '0.0.0.0:1'\n",
        );
        let child = home.command(&[], &[("TRAEFIK_ENTRYPOINTS_TRAEFIK_ADDRESS", "127.0.0.1:0")]).spawn().unwrap();
        let (_child, seen) = serving(child).await;
        assert!(
            seen.iter().any(|line| line.contains("configuration file read") && line.contains(".config/traefik.toml"))
        );
        let after = seen.last().unwrap().split("address=").nth(1).unwrap();
        let address = after.split_whitespace().next().unwrap().trim_matches('"').parse().unwrap();
        assert_eq!(get(address, "a.test", "/ping").await.status, 200);
    });
}
