//! Which entries a list request wants, in which order. Ties, and orders nobody knows, go by name.
use super::{Direction, ListQuery, Listed};
use crate::api::picture::{Entry, MiddlewareBody, RouterBody, ServiceBody};
use std::cmp::Ordering;

/// Routers: searched by name and rule, filtered by status, service and middleware.
pub fn routers<'a, 'p>(all: &'a [Entry<RouterBody<'p>>], query: &ListQuery) -> Vec<&'a Entry<RouterBody<'p>>> {
    let wanted = all.iter().filter(|router| {
        let body = &router.body;
        let middlewares = || body.middlewares.iter().any(|name| refers(&query.middleware, name));
        has_status(query, body)
            && (query.search.is_empty() || contains(&router.name, query) || contains(&body.rule, query))
            && (query.service.is_empty() || refers(&query.service, &body.service))
            && (query.middleware.is_empty() || middlewares())
    });
    sorted(wanted, query, |a, b| match query.sort_by.as_str() {
        "priority" => a.body.priority.cmp(&b.body.priority),
        "rule" => a.body.rule.cmp(&b.body.rule),
        "service" => a.body.service.cmp(&b.body.service),
        "entryPoints" => a.body.entry_points.cmp(&b.body.entry_points),
        _ => common(a, b, query),
    })
}

/// Services: searched by name, filtered by status.
pub fn services<'a, 'p>(all: &'a [Entry<ServiceBody<'p>>], query: &ListQuery) -> Vec<&'a Entry<ServiceBody<'p>>> {
    let servers = |entry: &Entry<ServiceBody<'_>>| entry.body.load_balancer.as_ref().map_or(0, |lb| lb.servers.len());
    sorted(all.iter().filter(|entry| is_wanted(entry, query)), query, |a, b| match query.sort_by.as_str() {
        "servers" => servers(a).cmp(&servers(b)),
        _ => common(a, b, query),
    })
}

/// Middlewares: searched by name, filtered by status.
pub fn middlewares<'a, 'p>(
    all: &'a [Entry<MiddlewareBody<'p>>],
    query: &ListQuery,
) -> Vec<&'a Entry<MiddlewareBody<'p>>> {
    sorted(all.iter().filter(|entry| is_wanted(entry, query)), query, |a, b| common(a, b, query))
}

fn is_wanted<B: Listed>(entry: &Entry<B>, query: &ListQuery) -> bool {
    has_status(query, &entry.body) && contains(&entry.name, query)
}

fn has_status<B: Listed>(query: &ListQuery, body: &B) -> bool {
    query.status.is_empty() || query.status == body.status()
}

fn contains(text: &str, query: &ListQuery) -> bool {
    query.search.is_empty() || text.to_lowercase().contains(&query.search)
}

/// Whether `wanted` means `name`: with or without the provider, as either of them is written.
fn refers(wanted: &str, name: &str) -> bool {
    let plain = |text: &str| text.split('@').next().unwrap_or_default().to_owned();
    if name.contains('@') && wanted.contains('@') { wanted == name } else { plain(wanted) == plain(name) }
}

fn common<B: Listed>(a: &Entry<B>, b: &Entry<B>, query: &ListQuery) -> Ordering {
    match query.sort_by.as_str() {
        "provider" => a.provider.cmp(b.provider),
        "status" => a.body.status().cmp(b.body.status()),
        "type" => a.body.kind().cmp(b.body.kind()),
        _ => Ordering::Equal,
    }
}

fn sorted<'a, B>(
    wanted: impl Iterator<Item = &'a Entry<B>>,
    query: &ListQuery,
    compare: impl Fn(&Entry<B>, &Entry<B>) -> Ordering,
) -> Vec<&'a Entry<B>> {
    let mut entries: Vec<&Entry<B>> = wanted.collect();
    entries.sort_by(|a, b| compare(a, b).then_with(|| a.name.cmp(&b.name)));
    if query.direction == Direction::Descending {
        entries.reverse();
    }
    entries
}
