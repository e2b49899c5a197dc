//! The same with other people's clients, where they are installed: openssl and curl.
use super::rig::*;
use crate::proxy::tests::rig::{Rig, run};
use std::process::Stdio;
use tokio::process::Command;

/// What a program writes to its standard output and error; `None`, with a word, where it is not installed.
async fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    match command.output().await {
        Ok(output) => Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
        Err(error) => {
            // .ci/run installs them: there a test that is skipped would be one that cannot fail.
            assert!(std::env::var_os("REQUIRE_TEST_CLIENTS").is_none(), "{program}: {error}");
            eprintln!("skipped: {program}: {error}");
            None
        }
    }
}

async fn openssl(rig: &Rig, arguments: &[&str]) -> Option<String> {
    let address = rig.address.to_string();
    let all = [&["s_client", "-connect", &address], arguments].concat();
    output("openssl", &all).await
}

#[test]
fn openssl_sees_the_certificate_of_the_name_and_the_protocol() {
    run(async {
        let rig = rig_with(vec![("a", pair("exact", &["a.test"]))]).await;
        let cases: [(&[&str], &[&str]); 5] = [
            (&["-servername", "a.test", "-alpn", "h2,http/1.1"], &["CN = exact", "ALPN protocol: h2", "TLSv1.3"]),
            (&["-servername", "a.test", "-tls1_2"], &["CN = exact", "TLSv1.2"]),
            (&["-noservername"], &["TRAEFIK DEFAULT CERT", "No ALPN negotiated"]),
            (&["-servername", "a.test", "-alpn", "spdy"], &["alert"]),
            (&["-servername", "a.test."], &["no peer certificate available"]),
        ];
        for (arguments, wanted) in cases {
            let Some(said) = openssl(&rig, arguments).await else { break };
            let said = said.replace("CN=", "CN = ");
            for want in wanted {
                assert!(said.contains(want), "{arguments:?}: {want}: {said}");
            }
        }
        rig.stop().await;
    });
}

#[test]
fn curl_is_served_over_both_protocols() {
    run(async {
        let rig = rig_with(vec![("a", pair("exact", &["a.test"]))]).await;
        let port = rig.address.port();
        let (resolve, url) = (format!("a.test:{port}:127.0.0.1"), format!("https://a.test:{port}/x"));
        for (version, want) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
            let format = "\n%{http_version} %{http_code}";
            let arguments = ["-sSk", version, "--resolve", &resolve, "-w", format, &url];
            let Some(said) = output("curl", &arguments).await else { break };
            if said.contains("does not support this") {
                eprintln!("skipped: this curl does not speak {version}");
                continue;
            }
            assert!(said.trim_end().ends_with(want), "{said}");
            assert!(said.to_lowercase().contains(&format!("x-forwarded-port: {port}")), "{said}");
        }
        rig.stop().await;
    });
}
