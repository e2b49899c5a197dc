//! From written TLS options to those that can be served.
//!
//! What would widen access or cannot be served at all (an unknown suite, TLS 1.1 as the highest version, verification
//! without authorities) makes the options unusable. What is merely stricter than written (no TLS 1.0, an old suite
//! less) is served and told as a warning.
use super::{
    Authorities, CipherSuite, ClientAuth, Curve, Parsed, Problem, SecretKey, Tickets, TlsOptions, UnknownNames,
    Version, Written, excerpt,
};
use std::sync::Arc;

/// What a text says about versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VersionText {
    Served(Version),
    /// TLS 1.0 or 1.1.
    Old,
    /// Ignored, as in the reference (spec/http.md 5.4).
    Unknown,
}

impl VersionText {
    fn parse(text: &str) -> Self {
        match text {
            "VersionTLS12" => Self::Served(Version::Tls12),
            "VersionTLS13" => Self::Served(Version::Tls13),
            "VersionTLS10" | "VersionTLS11" => Self::Old,
            _ => Self::Unknown,
        }
    }
}

/// Suites of TLS 1.2 that the reference knows and that are not served: no forward secrecy, or no authenticated
/// encryption.
const OLD_SUITES: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];
/// Suites of TLS 1.3, which are always on, and the marker that says a client fell back.
const ALWAYS: &[&str] =
    &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_FALLBACK_SCSV"];
/// Groups that the reference knows and that are not served.
const OLD_CURVES: &[&str] = &["CurveP521", "secp521r1", "SecP384r1MLKEM1024", "secp384r1mlkem1024"];

impl TlsOptions {
    /// Reads `written`; `authorities` gives the certificate authorities of a Secret, or says why there are none.
    pub fn parse(
        written: &Written,
        mut authorities: impl FnMut(&SecretKey) -> Result<Vec<Arc<[u8]>>, String>,
    ) -> Parsed {
        let mut reading = Reading::default();
        let (min_version, max_version) = reading.versions(written);
        let options = Self {
            min_version,
            max_version,
            cipher_suites: reading.suites(written, max_version),
            curves: reading.curves(written),
            client_auth: reading.client_auth(written, &mut authorities),
            unknown_names: written.unknown_names.unwrap_or(UnknownNames::Default),
            alpn: reading.alpn(written),
            tickets: written.tickets.unwrap_or(Tickets::Sent),
        };
        Parsed { options: (!reading.unusable).then_some(options), problems: reading.problems }
    }
}

#[derive(Default)]
struct Reading {
    problems: Vec<Problem>,
    unusable: bool,
}

impl Reading {
    fn warn(&mut self, path: &str, reason: &'static str, text: String) {
        self.problems.push(Problem::warning(path, reason, text));
    }

    fn fail(&mut self, path: &str, text: String) {
        let text = format!("{text}; routers with these options answer 503");
        self.problems.push(Problem::error(path, "InvalidTlsOptions", text));
        self.unusable = true;
    }

    fn versions(&mut self, written: &Written) -> (Version, Version) {
        let mut min = Version::Tls12;
        match VersionText::parse(&written.min_version) {
            VersionText::Served(version) => min = version,
            VersionText::Old => {
                let text = format!("{} is not supported, TLS 1.2 is the lowest version", &written.min_version);
                self.warn("spec.minVersion", "TlsVersionNotSupported", text);
            }
            VersionText::Unknown => self.unknown_version("spec.minVersion", &written.min_version),
        }
        let mut max = Version::Tls13;
        match VersionText::parse(&written.max_version) {
            VersionText::Served(version) => max = version,
            VersionText::Old => {
                self.fail("spec.maxVersion", format!("{} is not supported, use VersionTLS12", &written.max_version));
            }
            VersionText::Unknown => self.unknown_version("spec.maxVersion", &written.max_version),
        }
        if min > max {
            self.fail("spec.maxVersion", "no version is left between minVersion and maxVersion".to_owned());
        }
        (min, max)
    }

    fn unknown_version(&mut self, path: &str, text: &str) {
        if !text.is_empty() {
            let text = format!("{} is no version and has no effect; use VersionTLS12 or VersionTLS13", excerpt(text));
            self.warn(path, "InvalidTlsOptions", text);
        }
    }

