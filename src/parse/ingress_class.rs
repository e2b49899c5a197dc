//! IngressClass: whose it is. Parameters and the default marker are not read (spec/ingress.md 5).
use super::name;
use crate::model::facts::ClassFact;
use crate::model::keys::ClassKey;
use k8s_openapi::api::networking::v1 as api;

/// What the class says.
pub fn parse(object: &api::IngressClass) -> ClassFact {
    let controller = object.spec.as_ref().and_then(|spec| spec.controller.as_deref());
    ClassFact { key: ClassKey(name(&object.metadata).into()), controller: controller.unwrap_or_default().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_controller_is_read_and_an_empty_class_has_none() {
        let object = json!({"metadata": {"name": "c"}, "spec": {"controller": "traefik.io/ingress-controller"}});
        let fact = parse(&serde_json::from_value(object).unwrap());
        assert_eq!((&*fact.key.0, &*fact.controller), ("c", "traefik.io/ingress-controller"));
        assert_eq!(&*parse(&api::IngressClass::default()).controller, "");
    }
}
