//! Options of entry points: `http.md` 4.2.
use super::{Kind, OptionRow, Support, ignored, section, works};

const COUNT: Kind = Kind::Int { min: 0, max: u32::MAX as i64 };
const STRATEGIES: Kind = Kind::Enum(&["keep", "delete", "reject"]);
const NO_RESOLVER: &str = "this version has no certificate resolvers; certificates are those of spec.tls";
const TABLES: &str = "the tables of HTTP/2 have their usual size";
const NOTHING_OBSERVED: &str = "this version writes no access log, metrics or traces";

const fn planned(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
    why: &'static str,
) -> OptionRow {
    OptionRow { path, kind, default, help, support: Support::Planned(why) }
}

pub(super) const ROWS: &[OptionRow] = &[
    works(
        "entryPoints.<name>.address",
        Kind::Address,
        "",
        "where to listen: `[host]:port[/tcp|/udp]`, no host means all interfaces",
    ),
    works(
        "entryPoints.<name>.asDefault",
        Kind::Bool,
        "false",
        "if any entry point has it, routers that name none get those that have it",
    ),
    works(
        "entryPoints.<name>.reusePort",
        Kind::Bool,
        "false",
        "let other processes listen on the same port (SO_REUSEPORT); it is listened on from the first complete configuration on",
    ),
    works(
        "entryPoints.<name>.transport.lifeCycle.requestAcceptGraceTimeout",
        Kind::Duration,
        "0s",
        "how long requests are still accepted after the stop signal, while ping already fails",
    ),
    works(
        "entryPoints.<name>.transport.lifeCycle.graceTimeOut",
        Kind::Duration,
        "10s",
        "how long running requests may take to end after that",
    ),
    works(
        "entryPoints.<name>.transport.respondingTimeouts.readTimeout",
        Kind::Duration,
        "60s",
        "longest time to read a whole request with its body; 0 for no limit",
    ),
    works(
        "entryPoints.<name>.transport.respondingTimeouts.writeTimeout",
        Kind::Duration,
        "0s",
        "longest time from the end of the request head to the end of the answer; 0 for no limit",
    ),
    works(
        "entryPoints.<name>.transport.respondingTimeouts.idleTimeout",
        Kind::Duration,
        "180s",
        "longest silence of a keep-alive connection; 0 for no limit",
    ),
    works(
        "entryPoints.<name>.http.maxHeaderBytes",
        Kind::Int { min: 0, max: 1 << 30 },
        "1048576",
        "largest request head in bytes; 0 for the default",
    ),
    works(
        "entryPoints.<name>.http.sanitizePath",
        Kind::Bool,
        "true",
        "resolve `.`, `..` and repeated slashes before routing",
    ),
    works("entryPoints.<name>.http.encodeQuerySemicolons", Kind::Bool, "false", "send `;` in a query on as `%3B`"),
    works(
        "entryPoints.<name>.forwardedHeaders.insecure",
        Kind::Bool,
        "false",
        "believe the X-Forwarded headers of every peer",
    ),
    works(
        "entryPoints.<name>.forwardedHeaders.trustedIPs",
        Kind::List,
        "",
        "addresses or networks whose X-Forwarded headers are believed",
    ),
    works(
        "entryPoints.<name>.forwardedHeaders.connection",
        Kind::List,
        "",
        "headers that rules and middlewares see although Connection lists them; servers do not get them",
    ),
    works(
        "entryPoints.<name>.forwardedHeaders.notAppendXForwardedFor",
        Kind::Bool,
        "false",
        "do not add the peer to X-Forwarded-For",
    ),
    works(
        "entryPoints.<name>.proxyProtocol",
        Kind::Presence,
        "",
        "read PROXY headers; only those of trusted peers tell the address of the client",
    ),
    works("entryPoints.<name>.proxyProtocol.insecure", Kind::Bool, "false", "believe the PROXY headers of every peer"),
    works(
        "entryPoints.<name>.proxyProtocol.trustedIPs",
        Kind::List,
        "",
        "addresses or networks whose PROXY headers are believed",
    ),
    works(
        "entryPoints.<name>.allowACMEByPass",
        Kind::Bool,
        "false",
        "let routers answer ACME challenges: the redirection leaves their paths out",
    ),
    works(
        "entryPoints.<name>.http.middlewares",
        Kind::List,
        "",
        "middlewares of every router of the entry point; with one that does not exist, its routers answer 503",
    ),
    works(
        "entryPoints.<name>.http.tls",
        Kind::Presence,
        "",
        "serve every router of the entry point over TLS, unless it has a TLS block of its own",
    ),
    works("entryPoints.<name>.http.tls.options", Kind::Text, "", "TLS options of these routers, `name@provider`"),
    planned("entryPoints.<name>.http.tls.certResolver", Kind::Text, "", "who makes their certificates", NO_RESOLVER),
    planned(
        "entryPoints.<name>.http.tls.domains[n].main",
        Kind::Text,
        "",
        "main name of a certificate to have",
        NO_RESOLVER,
    ),
    planned(
        "entryPoints.<name>.http.tls.domains[n].sans",
        Kind::List,
        "",
        "further names of that certificate",
        NO_RESOLVER,
    ),
    works(
        "entryPoints.<name>.http.redirections.entryPoint.to",
        Kind::Text,
        "",
        "redirect everything to this entry point or `:port`",
    ),
    works("entryPoints.<name>.http.redirections.entryPoint.scheme", Kind::Text, "https", "scheme of the new location"),
    works(
        "entryPoints.<name>.http.redirections.entryPoint.permanent",
        Kind::Bool,
        "true",
        "301 and 308 instead of 302 and 307",
    ),
    works(
        "entryPoints.<name>.http.redirections.entryPoint.priority",
        Kind::Int { min: i64::MIN, max: i64::MAX },
        "9223372036854775806",
        "priority of the redirection; routers with a higher one are not redirected",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedSlash",
        Kind::Bool,
        "true",
        "let paths hold `%2F`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedBackSlash",
        Kind::Bool,
        "true",
        "let paths hold `%5C`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedNullCharacter",
        Kind::Bool,
        "true",
        "let paths hold `%00`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedSemicolon",
        Kind::Bool,
        "true",
        "let paths hold `%3B`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedPercent",
        Kind::Bool,
        "true",
        "let paths hold `%25`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedQuestionMark",
        Kind::Bool,
        "true",
        "let paths hold `%3F`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.encodedCharacters.allowEncodedHash",
        Kind::Bool,
        "true",
        "let paths hold `%23`; 400 otherwise",
    ),
    works(
        "entryPoints.<name>.http.underscoreHeadersStrategy",
        STRATEGIES,
        "keep",
        "what to do with header names that hold `_`",
    ),
    works(
        "entryPoints.<name>.http.aliasHeadersStrategy",
        STRATEGIES,
        "keep",
        "what to do with header names that hold other characters than letters, digits and dashes",
    ),
    works("entryPoints.<name>.http2.maxConcurrentStreams", COUNT, "250", "HTTP/2 streams per connection at a time"),
    works(
        "entryPoints.<name>.http2.maxDecoderHeaderTableSize",
        COUNT,
        "4096",
        "HTTP/2 header table of requests, bytes per connection",
    ),
    ignored(
        "entryPoints.<name>.http2.maxEncoderHeaderTableSize",
        COUNT,
        "4096",
        "HTTP/2 header table of answers, bytes",
        TABLES,
    ),
    section("entryPoints.<name>.http3", "HTTP/3", ""),
    works(
        "entryPoints.<name>.transport.keepAliveMaxTime",
        Kind::Duration,
        "0s",
        "age of a connection from which on the next answer is its last; 0 for no limit",
    ),
    works("entryPoints.<name>.transport.keepAliveMaxRequests", COUNT, "0", "requests per connection; 0 for no limit"),
    ignored(
        "entryPoints.<name>.udp.timeout",
        Kind::Duration,
        "3s",
        "idle time of a UDP session",
        "no entry point of this version is UDP",
    ),
    ignored(
        "entryPoints.<name>.observability.accessLogs",
        Kind::Bool,
        "true",
        "access log of its routers",
        NOTHING_OBSERVED,
    ),
    ignored("entryPoints.<name>.observability.metrics", Kind::Bool, "true", "metrics of its routers", NOTHING_OBSERVED),
    ignored("entryPoints.<name>.observability.tracing", Kind::Bool, "true", "traces of its routers", NOTHING_OBSERVED),
    ignored(
        "entryPoints.<name>.observability.traceVerbosity",
        Kind::Enum(&["minimal", "detailed"]),
        "minimal",
        "spans per request",
        NOTHING_OBSERVED,
    ),
];
