//! Each way to find the API server, with the whole program behind it: as a pod, by KUBECONFIG, by options.
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{PROGRAM_ARGS, World, in_system, start_cluster, start_with_surroundings};
use pilotage::cluster::client::Surroundings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const OBJECTS: fn(&Origin) -> Vec<serde_json::Value> =
    |origin| vec![service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")];

/// TLS in front of the API server, as a cluster has it. Keeps the first bytes of each connection.
struct TlsFront {
    address: SocketAddr,
    ca_pem: RefCell<String>,
    acceptor: Rc<RefCell<TlsAcceptor>>,
    heads: Rc<RefCell<Vec<String>>>,
}

/// A new authority, in PEM, and a server with a certificate of it.
fn authority() -> (String, TlsAcceptor) {
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], der)
        .unwrap();
    (issuer.pem(), TlsAcceptor::from(Arc::new(config)))
}

impl TlsFront {
    async fn start(to: SocketAddr) -> Self {
        let (ca_pem, acceptor) = authority();
        let acceptor = Rc::new(RefCell::new(acceptor));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Rc::new(RefCell::new(Vec::new()));
        let (kept, current) = (heads.clone(), acceptor.clone());
        actix::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept) = (current.borrow().clone(), kept.clone());
                actix::spawn(async move {
                    let Ok(mut client) = acceptor.accept(stream).await else { return };
                    let mut first = vec![0; 4096];
                    let Ok(count) = client.read(&mut first).await else { return };
                    kept.borrow_mut().push(String::from_utf8_lossy(&first[..count]).into_owned());
                    let mut server = TcpStream::connect(to).await.unwrap();
                    server.write_all(&first[..count]).await.unwrap();
                    let _end = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { address, ca_pem: RefCell::new(ca_pem), acceptor, heads }
    }

    /// From now on it shows a certificate of another authority.
    fn rotate(&self) {
        let (ca_pem, acceptor) = authority();
        self.acceptor.replace(acceptor);
        self.ca_pem.replace(ca_pem);
    }
}

#[test]
fn as_a_pod_it_uses_the_service_account_over_tls_and_follows_a_rotated_ca() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in OBJECTS(&origin) {
            cluster.store().apply(object).unwrap();
        }
        let front = TlsFront::start(cluster.addr()).await;
        let account = tempfile::tempdir().unwrap();
        std::fs::write(account.path().join("token"), "pod-token\n").unwrap();
        std::fs::write(account.path().join("ca.crt"), &*front.ca_pem.borrow()).unwrap();
        let surroundings = Surroundings {
            service_host: front.address.ip().to_string(),
            service_port: front.address.port().to_string(),
            service_account: account.path().into(),
            ..Surroundings::default()
        };
        let app = start_with_surroundings(PROGRAM_ARGS, surroundings).await;
        let world = World { cluster, app };
        world.until_served_by("a.test", "/", "o").await;
        let heads = front.heads.borrow().clone();
        assert!(
            heads.iter().all(|head| head.to_lowercase().contains("authorization: bearer pod-token\r\n")),
            "{heads:?}"
        );
        assert!(heads.iter().all(|head| head.contains("kubernetes/ingress")), "{heads:?}");

        // All connections end, and the new ones meet a certificate of an authority that nobody has heard of yet.
        front.rotate();
        world.cluster.faults().drop_connections();
        let state = world.until_actor("api-server", |state| !state["away"].is_null()).await;
        assert!(state["away"]["error"].to_string().contains("certificate"), "{state}");
        world.apply([ingress("n", "j", "b.test", "/", "s")]);
        assert_eq!(world.get("a.test", "/").await.status, 200);
        std::fs::write(account.path().join("ca.crt"), &*front.ca_pem.borrow()).unwrap();
        world.until_served_by("b.test", "/", "o").await;
        world.until_actor("api-server", |state| state["away"].is_null()).await;
        world.app.stop().await;
    });
}

#[test]
fn outside_it_follows_kubeconfig_before_the_options() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in OBJECTS(&origin) {
            cluster.store().apply(object).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: \"{}\"}}}}]\nusers: [{{name: u, user: {{}}}}]\n",
            cluster.url()
        );
        std::fs::write(&path, text).unwrap();
        let surroundings = Surroundings { kubeconfig: path.to_string_lossy().into_owned(), ..Surroundings::default() };
        let mut args = PROGRAM_ARGS.to_vec();
        // Nobody listens there: it must not be asked.
        args.push("--providers.kubernetesingress.endpoint=http://127.0.0.1:9");
        let app = start_with_surroundings(&args, surroundings).await;
        let world = World { cluster, app };
        world.until_served_by("a.test", "/", "o").await;
        world.app.stop().await;
    });
}

#[test]
fn without_any_api_server_it_lives_and_says_that_it_is_not_ready() {
    in_system(async || {
        let app = start_with_surroundings(PROGRAM_ARGS, Surroundings::default()).await;
        let (web, admin) = (app.address("web").unwrap(), app.address("traefik").unwrap());
        use crate::support::http::get;
        assert_eq!(get(web, "a.test", "/").await.status, 503);
        assert_eq!(get(admin, "x", "/ready").await.status, 503);
        assert_eq!(get(admin, "x", "/ping").await.status, 200);
        app.stop().await;
    });
}
