//! The certificate that all proxies serve: ECDSA P-256, self-signed, for every host of the measurement. Pilotage has it from
//! a Secret, the others from files.
use crate::cluster::HOST_END;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Name of the Secret.
pub const SECRET: &str = "certificate";

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What a client must be shown.
    pub der: CertificateDer<'static>,
    chain: String,
    key: String,
    /// File of the certificate.
    pub chain_file: PathBuf,
    /// File of its key.
    pub key_file: PathBuf,
    /// File of both, as HAProxy wants it.
    pub both_file: PathBuf,
}

impl Certificate {
    /// Makes one and writes its files into `folder`.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let made = CertificateParams::new(vec![format!("*{HOST_END}")])?.self_signed(&key)?;
        let (chain, key) = (made.pem(), key.serialize_pem());
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
            anyhow::Ok(path)
        };
        Ok(Self {
            der: made.der().clone(),
            chain_file: write("certificate.pem", &chain)?,
            key_file: write("key.pem", &key)?,
            both_file: write("both.pem", &format!("{chain}{key}"))?,
            chain,
            key,
        })
    }

    /// The Secret that holds it.
    pub fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"namespace": "default", "name": SECRET},
            "data": {"tls.crt": STANDARD.encode(&self.chain), "tls.key": STANDARD.encode(&self.key)}
        })
    }
}
