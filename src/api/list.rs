//! Lists and their items: paging, search, filters and order (spec/http.md 4.10).
//!
//! An item is the object of the raw data with its `name`, `provider` and what else a list adds.
mod items;
mod select;

use super::options::EntryPoint;
use super::picture::{Entry, MiddlewareBody, Picture, RouterBody, ServiceBody};
use super::query::Query;
use super::reply;
use bytes::Bytes;
use http::{Response, StatusCode};
use items::{MiddlewareItem, RouterItem, ServiceItem};
use std::fmt::Display;

/// Items of a page when the request does not say.
const PER_PAGE: usize = 100;

/// What a list request asks for. Empty texts ask for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    page: usize,
    per_page: usize,
    pub(super) search: String,
    pub(super) status: String,
    service: String,
    middleware: String,
    pub(super) sort_by: String,
    pub(super) direction: Direction,
}

/// Which end of the order comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest.
    Ascending,
    /// The greatest.
    Descending,
}

/// A list request that makes no sense; the text is the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// Not a positive number.
    #[error("invalid request: {name}: {value}")]
    Number {
        /// The parameter.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// Beyond the last page.
    #[error("invalid request: page: {page}, per_page: {per_page}")]
    Page {
        /// The page.
        page: usize,
        /// Items of a page.
        per_page: usize,
    },
}

impl ListQuery {
    /// Reads the parameters.
    pub fn read(query: &Query) -> Result<Self, BadQuery> {
        Ok(Self {
            page: number(query, "page", 1)?,
            per_page: number(query, "per_page", PER_PAGE)?,
            search: query.value("search").to_lowercase(),
            status: query.value("status").to_lowercase(),
            service: query.value("serviceName").to_owned(),
            middleware: query.value("middlewareName").to_owned(),
            sort_by: query.value("sortBy").to_owned(),
            direction: match query.value("direction") {
                "desc" => Direction::Descending,
                _ => Direction::Ascending,
            },
        })
    }

    /// The items of the page that is asked for, and the number of the next page: 1 after the last.
    pub fn page<T>(&self, mut items: Vec<T>) -> Result<(Vec<T>, usize), BadQuery> {
        let Self { page, per_page, .. } = *self;
        let start = (page - 1).saturating_mul(per_page);
        if start > 0 && start >= items.len() {
            return Err(BadQuery::Page { page, per_page });
        }
        let rest = items.split_off(start);
        let next = if rest.len() > per_page { page + 1 } else { 1 };
        Ok((rest.into_iter().take(per_page).collect(), next))
    }
}

fn number(query: &Query, name: &'static str, default: usize) -> Result<usize, BadQuery> {
    match query.value(name) {
        "" => Ok(default),
        value => value
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| BadQuery::Number { name, value: value.to_owned() }),
    }
}

type Asked = Result<ListQuery, BadQuery>;

/// `/api/http/routers`.
pub fn routers(picture: &Picture<'_>, asked: &Asked) -> Response<Bytes> {
    answer(asked, |query| query.page(select::routers(&picture.routers, query)), RouterItem::of)
}

/// `/api/http/routers/{name}`.
pub fn router(picture: &Picture<'_>, name: &str) -> Response<Bytes> {
    item(&picture.routers, name, "router", RouterItem::of)
}

/// `/api/http/services`.
pub fn services(picture: &Picture<'_>, asked: &Asked) -> Response<Bytes> {
    answer(asked, |query| query.page(select::services(&picture.services, query)), ServiceItem::of)
}

/// `/api/http/services/{name}`.
pub fn service(picture: &Picture<'_>, name: &str) -> Response<Bytes> {
    item(&picture.services, name, "service", ServiceItem::of)
}

/// `/api/http/middlewares`.
pub fn middlewares(picture: &Picture<'_>, asked: &Asked) -> Response<Bytes> {
    answer(asked, |query| query.page(select::middlewares(&picture.middlewares, query)), MiddlewareItem::of)
}

/// `/api/http/middlewares/{name}`.
pub fn middleware(picture: &Picture<'_>, name: &str) -> Response<Bytes> {
    item(&picture.middlewares, name, "middleware", MiddlewareItem::of)
}

/// `/api/entrypoints`: by name.
pub fn entry_points(all: &[EntryPoint], asked: &Asked) -> Response<Bytes> {
    let mut sorted: Vec<&EntryPoint> = all.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    answer(asked, |query| query.page(sorted), |entry_point| &entry_point.shown)
}

/// A list without items.
pub fn empty(asked: &Asked) -> Response<Bytes> {
    answer(asked, |query| query.page(Vec::<()>::new()), |nothing| nothing)
}

/// One page of items.
pub fn answer<T, I: serde::Serialize>(
    asked: &Asked,
    select: impl FnOnce(&ListQuery) -> Result<(Vec<T>, usize), BadQuery>,
    item: impl Fn(T) -> I,
) -> Response<Bytes> {
    let selected = asked.as_ref().map_err(Clone::clone).and_then(select);
    match selected {
        Ok((page, next)) => reply::json_page(&page.into_iter().map(item).collect::<Vec<_>>(), next),
        Err(error) => bad_request(&error),
    }
}

fn bad_request(error: &impl Display) -> Response<Bytes> {
    reply::problem(StatusCode::BAD_REQUEST, &error.to_string())
}

/// The entry of that name, in a list sorted by name.
fn item<'a, B, I: serde::Serialize>(
    sorted: &'a [Entry<B>],
    name: &str,
    what: &str,
    item: impl Fn(&'a Entry<B>) -> I,
) -> Response<Bytes> {
    match sorted.binary_search_by(|entry| entry.name.as_str().cmp(name)) {
        Ok(at) => reply::json(&item(&sorted[at])),
        Err(_) => reply::missing(what, name),
    }
}

/// What every kind of entry can be searched and ordered by.
trait Listed {
    /// Status as the API spells it.
    fn status(&self) -> &'static str;
    /// `type`; empty for none.
    fn kind(&self) -> &'static str;
}

impl Listed for RouterBody<'_> {
    fn status(&self) -> &'static str {
        self.status.0.as_str()
    }

    fn kind(&self) -> &'static str {
        ""
    }
}

impl Listed for ServiceBody<'_> {
    fn status(&self) -> &'static str {
        self.status.0.as_str()
    }

    fn kind(&self) -> &'static str {
        self.kind.as_str()
    }
}

impl Listed for MiddlewareBody<'_> {
    fn status(&self) -> &'static str {
        self.status.0.as_str()
    }

    fn kind(&self) -> &'static str {
        MiddlewareBody::kind(self)
    }
}

#[cfg(test)]
mod tests;
