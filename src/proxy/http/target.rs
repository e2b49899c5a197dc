//! What a request asks for (spec/http.md 1.6): the cleaned path and the query, as rules and servers see them.
use super::answer::Refused;
use crate::model::rule::{normalize, routing_path, sanitize};
use crate::proxy::entrypoint::EntryPoint;
use crate::proxy::entrypoint::options::{Paths, Semicolons};
use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use std::borrow::Cow;

/// A cleaned target. It borrows from the request's own as long as nothing had to be changed.
#[derive(Debug)]
pub(super) struct Target<'u> {
    /// Escaped path, as it is forwarded.
    path: Cow<'u, str>,
    /// Query without its question mark.
    query: Option<Cow<'u, str>>,
}

impl<'u> Target<'u> {
    /// Cleans the target `uri`.
    pub(super) fn clean(uri: &'u Uri, entry: &EntryPoint) -> Result<Self, Refused> {
        let normal = normalize(uri.path()).map_err(|_| Refused::BadPath)?;
        let path = match (entry.paths, normal) {
            (Paths::Sanitized, Cow::Borrowed(path)) => sanitize(path),
            (Paths::Sanitized, Cow::Owned(path)) => Cow::Owned(sanitize(&path).into_owned()),
            (Paths::Raw, path) => path,
        };
        let path = if path.is_empty() { Cow::Borrowed("/") } else { path };
        let query = uri.query().map(|query| without_semicolons(query, entry.semicolons));
        Ok(Self { path, query })
    }

    /// The escaped path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The path that rules compare.
    pub(super) fn routing_path(&self) -> Cow<'_, str> {
        routing_path(&self.path)
    }

    /// The query without its question mark.
    pub(super) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The target to forward, in origin form, if it is not the one of `uri` as it stands.
    pub(super) fn rebuilt(&self, uri: &Uri) -> Result<Option<PathAndQuery>, Refused> {
        // A target that began with two slashes would read as the name of a host.
        let path = match self.path.strip_prefix("//") {
            Some(_) => Cow::Owned(format!("/{}", self.path.trim_start_matches('/'))),
            None => Cow::Borrowed(&*self.path),
        };
        let same_path = matches!((&self.path, &path), (Cow::Borrowed(_), Cow::Borrowed(_)));
        let same_query = matches!(&self.query, None | Some(Cow::Borrowed(_)));
        let present =
            uri.path_and_query().filter(|target| uri.authority().is_none() && target.as_str().starts_with('/'));
        if same_path && same_query && present.is_some() {
            return Ok(None);
        }
        let text = match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.into_owned(),
        };
        PathAndQuery::from_maybe_shared(Bytes::from(text)).map(Some).map_err(|_| Refused::BadTarget)
    }
}

fn without_semicolons(query: &str, semicolons: Semicolons) -> Cow<'_, str> {
    if !query.contains(';') {
        return Cow::Borrowed(query);
    }
    Cow::Owned(query.replace(';', if semicolons == Semicolons::Encoded { "%3B" } else { "&" }))
}
