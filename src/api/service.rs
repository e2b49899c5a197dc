//! The API as the data plane sees it: entry points by number, requests by their parts.
use super::{Api, Ask, BUILT_IN_PRIORITY, Claim};
use crate::proxy::internal::{Claimed, InternalAnswer, InternalRequest, InternalService};
use crate::proxy::table::EntryPointId;
use std::sync::Arc;

/// Answers for the data plane.
pub struct ApiService {
    api: Arc<Api>,
    /// Name of each entry point that carries a part of the API, at the position of its id.
    names: Vec<Option<Arc<str>>>,
}

impl ApiService {
    /// The service of `api`. `entry_points` gives the id of each entry point by name, as the table has it.
    pub fn new(api: Arc<Api>, entry_points: impl Fn(&str) -> Option<EntryPointId>) -> Self {
        let mut names: Vec<Option<Arc<str>>> = Vec::new();
        let carries = |name: &str| ["/ping", "/ready"].iter().any(|path| api.claim(name, path).is_some());
        for entry_point in
            api.options.entry_points.iter().filter(|known| api.is_admin(&known.name) || carries(&known.name))
        {
            let Some(EntryPointId(id)) = entry_points(&entry_point.name) else { continue };
            let at = usize::from(id);
            names.resize(names.len().max(at + 1), None);
            names[at] = Some(entry_point.name.clone());
        }
        Self { api, names }
    }

    /// The entry point's name, if it carries anything: most do not, and are done here.
    fn name(&self, entry: EntryPointId) -> Option<&str> {
        self.names.get(usize::from(entry.0))?.as_deref()
    }
}

impl InternalService for ApiService {
    fn claims(&self, entry: EntryPointId, path: &str) -> Option<Claimed> {
        match self.api.claim(self.name(entry)?, path)? {
            Claim::Ping | Claim::Ready => Some(Claimed::Always),
            Claim::Api | Claim::Debug => Some(Claimed::Against(BUILT_IN_PRIORITY)),
        }
    }

    fn answer(&self, entry: EntryPointId, request: InternalRequest) -> InternalAnswer {
        let InternalRequest { method, path, query, accept, host: _ } = request;
        let Some(claim) = self.name(entry).and_then(|name| self.api.claim(name, &path)) else {
            // Not claimed, so not ours to say anything about; the proxy does not ask.
            return Box::pin(std::future::ready(super::reply::not_found()));
        };
        let api = Arc::clone(&self.api);
        let ask = Ask { method, path, query: query.unwrap_or_default(), accept };
        Box::pin(async move { api.answer(claim, ask).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::source::PlanView;
    use crate::api::testing::{api, options, text};
    use http::Method;

    #[tokio::test]
    async fn the_data_plane_asks_by_number() {
        let id =
            |name: &str| ["traefik", "web"].iter().position(|known| *known == name).map(|at| EntryPointId(at as u8));
        let service = ApiService::new(api(options(), PlanView::default()), id);
        let (traefik, web, unknown) = (EntryPointId(0), EntryPointId(1), EntryPointId(9));
        let against_the_weaker = Some(Claimed::Against(i64::MAX - 1));
        let cases = [
            (traefik, "/api/http/routers", against_the_weaker),
            (traefik, "/debug/actors", against_the_weaker),
            (traefik, "/ping", Some(Claimed::Always)),
            (traefik, "/ready", Some(Claimed::Always)),
            (traefik, "/", None),
            (web, "/api/rawdata", None),
            (unknown, "/ping", None),
        ];
        for (entry, path, want) in cases {
            assert_eq!(service.claims(entry, path), want, "{path}");
        }
        let request = |path: &str, query: Option<&str>| InternalRequest {
            method: Method::GET,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            accept: None,
            host: String::new(),
        };
        let found = service.answer(traefik, request("/api/http/routers", Some("search=ping"))).await;
        let found: serde_json::Value = serde_json::from_str(&text(&found)).unwrap();
        assert_eq!((found.as_array().unwrap().len(), &found[0]["name"]), (1, &serde_json::json!("ping@internal")));
        assert_eq!(service.answer(web, request("/api/rawdata", None)).await.status(), 404);
    }
}
