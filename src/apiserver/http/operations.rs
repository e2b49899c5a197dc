//! The operations on objects: one request that has been understood, one answer from the store.

use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::Server;
use super::body::{self, PatchType};
use super::query::Query;
use super::reply::Reply;
use super::route::{Subresource, Target};
use super::view::View;
use crate::apiserver::faults::Verb;
use crate::apiserver::kinds::Kind;
use crate::apiserver::patch::{Applied, Patch};
use crate::apiserver::selectors::Selector;
use crate::apiserver::status::{self, ApiError, Cause};
use crate::apiserver::store::{Deletion, Listing, ObjectKey, Part, Preconditions, Run, Window, Write};
use crate::apiserver::validate::{self, Validation};
use crate::apiserver::watch::{Bookmarks, Request as WatchRequest, Start, Watch};

/// A request about objects.
pub(super) struct Operation<'a> {
    pub(super) server: &'a Server,
    pub(super) target: Target,
    pub(super) verb: Verb,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    pub(super) body: bytes::Bytes,
    pub(super) view: View,
}

impl Operation<'_> {
    /// Does it.
    pub(super) fn perform(self) -> Result<Reply, ApiError> {
        match self.verb {
            Verb::Get => self.get(),
            Verb::List => self.list(),
            Verb::Watch => self.watch(),
            Verb::Create => self.create(),
            Verb::Update => self.update(),
            Verb::Patch => self.patch(),
            Verb::Delete => self.delete(),
            Verb::DeleteCollection => self.delete_collection(),
        }
    }

    fn kind(&self) -> &'static Kind {
        self.target.kind
    }

    fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or("")
    }

    fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or("")
    }

    fn key(&self) -> ObjectKey {
        ObjectKey::of(self.kind(), self.namespace(), self.name())
    }

    fn part(&self) -> Part {
        match self.target.subresource {
            Subresource::None => Part::Main,
            Subresource::Status => Part::Status,
        }
    }

    fn write(&self) -> Result<Write, ApiError> {
        Ok(Write { run: self.query.run()?, ..self.server.store.write(self.server.validation) })
    }

    fn selector(&self) -> Result<Selector, ApiError> {
        let (labels, fields) = (self.query.text("labelSelector"), self.query.text("fieldSelector"));
        Selector::parse(self.kind(), labels, fields).map_err(|error| ApiError::BadRequest(error.to_string()))
    }

    fn shown(&self, code: StatusCode, object: &Arc<Value>) -> Reply {
        Reply::json(code, &self.view.object(self.kind(), object))
    }

    fn get(&self) -> Result<Reply, ApiError> {
        let object = self.server.store.get_at(self.kind(), &self.key())?;
        Ok(self.shown(StatusCode::OK, &object))
    }

    fn list(&self) -> Result<Reply, ApiError> {
        let selector = self.selector()?;
        let page = Page::parse(&self.query)?;
        // With a selector it shows only in the objects how far a page reaches.
        let most = page.limit.filter(|_| selector.is_empty()).unwrap_or(usize::MAX);
        let listing = self.listing(&page, Window { after: page.after.as_ref(), most })?;
        let selected: Vec<(ObjectKey, Arc<Value>)> =
            listing.items.into_iter().filter(|(_, object)| selector.matches(object)).collect();
        let taken = page.limit.unwrap_or(selected.len()).min(selected.len());
        let left = listing.left + selected.len() - taken;
        let mut metadata = serde_json::json!({"resourceVersion": listing.version.to_string()});
        if let (Some((last, _)), 1..) = (selected[..taken].last(), left) {
            metadata["continue"] = Value::from(page_token(listing.version, last));
            if selector.is_empty() {
                metadata["remainingItemCount"] = Value::from(left);
            }
        }
        let items: Vec<Arc<Value>> = selected.into_iter().take(taken).map(|(_, object)| object).collect();
        Ok(Reply::json_text(StatusCode::OK, self.view.list(self.kind(), &items, &metadata)))
    }

    fn listing(&self, page: &Page, window: Window<'_>) -> Result<Listing, ApiError> {
        let (store, namespace) = (&self.server.store, self.target.namespace.as_deref());
        match page.version {
            PageVersion::Exactly(version) => {
                store.list_at(self.kind(), namespace, version, window).map_err(|error| match error {
                    ApiError::Expired { .. } if page.after.is_some() => ApiError::ContinueExpired,
                    other => other,
                })
            }
            PageVersion::NotOlderThan(version) => {
                let listing = store.list_now(self.kind(), namespace, window);
                match version > listing.version {
                    true => Err(ApiError::TooLargeVersion { asked: version, current: listing.version }),
                    false => Ok(listing),
                }
            }
        }
    }

    fn watch(self) -> Result<Reply, ApiError> {
        let server = self.server;
        let initial_events = match self.query.text("sendInitialEvents") {
            "" => None,
            _ => Some(self.query.is_on("sendInitialEvents")),
        };
        if initial_events.is_some() && self.query.text("resourceVersionMatch") != "NotOlderThan" {
            let message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            let cause = Cause {
                reason: "FieldValueForbidden",
                field: "resourceVersionMatch".to_owned(),
                message: message.to_owned(),
            };
            return Err(ApiError::invalid(self.kind(), "", cause));
        }
        let version = self.query.version()?;
        let start = match (initial_events, version) {
            (Some(true), wanted) => {
                let current = server.store.version();
                if let Some(asked) = wanted.filter(|asked| *asked > current) {
                    return Err(ApiError::TooLargeVersion { asked, current });
                }
                Start::PresentThenBookmark
            }
            (Some(false), None | Some(0)) => Start::After(server.store.version()),
            (None, None | Some(0)) => Start::Present,
            (_, Some(version)) => Start::After(version),
        };
        let timeout = self.query.seconds("timeoutSeconds")?.filter(|it| !it.is_zero());
        let request = WatchRequest {
            kind: self.kind(),
            selector: self.selector()?,
            start,
            bookmarks: if self.query.is_on("allowWatchBookmarks") { Bookmarks::Wanted } else { Bookmarks::Unwanted },
            timeout: timeout.unwrap_or(DEFAULT_WATCH).min(LONGEST_WATCH),
            bookmark_every: server.bookmark_every,
            view: self.view,
            namespace: self.target.namespace,
        };
        let watch = Watch::start(request, server.store.clone(), server.faults.clone(), server.shutdown.clone());
        Ok(Reply::stream(watch))
    }

    /// The object in the body, and warnings about fields that its kind does not have.
    fn checked_body(&self) -> Result<(Value, Vec<String>), ApiError> {
        let object = body::object(&self.headers, &self.body)?;
        let warnings = self.check_fields(&object, &Value::Null)?;
        Ok((object, warnings))
    }

    /// `fieldValidation`: unknown fields that were not in `old` are an error, a warning, or nothing.
    fn check_fields(&self, object: &Value, old: &Value) -> Result<Vec<String>, ApiError> {
        if self.server.validation == Validation::Off {
            return Ok(Vec::new());
        }
        let unknown = || {
            let before = validate::unknown_fields(self.kind(), old);
            let now = validate::unknown_fields(self.kind(), object).into_iter();
            now.filter(move |path| !before.contains(path)).map(|path| format!("unknown field {path:?}"))
        };
        match self.query.text("fieldValidation") {
            "Ignore" => Ok(Vec::new()),
            "Strict" => {
                let unknown: Vec<String> = unknown().collect();
                let kind = self.kind().kind;
                match unknown.is_empty() {
                    true => Ok(Vec::new()),
                    false => Err(ApiError::BadRequest(format!(
                        "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {}",
                        self.kind().version,
                        unknown.join(", ")
                    ))),
                }
            }
            "" | "Warn" => Ok(unknown().collect()),
            other => {
                Err(ApiError::BadRequest(format!("fieldValidation must be Ignore, Warn or Strict, not {other:?}")))
            }
        }
    }

    fn create(&self) -> Result<Reply, ApiError> {
        let (object, warnings) = self.checked_body()?;
        if object["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
            return Err(ApiError::BadRequest("resourceVersion should not be set on objects to be created".to_owned()));
        }
        let created = self.server.store.create_at(self.kind(), self.namespace(), object, &self.write()?)?;
        Ok(self.shown(StatusCode::CREATED, &created).warning(&warnings))
    }

    fn update(&self) -> Result<Reply, ApiError> {
        let (object, warnings) = self.checked_body()?;
        let updated = self.server.store.update_at(self.kind(), &self.key(), object, self.part(), &self.write()?)?;
        Ok(self.shown(StatusCode::OK, &updated).warning(&warnings))
    }

    fn patch(&self) -> Result<Reply, ApiError> {
        let write = self.write()?;
        let media_type = PatchType::of(self.kind(), &self.headers)?;
        let patch = media_type.read(&self.body, |configuration| self.applied(configuration, &write))?;
        let patched = self.server.store.modify_at(
            self.kind(),
            &self.key(),
            |old| {
                let new = patch.apply_to(self.kind(), old)?;
                self.check_fields(&new, old)?;
                Ok(new)
            },
            self.part(),
            &write,
        );
        match (patched, &patch) {
            (Err(ApiError::NotFound(_)), Patch::Apply(applied)) if self.part() == Part::Main => {
                let object = applied.created(self.kind())?;
                self.check_fields(&object, &Value::Null)?;
                let created = self.server.store.create_at(self.kind(), self.namespace(), object, &write)?;
                Ok(self.shown(StatusCode::CREATED, &created))
            }
            (patched, _) => Ok(self.shown(StatusCode::OK, &patched?)),
        }
    }

    fn applied(&self, mut configuration: Value, write: &Write) -> Result<Applied, ApiError> {
        let manager = self.query.text("fieldManager").to_owned();
        if manager.is_empty() || manager.len() > 128 {
            return Err(ApiError::BadRequest(
                "fieldManager is required for apply patch, 128 characters at most".to_owned(),
            ));
        }
        let name = configuration["metadata"]["name"].as_str().unwrap_or("");
        if !name.is_empty() && name != self.name() {
            let message =
                format!("the name of the object ({name}) does not match the name on the URL ({})", self.name());
            return Err(ApiError::BadRequest(message));
        }
        match configuration.as_object_mut() {
            None => return Err(ApiError::BadRequest("an apply configuration must be a JSON object".to_owned())),
            Some(fields) => {
                let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
                if let Some(metadata) = metadata.as_object_mut() {
                    metadata.insert("name".to_owned(), Value::from(self.name()));
                }
            }
        }
        Ok(Applied { configuration, manager, part: self.part(), now: write.now })
    }

    fn delete(&self) -> Result<Reply, ApiError> {
        let options = self.delete_options()?;
        let deletion = self.server.store.delete_at(self.kind(), &self.key(), &options.preconditions, &options.write)?;
        Ok(match deletion {
            Deletion::Gone(object) => Reply::json(StatusCode::OK, &status::deleted(self.kind(), &object)),
            Deletion::Pending(object) => self.shown(StatusCode::OK, &object),
        })
    }

    fn delete_options(&self) -> Result<DeleteOptions, ApiError> {
        let options = body::object(&self.headers, &self.body)?;
        let text = |field: &str| options["preconditions"][field].as_str().map(str::to_owned);
        let preconditions = Preconditions { uid: text("uid"), resource_version: text("resourceVersion") };
        let mut write = self.write()?;
        if options["dryRun"].as_array().is_some_and(|it| it.iter().any(|word| word == "All")) {
            write.run = Run::Dry;
        }
        Ok(DeleteOptions { preconditions, write })
    }

    fn delete_collection(&self) -> Result<Reply, ApiError> {
        let (selector, options) = (self.selector()?, self.delete_options()?);
        let listing = self.server.store.list_now(self.kind(), self.target.namespace.as_deref(), Window::ALL);
        let mut deleted = Vec::new();
        for (key, object) in listing.items.into_iter().filter(|(_, object)| selector.matches(object)) {
            match self.server.store.delete_at(self.kind(), &key, &options.preconditions, &options.write) {
                Ok(Deletion::Gone(object) | Deletion::Pending(object)) => deleted.push(object),
                // Somebody else was faster.
                Err(ApiError::NotFound(_)) => deleted.push(object),
                Err(error) => return Err(error),
            }
        }
        let metadata = serde_json::json!({"resourceVersion": self.server.store.version().to_string()});
        Ok(Reply::json_text(StatusCode::OK, self.view.list(self.kind(), &deleted, &metadata)))
    }
}