    fn suites(&mut self, written: &Written, max: Version) -> Option<Vec<CipherSuite>> {
        let path = "spec.cipherSuites";
        if written.cipher_suites.is_empty() {
            return None;
        }
        let mut suites = Vec::new();
        for name in &written.cipher_suites {
            match CipherSuite::parse(name) {
                Some(suite) if suites.contains(&suite) => {}
                Some(suite) => suites.push(suite),
                None if ALWAYS.contains(&&**name) => {}
                None if OLD_SUITES.contains(&&**name) => {
                    self.warn(path, "CipherSuiteNotSupported", format!("{name} is not supported and left out"));
                }
                None => self.fail(path, format!("invalid CipherSuite: {}", excerpt(name))),
            }
        }
        if suites.is_empty() && max == Version::Tls12 {
            self.fail(path, "none of the suites is one of TLS 1.2 that is supported".to_owned());
        }
        Some(suites)
    }

    fn curves(&mut self, written: &Written) -> Vec<Curve> {
        let path = "spec.curvePreferences";
        let mut curves = Vec::new();
        for name in &written.curves {
            match Curve::parse(name) {
                Some(curve) if curves.contains(&curve) => {}
                Some(curve) => curves.push(curve),
                None if OLD_CURVES.contains(&&**name) => {
                    self.warn(path, "CurveNotSupported", format!("{name} is not supported and left out"));
                }
                None => self.fail(path, format!("invalid CurveID in curvePreferences: {}", excerpt(name))),
            }
        }
        if curves.is_empty() && !written.curves.is_empty() {
            self.fail(path, "none of the curves is supported".to_owned());
        }
        curves
    }

    fn client_auth(
        &mut self,
        written: &Written,
        authorities: &mut impl FnMut(&SecretKey) -> Result<Vec<Arc<[u8]>>, String>,
    ) -> ClientAuth {
        let mut found = Vec::new();
        for secret in &written.client_auth_secrets {
            match authorities(secret) {
                Ok(more) => found.extend(more),
                Err(why) => self.fail("spec.clientAuth.secretNames", why),
            }
        }
        let path = "spec.clientAuth.clientAuthType";
        let given = &*written.client_auth_type;
        match (given, found.is_empty()) {
            ("", true) | ("NoClientCert", _) => ClientAuth::None,
            ("RequestClientCert", _) => ClientAuth::Request,
            ("RequireAnyClientCert", _) => ClientAuth::RequireAny,
            // Authorities alone ask for verification (spec/http.md 5.4).
            ("RequireAndVerifyClientCert" | "", false) => ClientAuth::Require(Authorities(found)),
            ("VerifyClientCertIfGiven", false) => ClientAuth::VerifyIfGiven(Authorities(found)),
            ("VerifyClientCertIfGiven" | "RequireAndVerifyClientCert", true) => {
                self.fail(path, format!("invalid clientAuthType: {given}, CAFiles is required"));
                ClientAuth::None
            }
            _ => {
                self.fail(path, format!("unknown client auth type {}", excerpt(given)));
                ClientAuth::None
            }
        }
    }

