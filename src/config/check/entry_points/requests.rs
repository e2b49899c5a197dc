//! What an entry point does to every request (`http.md` 4.2).
use std::num::NonZeroU64;
use std::sync::Arc;

use super::super::super::report::Findings;
use super::super::super::settings::Scope;
use super::super::super::{
    EncodedCharacter, EncodedCharacters, HeaderNames, Http2, KeepAlive, NameStrategy, Observability,
};

const MIDDLEWARES: &str = "entryPoints.<name>.http.middlewares";
const ALIASES: &str = "entryPoints.<name>.http.aliasHeadersStrategy";
const UNDERSCORES: &str = "entryPoints.<name>.http.underscoreHeadersStrategy";

/// No middleware exists in this version, so whatever is named is missing. The process starts: other entry points serve.
pub(super) fn middlewares(scope: Scope<'_>, findings: &mut Findings) -> Vec<Arc<str>> {
    let names = scope.list(MIDDLEWARES);
    if !names.is_empty() {
        let text = format!(
            "this version has no middlewares: every router of the entry point answers 503; remove {} if its routes are \
             safe without",
            names.join(", ")
        );
        findings.warning(scope.origin(MIDDLEWARES), text);
    }
    names.into_iter().map(Arc::from).collect()
}

pub(super) fn encoded_characters(scope: Scope<'_>) -> Option<EncodedCharacters> {
    let allowed = |character: EncodedCharacter| {
        scope.flag(match character {
            EncodedCharacter::Slash => "entryPoints.<name>.http.encodedCharacters.allowEncodedSlash",
            EncodedCharacter::BackSlash => "entryPoints.<name>.http.encodedCharacters.allowEncodedBackSlash",
            EncodedCharacter::Null => "entryPoints.<name>.http.encodedCharacters.allowEncodedNullCharacter",
            EncodedCharacter::Semicolon => "entryPoints.<name>.http.encodedCharacters.allowEncodedSemicolon",
            EncodedCharacter::Percent => "entryPoints.<name>.http.encodedCharacters.allowEncodedPercent",
            EncodedCharacter::QuestionMark => "entryPoints.<name>.http.encodedCharacters.allowEncodedQuestionMark",
            EncodedCharacter::Hash => "entryPoints.<name>.http.encodedCharacters.allowEncodedHash",
        })
    };
    let denied = EncodedCharacter::ALL.into_iter().filter(|character| !allowed(*character)).collect();
    scope.any_below("entryPoints.<name>.http.encodedCharacters").then_some(EncodedCharacters { denied })
}

pub(super) fn header_names(scope: Scope<'_>, findings: &mut Findings) -> HeaderNames {
    let given = |path| {
        scope.origin(path).map(|_| match scope.word(path) {
            "delete" => NameStrategy::Delete,
            "reject" => NameStrategy::Reject,
            _ => NameStrategy::Keep,
        })
    };
    let names = HeaderNames { aliases: given(ALIASES), underscores: given(UNDERSCORES) };
    if names.underscores.is_some() {
        findings
            .warning(scope.origin(UNDERSCORES), "deprecated: use aliasHeadersStrategy, which covers underscores, too");
    }
    if names.aliases.zip(names.underscores).is_some_and(|(aliases, underscores)| aliases != underscores) {
        findings.mistake(scope.origin(UNDERSCORES), "contradicts aliasHeadersStrategy: remove one of them");
    }
    names
}

pub(super) fn keep_alive(scope: Scope<'_>) -> KeepAlive {
    let requests = scope.int("entryPoints.<name>.transport.keepAliveMaxRequests");
    KeepAlive {
        max_requests: requests.and_then(|count| u64::try_from(count).ok()).and_then(NonZeroU64::new),
        max_time: scope.limit("entryPoints.<name>.transport.keepAliveMaxTime"),
    }
}

pub(super) fn http2(scope: Scope<'_>) -> Http2 {
    let number = |path| scope.int(path).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    Http2 {
        max_concurrent_streams: number("entryPoints.<name>.http2.maxConcurrentStreams"),
        max_decoder_header_table_size: number("entryPoints.<name>.http2.maxDecoderHeaderTableSize"),
        max_encoder_header_table_size: number("entryPoints.<name>.http2.maxEncoderHeaderTableSize"),
    }
}

pub(super) fn observability(scope: Scope<'_>) -> Option<Observability> {
    scope.any_below("entryPoints.<name>.observability").then(|| Observability {
        access_logs: scope.flag("entryPoints.<name>.observability.accessLogs"),
        metrics: scope.flag("entryPoints.<name>.observability.metrics"),
        tracing: scope.flag("entryPoints.<name>.observability.tracing"),
        trace_verbosity: scope.word("entryPoints.<name>.observability.traceVerbosity"),
    })
}