/// Kubernetes picks something between 30 and 60 minutes.
const DEFAULT_WATCH: Duration = Duration::from_secs(1_800);
const LONGEST_WATCH: Duration = Duration::from_secs(86_400);

struct DeleteOptions {
    preconditions: Preconditions,
    write: Write,
}

/// Which part of a list, as of when.
#[derive(Debug, PartialEq)]
struct Page {
    limit: Option<usize>,
    after: Option<ObjectKey>,
    version: PageVersion,
}

#[derive(Debug, PartialEq)]
enum PageVersion {
    Exactly(u64),
    NotOlderThan(u64),
}

impl Page {
    fn parse(query: &Query) -> Result<Self, ApiError> {
        let limit =
            query.number("limit")?.filter(|limit| *limit > 0).map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let version = query.version()?;
        if !query.text("continue").is_empty() {
            let broken = || ApiError::BadRequest("continue key is not valid".to_owned());
            let (version, after) = read_page_token(query.text("continue")).ok_or_else(broken)?;
            return Ok(Self { limit, after: Some(after), version: PageVersion::Exactly(version) });
        }
        let version = match (query.text("resourceVersionMatch"), version) {
            ("Exact", Some(version)) if version > 0 => PageVersion::Exactly(version),
            ("Exact", _) => {
                let message = "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"";
                return Err(ApiError::BadRequest(message.to_owned()));
            }
            ("" | "NotOlderThan", version) => PageVersion::NotOlderThan(version.unwrap_or(0)),
            (other, _) => return Err(ApiError::BadRequest(format!("unknown resourceVersionMatch {other:?}"))),
        };
        Ok(Self { limit, after: None, version })
    }
}

/// Where the next page of a list begins. Namespaces and names hold no slash, so the parts cannot run into each other.
fn page_token(version: u64, last: &ObjectKey) -> String {
    format!("{version}/{}/{}", last.namespace, last.name)
}

fn read_page_token(token: &str) -> Option<(u64, ObjectKey)> {
    let mut parts = token.splitn(3, '/');
    let (version, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some((version.parse().ok()?, ObjectKey::new(namespace, name)))
}