    fn alpn(&mut self, written: &Written) -> Vec<Arc<str>> {
        if written.alpn.is_empty() {
            return TlsOptions::default().alpn;
        }
        let mut offered = Vec::new();
        for name in &written.alpn {
            match &**name {
                "h2" | "http/1.1" if !offered.contains(name) => offered.push(name.clone()),
                "h2" | "http/1.1" => {}
                "http/1.0" | "acme-tls/1" => {
                    self.warn("spec.alpnProtocols", "ProtocolNotSupported", format!("{name} is not offered"));
                }
                _ => {
                    let text = format!("{} is not spoken here and not offered", excerpt(name));
                    self.warn("spec.alpnProtocols", "ProtocolNotSupported", text);
                }
            }
        }
        if offered.is_empty() {
            self.fail("spec.alpnProtocols", "none of the protocols is supported; use h2 or http/1.1".to_owned());
        }
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<Arc<str>> {
        list.iter().map(|text| (*text).into()).collect()
    }

    fn parse(written: &Written) -> Parsed {
        TlsOptions::parse(written, |secret| match &*secret.name {
            "good" => Ok(vec![Arc::from(*b"der")]),
            name => Err(format!("secret {name} does not exist")),
        })
    }

    fn reasons(parsed: &Parsed) -> Vec<&str> {
        parsed.problems.iter().map(|problem| problem.reason).collect()
    }

    #[test]
    fn nothing_written_is_the_default() {
        let parsed = parse(&Written::default());
        assert_eq!(parsed, Parsed { options: Some(TlsOptions::default()), problems: Vec::new() });
    }

    #[test]
    fn versions_are_bounded_and_old_ones_are_told() {
        let cases = [
            ("VersionTLS13", "", Some((Version::Tls13, Version::Tls13)), 0),
            ("", "VersionTLS12", Some((Version::Tls12, Version::Tls12)), 0),
            ("VersionTLS10", "", Some((Version::Tls12, Version::Tls13)), 1),
            ("VersionTLS10", "VersionTLS11", None, 2),
            ("VersionTLS13", "VersionTLS12", None, 1),
            ("nonsense", "12", Some((Version::Tls12, Version::Tls13)), 2),
        ];
        for (min, max, want, problems) in cases {
            let parsed = parse(&Written { min_version: min.into(), max_version: max.into(), ..Written::default() });
            let found = parsed.options.as_ref().map(|options| (options.min_version, options.max_version));
            assert_eq!((found, parsed.problems.len()), (want, problems), "{min} {max}");
        }
    }

    #[test]
    fn suites_that_do_not_exist_close_and_old_ones_are_left_out() {
        let good = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        let old = "TLS_RSA_WITH_AES_128_CBC_SHA";
        let cases: [(&[&str], &str, Option<usize>); 6] = [
            (&[good, good, "TLS_AES_128_GCM_SHA256"], "", Some(1)),
            (&[good, old], "", Some(1)),
            (&[old], "", Some(0)),
            (&[old], "VersionTLS12", None),
            (&["TLS_AES_128_GCM_SHA256"], "VersionTLS12", None),
            (&[good, "TLS_MADE_UP"], "", None),
        ];
        for (suites, max, want) in cases {
            let written = Written { cipher_suites: texts(suites), max_version: max.into(), ..Written::default() };
            assert_eq!(parse(&written).options.map(|options| options.cipher_suites.unwrap().len()), want, "{suites:?}");
        }
    }

    #[test]
    fn curves_and_protocols_are_read_by_name() {
        let written = Written {
            curves: texts(&["CurveP256", "x25519mlkem768", "CurveP521"]),
            alpn: texts(&["http/1.1", "acme-tls/1"]),
            ..Written::default()
        };
        let parsed = parse(&written);
        assert_eq!(reasons(&parsed), ["CurveNotSupported", "ProtocolNotSupported"]);
        let options = parsed.options.unwrap();
        assert_eq!(options.curves, [Curve::P256, Curve::X25519MlKem768]);
        assert_eq!(options.alpn, texts(&["http/1.1"]));
        for broken in [
            Written { curves: texts(&["CurveP521"]), ..Written::default() },
            Written { curves: texts(&["x"]), ..Written::default() },
            Written { alpn: texts(&["spdy"]), ..Written::default() },
        ] {
            assert_eq!(parse(&broken).options, None);
        }
    }

    #[test]
    fn client_authentication_never_gets_weaker_than_written() {
        let authorities = || Authorities(vec![Arc::from(*b"der")]);
        let cases: [(&str, &[&str], Option<ClientAuth>); 11] = [
            ("", &[], Some(ClientAuth::None)),
            ("", &["good"], Some(ClientAuth::Require(authorities()))),
            ("NoClientCert", &[], Some(ClientAuth::None)),
            ("RequestClientCert", &[], Some(ClientAuth::Request)),
            ("RequireAnyClientCert", &[], Some(ClientAuth::RequireAny)),
            ("VerifyClientCertIfGiven", &["good"], Some(ClientAuth::VerifyIfGiven(authorities()))),
            ("RequireAndVerifyClientCert", &["good"], Some(ClientAuth::Require(authorities()))),
            ("RequireAndVerifyClientCert", &[], None),
            ("VerifyClientCertIfGiven", &[], None),
            ("RequireAndVerifyClientCert", &["good", "ghost"], None),
            ("requireAndVerifyClientCert", &["good"], None),
        ];
        for (given, secrets, want) in cases {
            let client_auth_secrets = secrets.iter().map(|name| SecretKey::new("n", *name)).collect();
            let written = Written { client_auth_type: given.into(), client_auth_secrets, ..Written::default() };
            let found = parse(&written).options.map(|options| options.client_auth);
            assert_eq!(found, want, "{given} {secrets:?}");
        }
    }
}
