//! Builders of Kubernetes objects for tests, as JSON: what a test does not name is absent.
use serde_json::{Value, json};

/// An object under construction.
#[derive(Clone, Debug)]
pub(crate) struct Object(pub Value);

fn object(kind: &str, api: &str, namespace: Option<&str>, name: &str) -> Object {
    let mut metadata = json!({"name": name});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    Object(json!({"kind": kind, "apiVersion": api, "metadata": metadata}))
}

pub(crate) fn ingress(namespace: &str, name: &str) -> Object {
    object("Ingress", "networking.k8s.io/v1", Some(namespace), name)
}

pub(crate) fn service(namespace: &str, name: &str) -> Object {
    object("Service", "v1", Some(namespace), name).set("/spec/clusterIP", "10.0.0.1")
}

pub(crate) fn slice(namespace: &str, name: &str, service: &str) -> Object {
    let slice = object("EndpointSlice", "discovery.k8s.io/v1", Some(namespace), name).set("/addressType", "IPv4");
    slice.label("kubernetes.io/service-name", service)
}

pub(crate) fn secret(namespace: &str, name: &str) -> Object {
    object("Secret", "v1", Some(namespace), name)
}

pub(crate) fn node(name: &str, address: &str) -> Object {
    object("Node", "v1", None, name).push("/status/addresses", json!({"type": "InternalIP", "address": address}))
}

pub(crate) fn class(name: &str) -> Object {
    let class = object("IngressClass", "networking.k8s.io/v1", None, name);
    class.set("/spec/controller", "traefik.io/ingress-controller")
}

/// A port of a backend: a number or a name.
pub(crate) fn port(text: &str) -> Value {
    text.parse::<i32>().map_or_else(|_| json!({"name": text}), |number| json!({"number": number}))
}

impl Object {
    fn at(&mut self, pointer: &str) -> &mut Value {
        let mut place = &mut self.0;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/");
            place = match place {
                Value::Array(items) => items.get_mut(part.parse::<usize>().unwrap()).unwrap(),
                other => {
                    if other.is_null() {
                        *other = json!({});
                    }
                    other.as_object_mut().unwrap().entry(part).or_insert(Value::Null)
                }
            };
        }
        place
    }

    pub(crate) fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        *self.at(pointer) = value.into();
        self
    }

    pub(crate) fn push(mut self, pointer: &str, value: Value) -> Self {
        let place = self.at(pointer);
        if place.is_null() {
            *place = json!([]);
        }
        place.as_array_mut().unwrap().push(value);
        self
    }

    /// An annotation below our prefix.
    pub(crate) fn annotation(self, key: &str, value: &str) -> Self {
        self.raw_annotation(&format!("traefik.ingress.kubernetes.io/{key}"), value)
    }

    pub(crate) fn raw_annotation(self, key: &str, value: &str) -> Self {
        self.set(&format!("/metadata/annotations/{}", key.replace('/', "~1")), value)
    }

    pub(crate) fn label(self, key: &str, value: &str) -> Self {
        self.set(&format!("/metadata/labels/{}", key.replace('/', "~1")), value)
    }

    /// Seconds after the start of a day.
    pub(crate) fn created(self, second: u32) -> Self {
        self.set("/metadata/creationTimestamp", format!("2024-05-06T07:{:02}:{:02}Z", second / 60 % 60, second % 60))
    }

    /// A rule with one path.
    pub(crate) fn path(self, host: &str, path: &str, path_type: &str, service: &str, service_port: &str) -> Self {
        let backend = json!({"service": {"name": service, "port": port(service_port)}});
        let path = json!({"path": path, "pathType": path_type, "backend": backend});
        self.push("/spec/rules", json!({"host": host, "http": {"paths": [path]}}))
    }

    pub(crate) fn default_backend(self, service: &str, service_port: &str) -> Self {
        self.set("/spec/defaultBackend", json!({"service": {"name": service, "port": port(service_port)}}))
    }

    pub(crate) fn tls(self, secret: &str) -> Self {
        self.push("/spec/tls", json!({"secretName": secret}))
    }

    pub(crate) fn service_port(self, name: &str, number: i32) -> Self {
        let port = if name.is_empty() { json!({"port": number}) } else { json!({"name": name, "port": number}) };
        self.push("/spec/ports", port)
    }

    pub(crate) fn slice_port(self, name: &str, number: i32) -> Self {
        self.push("/ports", json!({"name": name, "port": number}))
    }

    pub(crate) fn endpoint(self, addresses: &[&str]) -> Self {
        self.push("/endpoints", json!({"addresses": addresses}))
    }

    pub(crate) fn conditions(self, addresses: &[&str], conditions: Value) -> Self {
        self.push("/endpoints", json!({"addresses": addresses, "conditions": conditions}))
    }

    /// Data of a Secret, not yet in base64.
    pub(crate) fn data(self, key: &str, bytes: &[u8]) -> Self {
        let encoded = serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap();
        self.set(&format!("/data/{key}"), encoded)
    }

    /// The object as its Kubernetes type.
    pub(crate) fn typed<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.0.clone()).unwrap()
    }
}

/// A new self-signed pair for `names`, as PEM: certificate, key.
pub(crate) fn pair(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}
